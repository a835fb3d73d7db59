use serde_json::json;

use super::*;

fn metric(name: &str, value: Value) -> Report {
    Report::Monitor(Map::from_iter([(name.to_owned(), value)]))
}

#[test]
fn names_without_end_are_not_kept_and_known_ones_are_still_told() {
    let mut reported = AppReport::default();
    let mut refused = Vec::new();
    for number in 0..2 * FACTS {
        let name = format!("request {number}");
        refused.extend(reported.take_in(metric(&name, number.into())));
        refused.extend(reported.take_in(Report::Action(json!({ "action_name": name }))));
    }
    assert_eq!(
        (reported.monitor.len(), reported.actions.len()),
        (FACTS, FACTS)
    );
    assert!(refused[0].contains("more than 512"), "{}", refused[0]);
    assert_eq!(reported.take_in(metric("request 0", "new".into())), None);
    assert_eq!(reported.monitor["request 0"], "new");
}

#[test]
fn one_large_value_is_refused_and_others_beside_it_are_kept() {
    let mut reported = AppReport::default();
    let zeros = Value::from(vec![0; VALUE_BYTES / 16]);
    let both = Map::from_iter([
        ("large".to_owned(), zeros),
        ("small".to_owned(), json!({ "value": 1, "unit": "ms" })),
    ]);
    let refusal = reported.take_in(Report::Monitor(both)).unwrap();
    assert_eq!(refusal, "the metric \"large\" takes more than 16384 bytes");
    assert_eq!(reported.monitor.keys().collect::<Vec<_>>(), ["small"]);
    let action = json!({ "action_name": "a", "opts": vec!["x"; VALUE_BYTES / 16] });
    assert!(reported.take_in(Report::Action(action)).is_some());
    let long = "n".repeat(NAME_BYTES + 1);
    assert!(reported.take_in(metric(&long, 1.into())).is_some());
    assert!(reported.take_in(Report::NodeVersion(long)).is_some());
    assert!(reported.actions.is_empty() && reported.node_version.is_none());
}

#[test]
fn all_values_together_are_bounded_and_known_ones_change_within_the_bound() {
    let mut reported = AppReport::default();
    let text = |bytes: usize| Value::from("x".repeat(bytes));
    let mut refusal = None;
    for number in 0..FACTS {
        let told = metric(&number.to_string(), text(VALUE_BYTES / 2));
        refusal = reported.take_in(told).or(refusal);
    }
    assert_eq!(refusal.as_deref(), Some("it takes more than 524288 bytes"));
    assert!(reported.bytes() <= ALL_BYTES);
    let kept = reported.monitor.len();
    assert!(
        reported
            .take_in(metric("0", text(VALUE_BYTES / 2)))
            .is_none()
    );
    assert!(reported.take_in(metric("0", text(10))).is_none());
    assert!(reported.take_in(metric("more", text(10))).is_none());
    assert_eq!(reported.monitor.len(), kept + 1);
}

#[test]
fn what_libraries_of_pm2_tell_fits() {
    let mut reported = AppReport::default();
    let plain = |unit: &str| {
        json!({
            "value": "12.34", "type": "internal/v8/heap/used", "historic": true, "unit": unit,
            "agg_type": "avg",
        })
    };
    let histogram = json!({
        "value": { "min": 0, "max": 12, "sum": 40, "variance": 1.5, "mean": 2, "stddev": 1.2,
            "count": 20, "median": 2, "p75": 3, "p95": 6.5, "p99": 11, "p999": 12 },
        "type": "histogram", "historic": true,
    });
    for number in 0..200 {
        let name = format!("Requests to /api/v1/resource/{number}");
        assert_eq!(reported.take_in(metric(&name, plain("ms"))), None);
    }
    assert_eq!(reported.take_in(metric("Latency", histogram)), None);
}
