//! Ports that the kernel keeps for root, and an app of another user gets by its declaration: the daemon
//! of root binds them.

use std::collections::BTreeMap;

use serde_json::Value;

use super::BadOption;

/// So many of them one app may declare.
const MOST_PORTS: usize = 64;

/// `privileged_ports`: one port or a list.
pub(super) fn declared_ports(declared: &BTreeMap<String, Value>) -> Result<Vec<u16>, BadOption> {
    const KEY: &str = "privileged_ports";
    let Some(given) = declared.get(KEY).filter(|value| !value.is_null()) else {
        return Ok(Vec::new());
    };
    let port = |value: &Value| {
        let port = value.as_u64().and_then(|port| u16::try_from(port).ok());
        port.filter(|port| *port > 0)
    };
    let ports: Option<Vec<u16>> = match given {
        Value::Array(list) if list.len() <= MOST_PORTS => list.iter().map(port).collect(),
        one => port(one).map(|port| vec![port]),
    };
    ports.ok_or_else(|| BadOption {
        key: KEY,
        given: given.clone(),
        wanted: format!("give a port, or a list of at most {MOST_PORTS}, as in [80, 443]"),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn they_are_one_or_several() {
        for (given, wanted) in [
            (json!(null), Some(vec![])),
            (json!(80), Some(vec![80])),
            (json!([80, 443]), Some(vec![80, 443])),
            (json!([]), Some(vec![])),
            (json!("80"), None),
            (json!([0]), None),
            (json!([65_536]), None),
            (json!(vec![80; 65]), None),
        ] {
            let declared = BTreeMap::from([("privileged_ports".to_owned(), given.clone())]);
            assert_eq!(declared_ports(&declared).ok(), wanted, "{given}");
        }
        assert_eq!(declared_ports(&BTreeMap::new()), Ok(vec![]));
    }
}
