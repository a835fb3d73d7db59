//! Reading of one record of `getMonitorData`. Nothing is trusted: the record may come from another
//! program's daemon, so a missing or odd field reads as absent.

use serde_json::{Map, Value};

use super::human;

/// One record: `{pid, name, pm2_env, pm_id, monit}`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record<'a> {
    value: &'a Value,
    env: Option<&'a Map<String, Value>>,
}

impl<'a> Record<'a> {
    pub(crate) fn new(value: &'a Value) -> Self {
        let env = value.get("pm2_env").and_then(Value::as_object);
        Self { value, env }
    }

    /// `pm2_env`, when it is an object.
    pub(crate) fn env(self) -> Option<&'a Map<String, Value>> {
        self.env
    }

    /// A field of `pm2_env`; `null` counts as absent.
    pub(crate) fn get(self, key: &str) -> Option<&'a Value> {
        self.env()?.get(key).filter(|value| !value.is_null())
    }

    /// A text field of `pm2_env`.
    pub(crate) fn text(self, key: &str) -> Option<&'a str> {
        self.get(key)?.as_str()
    }

    /// A field of `pm2_env` as text, whatever its type; arrays joined by commas as JavaScript does.
    pub(crate) fn shown(self, key: &str) -> Option<String> {
        self.get(key).map(to_text)
    }

    /// A whole number of `pm2_env`.
    pub(crate) fn integer(self, key: &str) -> Option<i64> {
        whole(self.get(key)?)
    }

    pub(crate) fn name(self) -> &'a str {
        self.value
            .get("name")
            .and_then(Value::as_str)
            .or_else(|| self.text("name"))
            .unwrap_or("")
    }

    pub(crate) fn namespace(self) -> &'a str {
        self.text("namespace").unwrap_or("default")
    }

    /// `pm_id`; -1 when it is not a number.
    pub(crate) fn id(self) -> i64 {
        self.value
            .get("pm_id")
            .and_then(whole)
            .or_else(|| self.integer("pm_id"))
            .unwrap_or(-1)
    }

    /// The pid as PM2 shows it: 0 when it was stopped, absent when it was never spawned.
    pub(crate) fn pid(self) -> Option<i64> {
        self.value.get("pid").and_then(whole)
    }

    pub(crate) fn status(self) -> &'a str {
        self.text("status").unwrap_or("N/A")
    }

    pub(crate) fn is_online(self) -> bool {
        self.status() == "online"
    }

    /// Milliseconds since the start; absent unless online.
    pub(crate) fn uptime_ms(self, now_ms: i64) -> Option<i64> {
        if !self.is_online() {
            return None;
        }
        self.integer("pm_uptime").map(|start| now_ms - start)
    }

    /// The `uptime` cell.
    pub(crate) fn uptime(self, now_ms: i64) -> String {
        self.uptime_ms(now_ms)
            .map_or_else(|| "0".to_owned(), human::uptime)
    }

    pub(crate) fn memory(self) -> u64 {
        self.monit("memory").and_then(Value::as_u64).unwrap_or(0)
    }

    pub(crate) fn cpu(self) -> f64 {
        self.monit("cpu").and_then(Value::as_f64).unwrap_or(0.0)
    }

    fn monit(self, key: &str) -> Option<&'a Value> {
        self.value.get("monit")?.get(key)
    }

    /// `fork` or `cluster`.
    pub(crate) fn mode(self) -> &'static str {
        match self.text("exec_mode") {
            Some("fork_mode" | "fork") => "fork",
            _ => "cluster",
        }
    }

    pub(crate) fn version(self) -> &'a str {
        self.text("version")
            .filter(|version| !version.is_empty())
            .unwrap_or("N/A")
    }

    pub(crate) fn is_module(self) -> bool {
        self.flag("pmx_module")
    }

    pub(crate) fn is_watching(self) -> bool {
        match self.get("watch") {
            Some(Value::Bool(on)) => *on,
            Some(Value::Array(paths)) => !paths.is_empty(),
            Some(Value::String(path)) => !path.is_empty() && path != "false",
            _ => false,
        }
    }

    /// Whether a field is the boolean true.
    pub(crate) fn flag(self, key: &str) -> bool {
        self.get(key) == Some(&Value::Bool(true))
    }
}

fn whole(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| {
        let number = value.as_f64()?;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "saturates, and only for display"
        )]
        Some(number as i64)
    })
}

/// A value as JavaScript turns it into text.
pub(crate) fn to_text(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(on) => on.to_string(),
        Value::Number(number) => ward_wire::json::number(number),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(to_text).collect::<Vec<_>>().join(","),
        Value::Object(_) => value.to_string(),
    }
}
