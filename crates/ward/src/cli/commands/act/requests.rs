//! Jobs are sent to the daemon in as few requests as it takes.

use serde_json::{Value, json};
use ward_wire::json as text;

use super::jobs::Job;

/// The weight of a request in bytes ([`text::weight`]), a third of what a daemon takes.
const MOST_WEIGHT: usize = 8 << 20;

/// The most instances of a request that are acted on in the same way.
const MOST_IDS: usize = 10_000;

/// The targets of each request.
pub(super) fn requests(jobs: &[Job]) -> Vec<Vec<Value>> {
    let mut requests = vec![Vec::new()];
    let mut weight = 0;
    for (job, ids) in jobs
        .iter()
        .flat_map(|job| job.ids.chunks(MOST_IDS).map(move |ids| (job, ids)))
    {
        let mut target = job.extras.clone();
        target.insert("ids".to_owned(), json!(ids));
        let target = Value::Object(target);
        let weighs = text::weight(text::to_string(&target).as_bytes());
        if weight > 0 && weight + weighs > MOST_WEIGHT {
            requests.push(Vec::new());
            weight = 0;
        }
        weight += weighs;
        requests.last_mut().expect("there is one").push(target);
    }
    requests
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::commands::act::Extras;

    fn ids(requests: &[Vec<Value>]) -> Vec<usize> {
        let of_target = |target: &Value| target["ids"].as_array().map_or(0, Vec::len);
        let of_request = |targets: &Vec<Value>| targets.iter().map(of_target).sum();
        requests.iter().map(of_request).collect()
    }

    #[test]
    fn what_is_too_much_for_one_request_becomes_several() {
        let large = Extras::from_iter([("spec".to_owned(), json!({"A": "x".repeat(100_000)}))]);
        let job = |ids: Vec<u32>, extras: &Extras| Job {
            ids,
            extras: extras.clone(),
        };
        let few = requests(&[job(vec![1, 2], &Extras::new()), job(vec![3], &large)]);
        assert_eq!(ids(&few), [3]);
        let jobs: Vec<Job> = (0..50).map(|id| job(vec![id], &large)).collect();
        let several = requests(&jobs);
        assert!(several.len() > 1, "{}", several.len());
        assert_eq!(ids(&several).iter().sum::<usize>(), 50);
        let many = requests(&[job((0..100_000).collect(), &Extras::new())]);
        assert!(many.len() > 1, "{}", many.len());
        assert_eq!(ids(&many).iter().sum::<usize>(), 100_000);
    }
}
