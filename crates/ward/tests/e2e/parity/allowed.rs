//! The table of docs/differences.md: what may differ, and the case that shows it.

use std::path::Path;

use super::case::Case;
use super::compare::Difference;

/// The allowed differences.
pub(super) struct Allowed {
    rows: Vec<Row>,
}

/// A row of the table. The first three are patterns: `*` stands for any text.
struct Row {
    place: String,
    pm2: String,
    ward: String,
    /// The case that shows it; `varies` where it depends on time whether it is seen.
    example: String,
    /// `only` behind the case: elsewhere the same would be a defect.
    is_only_there: bool,
    is_needed: bool,
}

impl Allowed {
    pub(super) fn read() -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/differences.md");
        let text = std::fs::read_to_string(path).expect("docs/differences.md");
        let rows = text.lines().filter(|line| line.starts_with("| `"));
        Self {
            rows: rows.map(Row::read).collect(),
        }
    }

    /// Whether a row of the table says so.
    pub(super) fn has(&mut self, case: &Case, difference: &Difference) -> bool {
        let mut is_allowed = false;
        for row in self.rows.iter_mut().filter(|row| row.is_about(difference)) {
            let is_example = row.example == case.name;
            is_allowed |= is_example || !row.is_only_there;
            row.is_needed |= is_example;
        }
        is_allowed
    }

    /// The rows that this case should show and does not.
    pub(super) fn not_needed_by(&self, case: &Case) -> String {
        let stale = self.rows.iter();
        let stale = stale.filter(|row| row.example == case.name && !row.is_needed);
        let lines = stale.map(|row| {
            let Row { place, pm2, ward, .. } = row;
            format!("{}: docs/differences.md allows `{place}`: PM2 `{pm2}`, ward `{ward}`, but they are the same\n", case.name)
        });
        lines.collect()
    }

    /// The cases that the table names.
    pub(super) fn examples(&self) -> impl Iterator<Item = &str> {
        self.rows.iter().map(|row| row.example.as_str())
    }
}

impl Row {
    fn read(line: &str) -> Self {
        let line = line.trim_matches('|').replace("\\|", "\0");
        let cells = line.split('|').map(|cell| cell.trim().replace('\0', "|"));
        let cells: Vec<String> = cells.collect();
        let [place, pm2, ward, example, reason] = &cells[..] else {
            panic!("five columns in {line}")
        };
        let pattern = |cell: &str| cell.trim_matches('`').to_owned();
        assert!(!reason.is_empty(), "a reason in {line}");
        let case = pattern(example);
        Self {
            place: pattern(place),
            pm2: pattern(pm2),
            ward: pattern(ward),
            example: case.trim_end_matches(" only").to_owned(),
            is_only_there: case.ends_with(" only"),
            is_needed: false,
        }
    }

    fn is_about(&self, difference: &Difference) -> bool {
        let fits = |pattern: &str, value: &Option<String>| {
            matches(pattern, value.as_deref().unwrap_or("absent"))
        };
        matches(&self.place, &difference.place)
            && fits(&self.pm2, &difference.pm2)
            && fits(&self.ward, &difference.ward)
    }
}

/// Whether a text is like a pattern in which `*` stands for any text.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, rest)) => text.strip_prefix(start).is_some_and(|text| {
            let ends = (0..=text.len()).filter(|end| text.is_char_boundary(*end));
            rest.is_empty() || ends.into_iter().any(|end| matches(rest, &text[end..]))
        }),
    }
}
