//! What workers say to their primary.

use std::time::Instant;

use super::port::{Said, Words};
use super::worker::Phase;
use super::{Context, Primary, WorkerEvent};
use crate::poll::Token;

impl Primary {
    /// A message of a worker.
    pub(crate) fn heard(&mut self, token: Token, words: Words<'_>, cx: &mut Context) {
        let said = self.workers.get_mut(&token).map(|it| it.port.hear(words));
        if let Some(said) = said.flatten() {
            self.said(token, said, cx);
        }
    }

    fn said(&mut self, token: Token, said: Said, cx: &mut Context) {
        match said {
            Said::Arrived(delivery) => self.arrived(token, delivery, cx),
            Said::Answered { delivery, accepted } => self.answered(token, delivery, accepted, cx),
            Said::Lost(delivery) => self.lost(token, delivery, cx),
            Said::Ready => self.said_ready(token, cx),
            Said::Asks {
                question,
                key,
                query,
            } => self.query(token, question, key, &query, cx),
            Said::Listening { key, query } => self.listening(token, &key, &query, cx),
            Said::Closed { key } => self.closed(token, &key, cx),
            Said::Leaving { question } => self.leaving(token, question, cx),
            about_itself => self.described(token, about_itself, cx),
        }
    }

    /// The worker may get connections.
    pub(super) fn said_ready(&mut self, token: Token, cx: &mut Context) {
        if let Some(worker) = self.workers.get_mut(&token)
            && !core::mem::replace(&mut worker.admitted, true)
        {
            worker.begin_rotation(Instant::now());
            self.serve_all(token, Instant::now(), cx);
        }
    }

    fn leaving(&mut self, token: Token, question: u64, cx: &mut Context) {
        if let Some(worker) = self.workers.get_mut(&token) {
            worker.phase = Phase::Leaving;
            let line = worker.port.leave(question);
            cx.links.send(token, line, None);
        }
    }

    /// What a worker tells about itself.
    fn described(&mut self, token: Token, said: Said, cx: &Context) {
        let Some(worker) = self.workers.get_mut(&token) else {
            return;
        };
        let life = worker.life;
        match said {
            Said::Online => {
                worker.silent_until = None;
                cx.tell(life, WorkerEvent::Online);
            }
            Said::Launching => worker.silent_until = None,
            Said::Version(version) => cx.tell(life, WorkerEvent::Version(version)),
            Said::Open(now) => {
                let (began, _) = worker.open.unwrap_or((now, now));
                worker.open = Some((began, now));
            }
            Said::Drained => worker.tell_drained(cx),
            Said::Alone(reason) => {
                worker.silent_until = None;
                cx.tell(life, WorkerEvent::Alone(reason));
            }
            // One that asked for a socket is about to listen.
            Said::Settled if worker.keys.is_empty() => cx.tell(life, WorkerEvent::Settled),
            _ => {}
        }
    }
}
