//! The kernel may tell late, or not at all: its own thread tells of the ends of all connections of the
//! machine in their order, those of others included, and on a busy machine it falls behind by many
//! seconds without an overrun that would be reported. So when it has been silent for a while, though
//! there are connections, they are listed.

use std::time::{Duration, Instant};

use super::Primary;
use crate::cluster::Context;

/// After so long a silence connections are listed. It doubles as long as the list says nothing new.
const SILENCE: Duration = Duration::from_secs(1);

/// Silence never grows longer than this without a list.
const LONGEST_SILENCE: Duration = Duration::from_mins(1);

/// To list takes longer the more sockets the machine has: it is never done for more than one part in
/// so many of the time.
const SHARE: u32 = 20;

/// When connections are listed next.
#[derive(Debug)]
pub(super) struct Relist {
    at: Instant,
    /// The last list took so long that there is none before.
    not_before: Instant,
    silence: Duration,
    /// The kernel has told of something since it was looked at last.
    pub(super) heard: bool,
}

impl Primary {
    /// A connection is counted: its end is to be told some day.
    pub(in crate::cluster) fn expect_closings(&mut self, now: Instant) {
        if self.census.counting.is_none() {
            return;
        }
        let soon = now + SILENCE;
        let relist = self.census.relist.get_or_insert(Relist {
            at: soon,
            not_before: now,
            silence: SILENCE,
            heard: false,
        });
        relist.at = relist.at.min(soon.max(relist.not_before));
        relist.silence = SILENCE;
        let at = relist.at;
        self.wake_by(Some(at));
    }

    /// Lists the connections when the kernel has been silent for too long.
    pub(in crate::cluster) fn look_at_silence(&mut self, now: Instant, cx: &mut Context) {
        let Some(relist) = &mut self.census.relist else {
            return;
        };
        if relist.at > now {
            let at = relist.at;
            return self.wake_by(Some(at));
        }
        if self.census.counting.is_none() || self.census.owners.is_empty() {
            self.census.relist = None;
            return;
        }
        let mut listed_for = Duration::ZERO;
        if core::mem::take(&mut relist.heard) {
            relist.silence = SILENCE;
        } else {
            relist.silence = (relist.silence * 2).min(LONGEST_SILENCE);
            let (before, began) = (self.census.owners.len(), Instant::now());
            self.look_at_closings(true, cx);
            listed_for = began.elapsed();
            if self.census.owners.len() < before
                && let Some(relist) = &mut self.census.relist
            {
                relist.silence = SILENCE;
            }
        }
        if let Some(relist) = &mut self.census.relist {
            relist.not_before = now + listed_for.saturating_mul(SHARE);
            relist.at = relist.not_before.max(now + relist.silence);
            let at = relist.at;
            self.wake_by(Some(at));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpStream};

    use ward_core::cluster::{ClusterOptions, Role, Sched};
    use ward_core::id::{InstanceId, Life};
    use ward_wire::node_ipc::{Line, LineDecoder};

    use super::*;
    use crate::channel::{Links, pair};
    use crate::cluster::{ConnectionCount, Protocol, Words, WorkerConfig};
    use crate::node::Runtime;
    use crate::poll::{Poll, Token};

    fn says(primary: &mut Primary, token: Token, line: &str, cx: &mut Context) {
        let mut lines = LineDecoder::new();
        lines.push(format!("{line}\n").as_bytes());
        let Some(Line::Internal(message)) = lines.next() else {
            panic!("{line} is no message of Node's");
        };
        primary.heard(token, Words::Internal(message), cx);
    }

    #[test]
    fn an_end_that_was_not_told_of_is_found() {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let mut cx = Context::new(Links::new(Poll::new().unwrap()), |_| {});
        let mut primary = Primary::default();
        let (ours, theirs) = pair().unwrap();
        let token = cx.links.open(Life(1), ours, Role::Worker);
        let gauge = ConnectionCount::default();
        let config = WorkerConfig {
            app: "app".to_owned(),
            instance: InstanceId(1),
            options: ClusterOptions {
                sched: Sched::LeastConnections,
                ..ClusterOptions::default()
            },
            weight: 1,
            rights: crate::rights::Rights::default(),
            wait_ready: false,
            protocol: Protocol::Node {
                runtime: Runtime::Node,
                has_agent: true,
            },
            gauge: gauge.clone(),
            complaint: None,
        };
        primary.add(token, Life(1), config, &cx);
        let address = format!(
            r#""index":0,"data":null,"address":"127.0.0.1","port":{port},"addressType":4,"backlog":0"#
        );
        for (number, act) in ["online", "queryServer", "listening"].iter().enumerate() {
            let line =
                format!(r#"{{"cmd":"NODE_CLUSTER","seq":{number},"act":"{act}",{address}}}"#);
            says(&mut primary, token, &line, &mut cx);
        }
        // The kernel tells, but of no port of ours.
        let counting = primary.census.counting.as_ref().expect("the kernel tells");
        counting.closings.watch(&[]).unwrap();
        let listener = *primary.listeners.keys().next().unwrap();
        let client = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        primary.connections_wait(listener, &mut cx);
        assert_eq!(gauge.read(), Some(1));
        // It takes the connection, and both sides close it.
        let delivery = *primary.workers[&token].inflight.keys().next().unwrap();
        primary.answered(token, delivery, true, &mut cx);
        drop((client, theirs));
        primary.tick(Instant::now() + SILENCE, &mut cx);
        assert_eq!(gauge.read(), Some(0));
    }
}
