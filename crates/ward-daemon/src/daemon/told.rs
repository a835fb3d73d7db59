//! What apps tell about themselves, read within limits: what would be refused by the core is not even
//! made a value, and the refusal is a report of its own.

use serde_json::{Map, Value};
use ward_core::event::Report;
use ward_core::instance::limits::{
    ALL_BYTES, FACTS, NAME_BYTES, VALUE_BYTES, too_large, too_many, too_much,
};
use ward_wire::json::RawJson;

/// The longest JSON of a version that is read, in bytes; each character may be an escape.
const VERSION_BYTES: usize = 2 + 6 * NAME_BYTES;

/// A report of more text than this is not looked through, in bytes: it could not be kept.
const REPORT_BYTES: usize = 2 * ALL_BYTES;

/// `axm:monitor` and `metrics` of the agent.
pub(super) fn metrics(told: &RawJson, reports: &mut Vec<Report>) {
    let metrics = facts("metric", told, reports);
    reports.push(Report::Monitor(metrics));
}

/// `axm:option:configuration` and `options` of the agent.
pub(super) fn options(told: &RawJson, reports: &mut Vec<Report>) {
    let options = facts("option", told, reports);
    reports.push(Report::Options(options));
}

/// `axm:action`.
pub(super) fn action(told: &RawJson) -> Report {
    let small = Some(told).filter(|told| told.size() <= VALUE_BYTES);
    let value = small.and_then(|told| told.value_within(VALUE_BYTES));
    value.map_or_else(
        || Report::Refused(too_large("action", "", VALUE_BYTES)),
        Report::Action,
    )
}

/// `actions` of the agent, an array.
pub(super) fn actions(told: &RawJson, reports: &mut Vec<Report>) {
    if told.size() > REPORT_BYTES {
        return reports.push(Report::Refused(too_much()));
    }
    let mut count = 0;
    told.each_element(|one| {
        count += 1;
        let is_few = count <= FACTS;
        reports.push(if is_few {
            action(&one)
        } else {
            Report::Refused(too_many("action"))
        });
        is_few
    });
}

/// The version of a runtime; none if it is no text.
pub(super) fn version(told: &RawJson) -> Option<Report> {
    match told.string_within(VERSION_BYTES) {
        Some(version) => Some(Report::NodeVersion(version)),
        None if told.size() > VERSION_BYTES => {
            Some(Report::Refused(too_large("version", "", NAME_BYTES)))
        }
        None => None,
    }
}

fn facts(what: &str, told: &RawJson, reports: &mut Vec<Report>) -> Map<String, Value> {
    let (mut facts, mut bytes) = (Map::new(), 0);
    if told.size() > REPORT_BYTES {
        reports.push(Report::Refused(too_much()));
        return facts;
    }
    told.each_field(|name, raw| {
        let weight = raw.weight();
        let refusal = if facts.len() >= FACTS {
            too_many(what)
        } else if name.len() > NAME_BYTES {
            too_large(what, &name, NAME_BYTES)
        } else if weight > VALUE_BYTES {
            too_large(what, &name, VALUE_BYTES)
        } else if bytes + name.len() + weight > ALL_BYTES {
            too_much()
        } else {
            bytes += name.len() + weight;
            facts.extend(raw.value().map(|value| (name, value)));
            return true;
        };
        reports.push(Report::Refused(refusal));
        // Many that are too large are not refused one by one.
        facts.len() < FACTS && reports.len() < FACTS && bytes < ALL_BYTES
    });
    facts
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(told: &Value) -> (Map<String, Value>, Vec<Report>) {
        let mut reports = Vec::new();
        metrics(&RawJson::from(told), &mut reports);
        match reports.pop() {
            Some(Report::Monitor(metrics)) => (metrics, reports),
            other => panic!("metrics, not {other:?}"),
        }
    }

    #[test]
    fn what_is_too_large_is_left_out_and_told() {
        let told = json!({ "a": vec![0; VALUE_BYTES], "b": { "value": 1 } });
        let (metrics, refused) = read(&told);
        assert_eq!(Value::from(metrics), json!({ "b": { "value": 1 } }));
        assert_eq!(
            refused,
            [Report::Refused(too_large("metric", "a", VALUE_BYTES))]
        );
    }

    #[test]
    fn what_has_no_end_is_read_up_to_the_limit() {
        let many = (0..9 * FACTS).map(|number| (number.to_string(), json!(1)));
        let (metrics, refused) = read(&Value::Object(many.collect()));
        assert_eq!((metrics.len(), refused.len()), (FACTS, 1));
        let text = "x".repeat(VALUE_BYTES / 2);
        let large = (0..FACTS).map(|number| (number.to_string(), json!(text)));
        let (metrics, refused) = read(&Value::Object(large.collect()));
        assert!(metrics.len() < 2 * ALL_BYTES / VALUE_BYTES);
        assert!(refused.contains(&Report::Refused(too_much())));
    }

    #[test]
    fn versions_and_actions_are_read_while_they_are_small() {
        let version = |value: Value| version(&RawJson::from(&value));
        assert_eq!(
            version(json!("22.1.0")),
            Some(Report::NodeVersion("22.1.0".to_owned()))
        );
        assert_eq!(version(json!(22)), None);
        let long = version(json!("x".repeat(VERSION_BYTES)));
        assert!(matches!(long, Some(Report::Refused(_))));
        let mut reports = Vec::new();
        actions(
            &RawJson::from(&json!([{ "action_name": "a" }])),
            &mut reports,
        );
        assert_eq!(reports, [Report::Action(json!({ "action_name": "a" }))]);
        reports.clear();
        actions(&RawJson::from(&json!(vec![1; 9 * FACTS])), &mut reports);
        assert_eq!(reports.len(), FACTS + 1);
    }
}
