//! How much of what an app tells about itself is kept. It is copied into every list of all apps, so that
//! one app without measure would be a burden for all others.

use serde_json::{Map, Value};

/// So many actions, metrics and options of an instance are kept, of each. One that makes up names
/// without end, such as a metric per request, would otherwise grow the daemon and every list. New
/// ones beyond it are refused; known ones still get their new value.
pub const FACTS: usize = 512;

/// The largest metric, option or action, in bytes of memory; a larger one is refused.
pub const VALUE_BYTES: usize = 16 << 10;

/// The longest name of a metric, an option or an action, the longest name an app may give itself,
/// and the longest version, in bytes; what is longer is refused.
pub const NAME_BYTES: usize = 256;

/// What all metrics, options and actions of one life may take, in bytes of memory. What would exceed
/// it is refused.
pub const ALL_BYTES: usize = 512 << 10;

/// What a value takes besides its text: it and the room a growing collection has to spare.
const ITEM_BYTES: usize = 144;

/// What a value takes in memory, in bytes: a bit more than it really does. It is nested no deeper
/// than the parser allows, which is 128 levels.
pub(super) fn weight(value: &Value) -> usize {
    let inside = match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        Value::String(text) => text.len(),
        Value::Array(values) => values.iter().map(weight).sum(),
        Value::Object(members) => members_weight(members),
    };
    ITEM_BYTES + inside
}

/// What the members of an object take in memory, in bytes.
pub(super) fn members_weight(members: &Map<String, Value>) -> usize {
    members
        .iter()
        .map(|(name, value)| member(name, value))
        .sum()
}

/// What one member of an object takes in memory, in bytes.
pub(super) fn member(name: &str, value: &Value) -> usize {
    ITEM_BYTES + name.len() + weight(value)
}

/// The refusal of one that takes more than so many bytes. `what` is `metric`, `option`, `action` or
/// `version`.
pub fn too_large(what: &str, name: &str, most: usize) -> String {
    let shown: String = name.chars().take(64).collect();
    format!("the {what} {shown:?} takes more than {most} bytes")
}

/// The refusal of more than [`FACTS`] of a kind.
pub fn too_many(what: &str) -> String {
    format!("it has more than {FACTS} {what}s")
}

/// The refusal of more than [`ALL_BYTES`].
pub fn too_much() -> String {
    format!("it takes more than {ALL_BYTES} bytes")
}
