//! PM2's `watch_options`, as far as they have a meaning for ward.

use std::time::Duration;

use serde_json::Value;

use super::Plan;

/// The time without a change that `awaitWriteFinish: true` waits for.
const WRITE_FINISHED: Duration = Duration::from_secs(2);

/// The strings of a list, or one string as a list.
pub(super) fn texts(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::String(text)) => vec![text.clone()],
        Some(Value::Array(list)) => list
            .iter()
            .filter_map(|entry| entry.as_str().map(str::to_owned))
            .collect(),
        _ => Vec::new(),
    }
}

/// Applies the options to the plan and notes the unknown ones in it.
pub(super) fn apply(options: Option<&Value>, plan: &mut Plan) {
    for (name, value) in options.and_then(Value::as_object).into_iter().flatten() {
        match name.as_str() {
            "followSymlinks" => plan.no_links = value == &Value::Bool(false),
            "depth" => plan.depth = value.as_u64().and_then(|depth| usize::try_from(depth).ok()),
            "ignored" => plan.ignore.extend(texts(Some(value))),
            "awaitWriteFinish" => {
                let millis = value["stabilityThreshold"].as_u64();
                if let Some(millis) = millis {
                    plan.quiet = plan.quiet.max(Duration::from_millis(millis));
                } else if value != &Value::Bool(false) {
                    plan.quiet = WRITE_FINISHED;
                }
            }
            // Ward does these in any case, or they only matter to a watcher that polls.
            "persistent"
            | "ignoreInitial"
            | "atomic"
            | "ignorePermissionErrors"
            | "alwaysStat"
            | "interval"
            | "binaryInterval"
            | "useFsEvents" => {}
            "usePolling" if value == &Value::Bool(false) => {}
            _ => plan.unknown.push(name.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn options_of_the_other_watcher() {
        let mut plan = Plan::default();
        let options = json!({
            "followSymlinks": false, "depth": 3, "ignored": "tmp", "persistent": true,
            "awaitWriteFinish": { "stabilityThreshold": 700 }, "usePolling": true,
        });
        apply(Some(&options), &mut plan);
        assert!(plan.no_links);
        assert_eq!(plan.depth, Some(3));
        assert_eq!(plan.ignore, ["tmp"]);
        assert_eq!(plan.quiet, Duration::from_millis(700));
        assert_eq!(plan.unknown, ["usePolling"]);
    }

    #[test]
    fn a_list_or_one() {
        assert_eq!(texts(Some(&json!(["a", "b"]))), ["a", "b"]);
        assert_eq!(texts(Some(&json!("a b"))), ["a b"]);
        assert_eq!(texts(Some(&json!(true))), Vec::<String>::new());
        assert_eq!(texts(None), Vec::<String>::new());
    }
}
