//! Names and numbers of signals, as Linux has them on every machine ward runs on. This is the one
//! table: `ward-sys` takes and gives numbers only.

use crate::suggest;

/// The usual polite request.
pub const INT: i32 = 2;

/// What programs may use of the real-time signals, as glibc counts them: the kernel's 32 and 33 are its own.
/// (musl keeps 34 as well; `SIGRTMIN` is 34 here nevertheless, so that a declaration means the same signal under
/// both builds.)
const REAL_TIME: core::ops::RangeInclusive<i32> = 34..=64;

/// Names without `SIG`, in the order of the numbers: the first is 1.
const NAMES: [&str; 31] = [
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2",
    "PIPE", "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG",
    "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
];

/// Other names of the same signals.
const ALIASES: [(&str, &str); 4] = [
    ("IOT", "ABRT"),
    ("CLD", "CHLD"),
    ("POLL", "IO"),
    ("UNUSED", "SYS"),
];

/// The number of `SIGTERM`, `TERM`, `term`, `15` or `SIGRTMIN+1`; `None` if there is no such signal.
pub fn number(text: &str) -> Option<i32> {
    if let Ok(number) = text.parse::<i32>() {
        return exists(number).then_some(number);
    }
    let upper = text.to_ascii_uppercase();
    let bare = upper.strip_prefix("SIG").unwrap_or(&upper);
    if let Some(offset) = bare.strip_prefix("RTMIN") {
        return real_time(*REAL_TIME.start(), offset);
    }
    if let Some(offset) = bare.strip_prefix("RTMAX") {
        return real_time(*REAL_TIME.end(), offset);
    }
    let alias = ALIASES.iter().find(|(alias, _)| *alias == bare);
    let name = alias.map_or(bare, |(_, name)| name);
    let index = NAMES.iter().position(|known| *known == name)?;
    i32::try_from(index + 1).ok()
}

fn real_time(base: i32, offset: &str) -> Option<i32> {
    let offset = if offset.is_empty() {
        0
    } else {
        offset.parse().ok()?
    };
    base.checked_add(offset)
        .filter(|number| REAL_TIME.contains(number))
}

fn exists(number: i32) -> bool {
    REAL_TIME.contains(&number) || standard_name(number).is_some()
}

fn standard_name(number: i32) -> Option<&'static str> {
    let index = usize::try_from(number.checked_sub(1)?).ok()?;
    NAMES.get(index).copied()
}

/// `SIGTERM` for 15, `SIGRTMIN+1` for 35; a number without a name stays one: `SIG33`.
pub fn name(number: i32) -> String {
    let base = *REAL_TIME.start();
    match standard_name(number) {
        Some(name) => format!("SIG{name}"),
        None if number == base => "SIGRTMIN".to_owned(),
        None if REAL_TIME.contains(&number) => format!("SIGRTMIN+{}", number - base),
        None => format!("SIG{number}"),
    }
}

/// A text that names no signal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{given}\" is no signal, {}", hint(.nearest.as_deref()))]
pub struct UnknownSignal {
    /// The text.
    given: String,
    /// The name that was probably meant.
    nearest: Option<String>,
}

fn hint(nearest: Option<&str>) -> String {
    match nearest {
        Some(name) => format!("did you mean {name}?"),
        None => {
            "use a name such as SIGINT, SIGTERM, SIGQUIT, SIGHUP, SIGUSR1 or SIGUSR2".to_owned()
        }
    }
}

/// As [`number`], with an error for people.
///
/// # Errors
///
/// There is no such signal.
pub fn parse(text: &str) -> Result<i32, UnknownSignal> {
    number(text).ok_or_else(|| {
        let upper = text.to_ascii_uppercase();
        let bare = upper.strip_prefix("SIG").unwrap_or(&upper);
        let nearest = suggest::nearest(bare, NAMES.into_iter());
        UnknownSignal {
            given: text.to_owned(),
            nearest: nearest.map(|name| format!("SIG{name}")),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_agree() {
        for signal in (1..=31).chain(REAL_TIME) {
            let name = name(signal);
            assert_eq!(number(&name), Some(signal), "{name}");
            assert_eq!(number(name.strip_prefix("SIG").unwrap()), Some(signal));
            assert_eq!(number(&signal.to_string()), Some(signal));
        }
        for (text, wanted) in [
            ("sigint", 2),
            ("IOT", 6),
            ("CLD", 17),
            ("SIGPWR", 30),
            ("RTMAX", 64),
            ("SIGRTMAX-1", 63),
        ] {
            assert_eq!(number(text), Some(wanted), "{text}");
        }
    }

    #[test]
    fn a_mistyped_name_is_told_with_the_one_that_was_meant() {
        let text = |given| parse(given).unwrap_err().to_string();
        assert_eq!(
            text("SIGTREM"),
            "\"SIGTREM\" is no signal, did you mean SIGTERM?"
        );
        assert!(text("usr").ends_with("did you mean SIGUSR1?"));
        assert!(text("please").ends_with("SIGUSR1 or SIGUSR2"));
        assert_eq!(parse("term"), Ok(15));
    }

    #[test]
    fn what_is_no_signal_has_no_number() {
        for text in [
            "",
            "SIG",
            "SIGNOPE",
            "0",
            "-1",
            "65",
            "32",
            "33",
            "RTMIN+99",
            "RTMAX+1",
            "SIGRTMIN-1",
        ] {
            assert_eq!(number(text), None, "{text}");
        }
        assert_eq!(name(0), "SIG0");
        assert_eq!(name(33), "SIG33");
        assert_eq!(name(99), "SIG99");
    }
}
