//! The differences between two sides of a case, in words.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use serde_json::Value;

use super::allowed::Allowed;
use super::case::Case;
use super::side::{Seen, Story};

/// One difference.
pub(super) struct Difference {
    /// Where it is, such as `record.exit_code`, `env.PATH`, `stdout`, `log logs/a-out.log`.
    pub(super) place: String,
    pub(super) pm2: Option<String>,
    pub(super) ward: Option<String>,
}

/// All differences of a case that are not allowed, or nothing.
pub(super) fn case(case: &Case, pm2: &Story, ward: &Story, allowed: &mut Allowed) -> String {
    let mut report = String::new();
    let mut known = BTreeSet::new();
    for (pm2, ward) in pm2.steps.iter().zip(&ward.steps) {
        let mut lines = String::new();
        for (app, difference) in step(pm2, ward) {
            let line = format!("    {app}{}\n", difference.shown());
            // What stays different is shown once.
            let is_new = app.is_empty() || known.insert(line.clone());
            if !allowed.has(case, &difference) && is_new {
                lines += &line;
            }
        }
        if !lines.is_empty() {
            write!(report, "  $ {}\n{lines}", pm2.step).expect("a text grows");
        }
    }
    for difference in texts("log", &pm2.logs, &ward.logs) {
        if !allowed.has(case, &difference) {
            writeln!(report, "  {}", difference.shown()).expect("a text grows");
        }
    }
    if report.is_empty() {
        report
    } else {
        format!("{}\n{report}", case.name)
    }
}

impl Difference {
    fn shown(&self) -> String {
        let side = |it: &Option<String>| it.clone().unwrap_or_else(|| "absent".to_owned());
        format!(
            "{}: PM2 {}, ward {}",
            self.place,
            side(&self.pm2),
            side(&self.ward)
        )
    }
}

/// The differences of a step, each with the app it is about.
fn step(pm2: &Seen, ward: &Seen) -> Vec<(String, Difference)> {
    let mut found = Vec::new();
    if pm2.code != ward.code {
        let sides = (Some(pm2.code.to_string()), Some(ward.code.to_string()));
        found.push((
            String::new(),
            Difference {
                place: "exit code".to_owned(),
                pm2: sides.0,
                ward: sides.1,
            },
        ));
    }
    let printed = [
        ("stdout", &pm2.stdout, &ward.stdout),
        ("stderr", &pm2.stderr, &ward.stderr),
    ];
    for (place, pm2, ward) in printed {
        found.extend(lines(place, pm2, ward).map(|it| (String::new(), it)));
    }
    let sides = [
        ("record", &pm2.records, &ward.records),
        ("app", &pm2.apps, &ward.apps),
    ];
    for (place, pm2, ward) in sides {
        for app in pm2.keys().chain(ward.keys()).collect::<BTreeSet<_>>() {
            let differences = values(place, pm2.get(app), ward.get(app));
            found.extend(differences.into_iter().map(|it| (format!("{app} "), it)));
        }
    }
    found
}

/// The differences of two values, field by field.
fn values(place: &str, pm2: Option<&Value>, ward: Option<&Value>) -> Vec<Difference> {
    if pm2.is_none() || ward.is_none() {
        let there = |it: Option<&Value>| it.map(|_| "there".to_owned());
        let (place, pm2, ward) = (place.to_owned(), there(pm2), there(ward));
        return vec![Difference { place, pm2, ward }];
    }
    let (one, other) = (flat(place, pm2), flat(place, ward));
    let places: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
    let differences = places
        .into_iter()
        .filter(|place| one.get(*place) != other.get(*place));
    differences
        .map(|place| Difference {
            place: place.clone(),
            pm2: one.get(place).cloned(),
            ward: other.get(place).cloned(),
        })
        .collect()
}

/// All fields of a value, with the way to them.
fn flat(place: &str, value: Option<&Value>) -> BTreeMap<String, String> {
    let mut fields = BTreeMap::new();
    let mut left: Vec<(String, &Value)> =
        value.into_iter().map(|it| (place.to_owned(), it)).collect();
    while let Some((place, value)) = left.pop() {
        match value {
            Value::Object(inner) if !inner.is_empty() => {
                // The settings are the record; what stands around them says the same.
                let names = inner
                    .iter()
                    .map(|(key, value)| (format!("{place}.{key}"), value));
                left.extend(
                    names
                        .map(|(place, value)| (place.replace("record.pm2_env.", "record."), value)),
                );
            }
            Value::Array(items) if !items.is_empty() => {
                let items = items.iter().enumerate();
                left.extend(items.map(|(index, value)| (format!("{place}.{index}"), value)));
            }
            other => {
                fields.insert(place, other.to_string());
            }
        }
    }
    fields
}

fn texts(
    place: &str,
    pm2: &BTreeMap<String, String>,
    ward: &BTreeMap<String, String>,
) -> Vec<Difference> {
    let mut found = Vec::new();
    for name in pm2.keys().chain(ward.keys()).collect::<BTreeSet<_>>() {
        let place = format!("{place} {name}");
        // An empty file is one empty line, a missing one none.
        let [pm2, ward] = [pm2, ward].map(|side| side.get(name).map_or("", String::as_str));
        found.extend(lines(&place, pm2, ward));
    }
    found
}

/// The lines that are only on one side, in their order: what is left when the longest common sequence is taken away.
fn lines(place: &str, pm2: &str, ward: &str) -> impl Iterator<Item = Difference> {
    let (one, other): (Vec<&str>, Vec<&str>) = (pm2.lines().collect(), ward.lines().collect());
    let mut common = vec![vec![0_usize; other.len() + 1]; one.len() + 1];
    for i in (0..one.len()).rev() {
        for j in (0..other.len()).rev() {
            common[i][j] = if one[i] == other[j] {
                common[i + 1][j + 1] + 1
            } else {
                common[i + 1][j].max(common[i][j + 1])
            };
        }
    }
    let (mut i, mut j, mut found) = (0, 0, Vec::new());
    let quoted = |line: &str| Some(format!("{line:?}"));
    while i < one.len() || j < other.len() {
        if i < one.len() && j < other.len() && one[i] == other[j] {
            (i, j) = (i + 1, j + 1);
        } else if j == other.len() || i < one.len() && common[i + 1][j] >= common[i][j + 1] {
            found.push(Difference {
                place: place.to_owned(),
                pm2: quoted(one[i]),
                ward: None,
            });
            i += 1;
        } else {
            found.push(Difference {
                place: place.to_owned(),
                pm2: None,
                ward: quoted(other[j]),
            });
            j += 1;
        }
    }
    without_moved(found).into_iter()
}

/// Notices come when the work is done, and two apps are worked on at a time: where they stand does not matter.
fn without_moved(found: Vec<Difference>) -> Vec<Difference> {
    let mut left: Vec<Difference> = Vec::new();
    for difference in found {
        let is_notice =
            |line: &Option<String>| line.as_ref().is_some_and(|it| it.starts_with("\"[PM2]"));
        let moved = left.iter().position(|other| {
            (is_notice(&other.pm2) && other.pm2 == difference.ward)
                || (is_notice(&other.ward) && other.ward == difference.pm2)
        });
        match moved {
            Some(at) => drop(left.remove(at)),
            None => left.push(difference),
        }
    }
    left
}
