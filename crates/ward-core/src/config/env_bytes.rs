//! Variables that are not UTF-8. JSON has no bytes, so an environment that was captured from a shell
//! shows them as PM2 does, with U+FFFD in the place of what is no text, and carries their bytes
//! beside it, as one object in hexadecimal digits that never reaches an app itself:
//!
//! `"ward_env_bytes": {"4e414d45": "636166e9"}` is `NAME=caf\xe9`, shown as `caf\u{fffd}`.
//!
//! The bytes count as long as what is shown is what they are shown as: a variable that was changed,
//! declared or left out since is that.

use serde_json::{Map, Value, json};

/// The name of the object among the captured variables. It exists only when it is needed.
pub const KEY: &str = "ward_env_bytes";

/// A variable by its bytes: name and value.
pub type ExactVariable = (Vec<u8>, Vec<u8>);

/// The variables of a process by what is shown of them, with the bytes of those that are no text.
pub fn capture(variables: impl IntoIterator<Item = ExactVariable>) -> Map<String, Value> {
    let mut shown = Map::new();
    let mut exact = Map::new();
    for (name, value) in variables {
        if str::from_utf8(&name).is_err() || str::from_utf8(&value).is_err() {
            exact.insert(to_hex(&name), json!(to_hex(&value)));
        }
        shown.insert(lossy(&name), json!(lossy(&value)));
    }
    if !exact.is_empty() {
        shown.insert(KEY.to_owned(), Value::Object(exact));
    }
    shown
}

/// Forgets the bytes of variables that are not there any more.
pub(super) fn prune(captured: &mut Map<String, Value>) {
    let Some(Value::Object(mut exact)) = captured.shift_remove(KEY) else {
        return;
    };
    exact.retain(|name, _| from_hex(name).is_some_and(|it| captured.contains_key(&lossy(&it))));
    if !exact.is_empty() {
        captured.insert(KEY.to_owned(), Value::Object(exact));
    }
}

/// Takes the variables out of an environment that are known by their bytes, and returns those.
pub(crate) fn take_exact(
    env: &mut Vec<(String, String)>,
    captured: &Map<String, Value>,
) -> Vec<ExactVariable> {
    let known = known(captured);
    if known.is_empty() {
        return Vec::new();
    }
    let mut exact = Vec::new();
    env.retain(|(name, value)| {
        let of_name: Vec<&ExactVariable> =
            known.iter().filter(|it| lossy(&it.0) == *name).collect();
        // Several names may look alike; the value of one of them is shown.
        let is_unchanged = of_name.iter().any(|it| lossy(&it.1) == *value);
        if is_unchanged {
            exact.extend(of_name.into_iter().cloned());
        }
        !is_unchanged
    });
    exact
}

/// A variable of an environment that has bytes, for people: what is no text as `\xe9`.
pub fn escaped(env: &Map<String, Value>, name: &str, value: &str) -> Option<String> {
    let known = known(env);
    let mut known = known.iter();
    let (_, bytes) = known.find(|it| lossy(&it.0) == name && lossy(&it.1) == value)?;
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}")));
    }
    Some(text)
}

/// The variables whose bytes are known. What cannot be a variable is left out.
fn known(captured: &Map<String, Value>) -> Vec<ExactVariable> {
    let exact = captured.get(KEY).and_then(Value::as_object);
    let pairs = exact.into_iter().flatten().filter_map(|(name, value)| {
        let (name, value) = (from_hex(name)?, from_hex(value.as_str()?)?);
        let is_possible =
            !name.is_empty() && !name.contains(&b'=') && !name.contains(&0) && !value.contains(&0);
        is_possible.then_some((name, value))
    });
    pairs.collect()
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn to_hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(value.into(), 16).unwrap_or('0');
    let digits = bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]);
    digits.collect()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let (pairs, rest) = digits.as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    let bytes = pairs
        .iter()
        .map(|&[high, low]| u8::try_from(digit(high)? * 16 + digit(low)?).ok());
    bytes.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables() -> Map<String, Value> {
        capture([
            (b"TEXT".to_vec(), "caf\u{e9}".as_bytes().to_vec()),
            (b"VALUE".to_vec(), b"caf\xe9".to_vec()),
            (b"N\xff".to_vec(), b"1".to_vec()),
            (b"N\xfe".to_vec(), b"2".to_vec()),
        ])
    }

    fn shown(captured: &Map<String, Value>) -> Vec<(String, String)> {
        let scalars = captured
            .iter()
            .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
        scalars.collect()
    }

    #[test]
    fn bytes_lie_beside_what_is_shown() {
        let captured = variables();
        assert_eq!(
            Value::Object(captured.clone()),
            json!({
                "TEXT": "caf\u{e9}", "VALUE": "caf\u{fffd}", "N\u{fffd}": "2",
                "ward_env_bytes": {"56414c5545": "636166e9", "4eff": "31", "4efe": "32"},
            })
        );
        let mut env = shown(&captured);
        let exact = take_exact(&mut env, &captured);
        assert_eq!(env, [("TEXT".to_owned(), "caf\u{e9}".to_owned())]);
        let value = (b"VALUE".to_vec(), b"caf\xe9".to_vec());
        let names = [
            (b"N\xff".to_vec(), b"1".to_vec()),
            (b"N\xfe".to_vec(), b"2".to_vec()),
        ];
        assert_eq!(exact, [&[value][..], &names[..]].concat());
        assert_eq!(
            escaped(&captured, "VALUE", "caf\u{fffd}").as_deref(),
            Some("caf\\xe9")
        );
        assert_eq!(escaped(&captured, "TEXT", "caf\u{e9}"), None);
        assert!(!capture([(b"A".to_vec(), b"b".to_vec())]).contains_key(KEY));
    }

    #[test]
    fn what_was_changed_since_is_what_it_was_changed_to() {
        let captured = variables();
        let mut env = vec![("VALUE".to_owned(), "tea".to_owned())];
        assert!(take_exact(&mut env, &captured).is_empty());
        assert_eq!(env.len(), 1);
    }

    #[test]
    fn what_is_left_out_leaves_no_bytes() {
        let mut captured = variables();
        captured.shift_remove("VALUE");
        prune(&mut captured);
        assert_eq!(captured[KEY], json!({"4eff": "31", "4efe": "32"}));
        captured.shift_remove("N\u{fffd}");
        prune(&mut captured);
        assert!(!captured.contains_key(KEY));
    }

    #[test]
    fn junk_is_no_variable() {
        for (name, value) in [
            ("4", "31"),
            ("zz", "31"),
            ("00", "31"),
            ("", "31"),
            ("3d", "31"),
            ("41", "00"),
            ("é1", "31"),
        ] {
            let captured = Map::from_iter([(KEY.to_owned(), json!({ name: value }))]);
            assert!(known(&captured).is_empty(), "{name} {value}");
        }
        let captured = Map::from_iter([(KEY.to_owned(), json!({"41": 1}))]);
        assert!(known(&captured).is_empty());
    }
}
