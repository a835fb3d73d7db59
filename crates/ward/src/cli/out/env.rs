//! `env <id>`: what the app was given, one `KEY: value` per line, latest key first.

use serde_json::{Map, Value};
use ward_core::config::env::is_internal;
use ward_core::config::env_bytes::escaped;
use ward_wire::text::printable;

use super::color::{Paint, Style};
use super::record::{Record, to_text};

/// Fields of the record that are ward's own, beside those PM2 hides.
const OWN: [&str; 5] = [
    "exit_signal",
    "failure",
    "_tree_pids",
    "ward",
    "restart_task",
];

/// Whether a field of the record is no environment. A variable with one of these names is not
/// shown either.
fn is_hidden(name: &str) -> bool {
    is_internal(name) || OWN.contains(&name)
}

/// The lines of one record.
pub(crate) fn render(record: Record<'_>, paint: Paint) -> String {
    let empty = Map::new();
    let fields = record.env().unwrap_or(&empty);
    let variables = fields.get("env").and_then(Value::as_object);
    let shown = |(key, value): (&String, &Value)| {
        (!is_hidden(key.as_str())).then(|| {
            let text = to_text(value);
            let text = variables
                .and_then(|all| escaped(all, key, &text))
                .unwrap_or(text);
            // A line break in a value would forge another variable.
            let value = paint.apply(&printable(&text), &[Style::Green]);
            format!("{}: {value}\n", printable(key))
        })
    };
    fields.iter().rev().filter_map(shown).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_no_text_is_escaped() {
        let env = json!({"SHOWN": "caf\u{fffd}", "ward_env_bytes": {"53484f574e": "636166e9"}});
        let record = json!({"pm2_env": {"SHOWN": "caf\u{fffd}", "OTHER": "\u{fffd}", "env": env}});
        let text = render(Record::new(&record), Paint::PLAIN);
        assert_eq!(text, "OTHER: \u{fffd}\nSHOWN: caf\\xe9\n");
    }

    #[test]
    fn inner_fields_are_hidden_and_the_order_is_reversed() {
        let record = json!({"name": "web", "pm2_env": {
            "name": "web", "namespace": "default", "node_args": [], "FOO": "bar", "PORT": 80,
            "TWO": "a\nb", "exit_code": 0,
        }});
        assert_eq!(
            render(Record::new(&record), Paint::PLAIN),
            "TWO: a\\nb\nPORT: 80\nFOO: bar\nnamespace: default\n"
        );
        assert_eq!(render(Record::new(&json!(3)), Paint::PLAIN), "");
    }
}
