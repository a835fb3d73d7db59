//! YAML.

use serde_json::Value;

use super::SyntaxError;

/// Reads one YAML document.
pub fn parse(text: &str) -> Result<Value, SyntaxError> {
    serde_saphyr::from_str(text).map_err(|error| {
        let error = error.without_snippet();
        let place = error.location();
        let whole = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        SyntaxError {
            line: place.map_or(1, |place| whole(place.line())),
            column: place.map_or(1, |place| whole(place.column())),
            message: error
                .to_string()
                .lines()
                .next()
                .unwrap_or_default()
                .to_owned(),
        }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_people_write() {
        let text = "apps:\n  - name: a\n    env: &e {A: 1, B: 'x'}\n    wait_ready: true\n  - name: b\n    env: *e\n";
        assert_eq!(
            parse(text).unwrap(),
            json!({"apps": [
                {"name": "a", "env": {"A": 1, "B": "x"}, "wait_ready": true},
                {"name": "b", "env": {"A": 1, "B": "x"}},
            ]})
        );
    }

    #[test]
    fn a_broken_text_has_a_place() {
        let error = parse("apps:\n  - name: [a\n  - b: c\n").unwrap_err();
        assert!(error.line >= 2, "{error}");
    }
}
