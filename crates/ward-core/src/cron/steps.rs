//! `N/S` in a cron pattern: from `N` on, every `S`. PM2's parser takes it, ours does not, so it is
//! spelled out as a list before the pattern is parsed.

use std::borrow::Cow;

use super::BadPattern;

/// What the fields of a pattern count, with seconds first.
const FIELDS: [Field; 6] = [
    Field::counting("second", 60),
    Field::counting("minute", 60),
    Field::counting("hour", 24),
    // PM2's parser forgets here that days and months are counted from 1: `1/7` is the 2nd, the 9th
    // and so on, and a file that moves from PM2 keeps its times.
    Field {
        shift: 1,
        ..Field::counting("day", 31)
    },
    Field {
        shift: 1,
        names: &[
            "", "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
        ],
        ..Field::counting("month", 12)
    },
    // Sunday is 0 and 7.
    Field {
        names: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
        ..Field::counting("day of the week", 8)
    },
];

struct Field {
    what: &'static str,
    size: usize,
    shift: usize,
    names: &'static [&'static str],
}

impl Field {
    const fn counting(what: &'static str, size: usize) -> Self {
        Self {
            what,
            size,
            shift: 0,
            names: &[],
        }
    }

    /// A part of a list: spelled out when it is `N/S`, else as it is.
    fn part<'a>(&self, part: &'a str) -> Result<Cow<'a, str>, BadPattern> {
        let Some((from, step)) = part
            .split_once('/')
            .and_then(|(from, step)| Some((self.number(from)?, step.parse::<usize>().ok()?)))
        else {
            return Ok(part.into());
        };
        if step == 0 || step > self.size {
            return Err(BadPattern::Step {
                part: part.to_owned(),
                most: self.size,
            });
        }
        if from >= self.size {
            return Err(BadPattern::Start {
                part: part.to_owned(),
                field: self.what,
            });
        }
        let values: Vec<String> = (from..self.size)
            .step_by(step)
            .map(|value| (value + self.shift).to_string())
            .collect();
        Ok(values.join(",").into())
    }

    fn number(&self, text: &str) -> Option<usize> {
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            return text.parse().ok();
        }
        let text = text.to_ascii_lowercase();
        self.names.iter().position(|name| *name == text)
    }
}

/// The pattern without `N/S`.
pub(super) fn spelled_out(pattern: &str) -> Result<Cow<'_, str>, BadPattern> {
    let written: Vec<&str> = pattern.split_whitespace().collect();
    let fields = match written.len() {
        5 => &FIELDS[1..],
        6 => &FIELDS[..],
        _ => return Ok(pattern.into()),
    };
    if !pattern.contains('/') {
        return Ok(pattern.into());
    }
    let mut spelled = Vec::with_capacity(fields.len());
    for (field, written) in fields.iter().zip(written) {
        let parts: Result<Vec<_>, _> = written.split(',').map(|part| field.part(part)).collect();
        spelled.push(parts?.join(","));
    }
    Ok(spelled.join(" ").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_become_lists() {
        for (pattern, wanted) in [
            ("40 1/8 * * *", "40 1,9,17 * * *"),
            ("50/5,*/20,7 * * * *", "50,55,*/20,7 * * * *"),
            ("10/20 0 0 * * *", "10,30,50 0 0 * * *"),
            ("0 0 1/10 JAN/6 MON/3", "0 0 2,12,22 2,8 1,4,7"),
            ("*/5 1-9/2 * * *", "*/5 1-9/2 * * *"),
            ("@daily", "@daily"),
            ("1/2 a/b", "1/2 a/b"),
        ] {
            assert_eq!(spelled_out(pattern).unwrap(), wanted, "{pattern}");
        }
    }

    #[test]
    fn steps_that_make_no_sense_say_so() {
        for (pattern, wanted) in [
            ("5/0 * * * *", "the step of \"5/0\" is not between 1 and 60"),
            (
                "0 1/25 * * *",
                "the step of \"1/25\" is not between 1 and 24",
            ),
            ("0 24/2 * * *", "\"24/2\" begins after the last hour"),
            (
                "0 0 * * 8/2",
                "\"8/2\" begins after the last day of the week",
            ),
        ] {
            let error = spelled_out(pattern).unwrap_err();
            assert_eq!(error.to_string(), format!("Cron pattern error: {wanted}"));
        }
    }
}
