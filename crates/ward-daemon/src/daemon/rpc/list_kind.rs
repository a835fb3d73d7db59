//! The replies that grow with the number of apps.

use serde_json::{Value, json};
use ward_wire::json;

/// So many characters of an id are kept while its call waits. A longer text is no id, and only shown in an error.
const MOST_OF_ID: usize = 256;

/// A list of all apps, by what it tells of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::daemon) enum ListKind {
    /// Everything, and what it uses.
    Full,
    /// What a table shows, and what it uses.
    Table,
    /// What a selection needs.
    Brief,
    /// Everything but what it uses.
    Records,
}

impl ListKind {
    pub(super) const COUNT: usize = 4;

    pub(super) const fn index(self) -> usize {
        match self {
            Self::Full => 0,
            Self::Table => 1,
            Self::Brief => 2,
            Self::Records => 3,
        }
    }

    /// The list a call asks for, if it asks for one.
    pub(super) fn of(method: &str, args: &[Value]) -> Option<Self> {
        match method {
            "getMonitorData" => Some(Self::Full),
            "resetMetaProcessId" => Some(Self::Records),
            "ward:list" => Some(Self::asked(args.first())),
            _ => None,
        }
    }

    /// As `ward:list` asks for it.
    pub(in crate::daemon) fn asked(options: Option<&Value>) -> Self {
        let table = options.and_then(|options| options.get("table"));
        if table == Some(&json!(true)) {
            Self::Table
        } else {
            Self::Brief
        }
    }

    /// The argument of a call as far as it matters: calls for lists may have to wait.
    pub(super) fn argument(self, args: &[Value]) -> Value {
        match self {
            Self::Full => Value::Null,
            Self::Table => json!({ "table": true }),
            Self::Brief => json!({ "table": false }),
            // An id; a text that long is none.
            Self::Records => match args.first() {
                Some(Value::String(text)) => {
                    text.chars().take(MOST_OF_ID).collect::<String>().into()
                }
                Some(id) if json::weight(id.to_string().as_bytes()) < MOST_OF_ID * 8 => id.clone(),
                _ => Value::Null,
            },
        }
    }
}
