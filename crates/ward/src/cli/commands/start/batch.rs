//! Apps are sent to the daemon in batches, so that no request is too large for it: 700 apps of a shell with a large
//! environment, or a saved list of thousands. Apps that come from one shell share its environment.

use serde_json::{Map, Value, json};
use ward_wire::json as text;

/// The weight of a batch in bytes ([`text::weight`]), a third of what a daemon takes. An app that is heavier has a batch
/// of its own.
const BATCH_WEIGHT: usize = 8 << 20;

/// The most apps of a batch. Between two of them the daemon serves others first.
const BATCH_APPS: usize = 500;

/// Some apps, and the environments several of them have.
#[derive(Debug, Default)]
pub(super) struct Batch {
    apps: Vec<Value>,
    environments: Vec<Value>,
    weight: usize,
}

impl Batch {
    /// The argument of `ward:prepare`.
    pub(super) fn into_request(self) -> Map<String, Value> {
        let mut request = Map::new();
        request.insert("apps".to_owned(), Value::Array(self.apps));
        if !self.environments.is_empty() {
            request.insert("environments".to_owned(), Value::Array(self.environments));
        }
        request
    }

    fn add(&mut self, mut app: Map<String, Value>) {
        if let Some(environment) = captured(&mut app) {
            if self.environments.last() != Some(&*environment) {
                self.weight += weight(environment);
                self.environments.push(environment.clone());
            }
            *environment = json!(self.environments.len() - 1);
        }
        let app = Value::Object(app);
        self.weight += weight(&app);
        self.apps.push(app);
    }
}

/// The batches, in the order of the apps.
pub(super) fn batches(apps: Vec<Map<String, Value>>) -> Vec<Batch> {
    let mut batches = Vec::new();
    let mut batch = Batch::default();
    for app in apps {
        // What it weighs is known when it is in it, for it may share its environment.
        batch.add(slim(app));
        if batch.weight >= BATCH_WEIGHT / 2 || batch.apps.len() >= BATCH_APPS {
            batches.push(core::mem::take(&mut batch));
        }
    }
    if !batch.apps.is_empty() || batches.is_empty() {
        batches.push(batch);
    }
    batches
}

/// The layers contain all variables; the merged environment would double the size of the call.
fn slim(mut app: Map<String, Value>) -> Map<String, Value> {
    if app.contains_key("ward") {
        app.shift_remove("env");
    }
    app
}

/// The environment an app captured from the shell. A saved one is left where it is: the daemon tells by it which keys of
/// the entry are variables.
fn captured(app: &mut Map<String, Value>) -> Option<&mut Value> {
    if app.contains_key("created_at") || app.contains_key("status") {
        return None;
    }
    let captured = app.get_mut("ward")?.get_mut("captured")?;
    captured.is_object().then_some(captured)
}

fn weight(value: &Value) -> usize {
    text::weight(text::to_string(value).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app(name: &str, variable: &str) -> Map<String, Value> {
        let app = json!({
            "name": name, "env": {"A": variable}, "ward": {"captured": {"A": variable}, "declared": {}},
        });
        app.as_object().cloned().unwrap()
    }

    #[test]
    fn an_environment_of_many_apps_is_sent_once() {
        let large = "x".repeat(100_000);
        let apps = (0..400).map(|at| app(&at.to_string(), &large)).collect();
        let batches = batches(apps);
        assert_eq!(batches.len(), 1);
        let request = Value::Object(batches.into_iter().next().unwrap().into_request());
        assert_eq!(request["environments"].as_array().map(Vec::len), Some(1));
        assert_eq!(request["environments"][0]["A"], large);
        assert_eq!(request["apps"][399]["ward"]["captured"], 0);
        assert_eq!(request["apps"][399]["env"], Value::Null);
    }

    #[test]
    fn what_is_too_much_for_one_request_becomes_several() {
        let apps: Vec<_> = (0..100)
            .map(|at| app("a", &format!("{at}{}", "x".repeat(100_000))))
            .collect();
        let made = batches(apps.clone());
        assert!(made.len() > 2, "{}", made.len());
        assert!(made.iter().all(|batch| batch.weight <= BATCH_WEIGHT));
        let sent = made.into_iter().flat_map(|batch| batch.apps);
        assert_eq!(sent.count(), 100);
        let few = (0..1200).map(|_| app("a", "")).collect();
        let counts: Vec<usize> = batches(few).iter().map(|batch| batch.apps.len()).collect();
        assert_eq!(counts, [500, 500, 200]);
        assert_eq!(batches(Vec::new()).len(), 1);
    }

    #[test]
    fn what_was_saved_keeps_its_environment() {
        let mut saved = app("a", "1");
        saved.insert("created_at".to_owned(), json!(1));
        let batch = batches(vec![saved]).remove(0);
        assert_eq!(batch.apps[0]["ward"]["captured"]["A"], "1");
        assert!(batch.environments.is_empty());
    }
}
