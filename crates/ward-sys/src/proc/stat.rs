//! `/proc/<pid>/stat`, as values. Pure.

/// The fields of one process, in the kernel's units (proc(5)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stat {
    /// Process id.
    pub pid: i32,
    /// One letter: `R`, `S`, `D`, `T`, `Z`...
    pub state: u8,
    /// Parent; 0 if it is outside of our view.
    pub ppid: i32,
    /// Process group.
    pub group: i32,
    /// Session.
    pub session: i32,
    /// CPU time in user mode, in clock ticks.
    pub user_ticks: u64,
    /// CPU time in kernel mode, in clock ticks.
    pub system_ticks: u64,
    /// CPU time of collected children in both modes, in clock ticks.
    pub children_ticks: u64,
    /// Number of threads.
    pub threads: u32,
    /// The time of the start, in clock ticks since boot.
    pub start_time: u64,
    /// Resident memory in pages.
    pub rss_pages: u64,
}

impl Stat {
    /// Whether the process has ended and waits for its parent to collect it.
    pub fn is_zombie(&self) -> bool {
        matches!(self.state, b'Z' | b'X' | b'x')
    }
}

/// Parses the one line of the file. The name in it may hold anything, parentheses and newlines too,
/// so fields are counted from the last closing parenthesis. `None` if it is no such line.
pub(crate) fn parse_stat(line: &[u8]) -> Option<Stat> {
    let open = line.iter().position(|&byte| byte == b'(')?;
    let close = line.iter().rposition(|&byte| byte == b')')?;
    if close < open {
        return None;
    }
    let pid = number(line[..open].trim_ascii())?;
    let rest = line[close + 1..].trim_ascii();
    // Field numbers of proc(5), less three.
    let mut fields = rest.split(|&byte| byte == b' ');
    let state = *fields.next()?.first()?;
    let ppid = number(fields.next()?)?;
    let group = number(fields.next()?)?;
    let session = number(fields.next()?)?;
    let mut fields = fields.skip(7);
    let user_ticks = number(fields.next()?)?;
    let system_ticks = number(fields.next()?)?;
    let waited_user: u64 = number(fields.next()?)?;
    let waited_system: u64 = number(fields.next()?)?;
    let mut fields = fields.skip(2);
    let threads = number(fields.next()?)?;
    let mut fields = fields.skip(1);
    let start_time = number(fields.next()?)?;
    let mut fields = fields.skip(1);
    // A thread group on its way out can show a negative number.
    let rss: i64 = number(fields.next()?)?;
    Some(Stat {
        pid,
        state,
        ppid,
        group,
        session,
        user_ticks,
        system_ticks,
        children_ticks: waited_user.saturating_add(waited_system),
        threads,
        start_time,
        rss_pages: u64::try_from(rss).unwrap_or(0),
    })
}

fn number<N: std::str::FromStr>(field: &[u8]) -> Option<N> {
    str::from_utf8(field).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line(name: &[u8], stat: &Stat) -> Vec<u8> {
        let mut line = format!("{} (", stat.pid).into_bytes();
        line.extend_from_slice(name);
        let state = char::from(stat.state);
        let Stat {
            ppid,
            group,
            session,
            user_ticks,
            system_ticks,
            children_ticks,
            ..
        } = stat;
        let Stat {
            threads,
            start_time,
            rss_pages,
            ..
        } = stat;
        line.extend_from_slice(
            format!(
                ") {state} {ppid} {group} {session} 0 -1 4194560 1 2 3 4 {user_ticks} {system_ticks} \
                 {children_ticks} 0 20 0 {threads} 0 {start_time} 9699328 {rss_pages} \
                 18446744073709551615 1 1 0 0 0 0 0\n"
            )
            .as_bytes(),
        );
        line
    }

    proptest! {
        #[test]
        fn any_name_and_any_numbers(
            name in proptest::collection::vec(any::<u8>(), 0..16),
            pid in 1..i32::MAX, ppid in 0..i32::MAX, group in 0..i32::MAX, session in -1..i32::MAX,
            ticks in any::<[u64; 3]>(), threads in any::<u32>(), start_time in any::<u64>(),
            rss_pages in 0..i64::MAX as u64,
            state in proptest::sample::select(b"RSDTtZXI".to_vec()),
        ) {
            let [user_ticks, system_ticks, children_ticks] = ticks;
            let stat = Stat {
                pid, state, ppid, group, session, user_ticks, system_ticks, children_ticks, threads,
                start_time, rss_pages,
            };
            let line = line(&name, &stat);
            prop_assert_eq!(parse_stat(&line), Some(stat));
        }

        #[test]
        fn no_bytes_are_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            parse_stat(&bytes);
        }

        #[test]
        fn no_cut_line_is_a_panic(cut in 0usize..200) {
            let line = line(b"a) (b", &Stat { pid: 1, state: b'S', ..Stat::default() });
            parse_stat(&line[..cut.min(line.len())]);
        }
    }

    #[test]
    fn negative_memory_is_none() {
        let text = b"7 (x) R 1 7 7 0 -1 0 0 0 0 0 1 2 3 4 20 0 1 0 55 0 -3 0";
        let stat = parse_stat(text).unwrap();
        assert_eq!(
            (stat.rss_pages, stat.start_time, stat.children_ticks),
            (0, 55, 7)
        );
    }
}
