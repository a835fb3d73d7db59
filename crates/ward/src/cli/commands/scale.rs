//! `scale`: more or fewer processes of an app.

use core::num::NonZero;
use std::thread;

use serde_json::{Map, Value, json};
use ward_core::limits::MOST_INSTANCES_OF_APP;
use ward_wire::text::printable;

use super::act::{self, Action};
use crate::cli::args::Invocation;
use crate::cli::client::Client;
use crate::cli::select::{Candidate, Selection, select};
use crate::exit::Failure;

/// Brings the app to the wanted number.
pub(crate) fn run(invocation: &Invocation) -> Result<(), Failure> {
    let [target, wanted, ..] = invocation.targets.as_slice() else {
        return Err(Failure::new("scale needs an app and a number"));
    };
    let mut client = super::connect(invocation)?;
    let candidates = Candidate::from_records(&client.summaries()?);
    let name = app_of(&candidates, target)?;
    let present: Vec<&Candidate> = candidates
        .iter()
        .filter(|candidate| candidate.name == name)
        .collect();
    let Some(count) = count(present.len(), wanted) else {
        return Err(Failure::new("Nothing to do")
            .with_hint(format!("`{wanted}` is no number of processes: 4, +2 or -1")));
    };
    if count == present.len() {
        // `+0` is a success in PM2, and so is it here.
        if wanted.starts_with('+') {
            return super::list::print_after(&mut client, invocation);
        }
        return Err(Failure::new("Nothing to do"));
    }
    if u32::try_from(count).map_or(true, |count| count > MOST_INSTANCES_OF_APP) {
        return Err(Failure::new(format!(
            "an app can have at most {MOST_INSTANCES_OF_APP} instances, and this would make {count}"
        )));
    }
    scale(invocation, &mut client, &name, count)?;
    super::list::print_after(&mut client, invocation)
}

/// How many processes a declared number means: 0 is one for each CPU, a negative number leaves so
/// many CPUs free.
pub(super) fn processes(stated: i64) -> usize {
    let processors = thread::available_parallelism().map_or(1, NonZero::get);
    match usize::try_from(stated) {
        Ok(0) => processors,
        Ok(count) => count,
        Err(_) => {
            let free = usize::try_from(stated.unsigned_abs()).unwrap_or(usize::MAX);
            processors.saturating_sub(free).max(1)
        }
    }
}

/// The one app a word means: its name, or the id or script of one of its instances.
fn app_of(candidates: &[Candidate], target: &str) -> Result<String, Failure> {
    let unknown = || Failure::new(format!("Application {target} not found"));
    if matches!(target, "all") || candidates.is_empty() {
        return Err(unknown());
    }
    let Selection { ids, .. } =
        select(candidates, target, &super::cwd()?, false).map_err(|_| unknown())?;
    let mut names = candidates
        .iter()
        .filter(|candidate| ids.contains(&candidate.id))
        .map(|candidate| &candidate.name);
    let first = names.next().ok_or_else(unknown)?;
    if names.any(|name| name != first) {
        return Err(unknown().with_hint("scale works on one app at a time"));
    }
    Ok(first.clone())
}

/// How many there shall be: `4`, `+2` or `-1`.
fn count(present: usize, wanted: &str) -> Option<usize> {
    if let Some(more) = wanted.strip_prefix('+') {
        return present.checked_add(more.parse().ok()?);
    }
    if let Some(less) = wanted.strip_prefix('-') {
        return Some(present.saturating_sub(less.parse().ok()?));
    }
    wanted.parse().ok()
}

/// Brings an app to a number of processes, and tells of each that came or went.
pub(super) fn scale(
    invocation: &Invocation,
    client: &mut Client,
    name: &str,
    count: usize,
) -> Result<(), Failure> {
    let before = ids_of(client, name)?;
    let mut request = Map::new();
    request.insert("name".to_owned(), json!(name));
    request.insert("count".to_owned(), json!(count));
    super::set_deadline(&mut request, client);
    let changed = client.call("ward:scale", &[Value::Object(request)]);
    // What did happen is told also when not all of it did.
    let after = ids_of(client, name)?;
    for _ in after.iter().filter(|id| !before.contains(id)) {
        invocation.console.say("Scaling up application");
    }
    for id in before.into_iter().filter(|id| !after.contains(id)) {
        let selection = Selection {
            ids: vec![id],
            typed_id: false,
        };
        act::applying(
            &invocation.console,
            Action::Delete,
            &id.to_string(),
            &selection,
        );
        invocation.console.say(format!("[{name}]({id}) ✓"));
    }
    let refused = changed?;
    let mut reasons = refused.as_array().into_iter().flatten();
    match reasons.find_map(|entry| entry["error"].as_str()) {
        Some(reason) => Err(Failure::new(format!("[{}] {reason}", printable(name)))),
        None => Ok(()),
    }
}

fn ids_of(client: &mut Client, name: &str) -> Result<Vec<u32>, Failure> {
    let mut candidates = Candidate::from_records(&client.summaries()?);
    candidates.retain(|candidate| candidate.name == name);
    Ok(candidates.iter().map(|candidate| candidate.id).collect())
}

#[cfg(test)]
mod tests {
    use super::{count, processes};

    #[test]
    fn declared_numbers_count_processors() {
        let processors = processes(0);
        assert!(processors >= 1);
        assert_eq!(processes(3), 3);
        assert_eq!(processes(-1), (processors - 1).max(1));
        assert_eq!(processes(-10_000), 1);
    }

    #[test]
    fn numbers_are_totals_unless_they_have_a_sign() {
        for (present, wanted, total) in [
            (2, "4", Some(4)),
            (2, "0", Some(0)),
            (2, "+3", Some(5)),
            (2, "+0", Some(2)),
            (2, "-1", Some(1)),
            (2, "-5", Some(0)),
            (2, "abc", None),
            (2, "+", None),
            (2, "1.5", None),
        ] {
            assert_eq!(count(present, wanted), total, "{wanted}");
        }
    }
}
