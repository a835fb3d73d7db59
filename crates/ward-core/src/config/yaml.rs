//! YAML.

use serde_json::Value;

use super::{SyntaxError, whole_numbers};

/// How many parts of a file may come from anchors. Enough for hundreds of apps that share their variables, too few for
/// a file that multiplies itself to take seconds.
const MOST_REPLAYED: usize = 20_000;

/// Reads one YAML document.
///
/// # Errors
///
/// The text is no YAML, is nested deeper than 64 levels, or has anchors that stand for more than 20,000 parts.
pub fn parse(text: &str) -> Result<Value, SyntaxError> {
    // `yes` and `on` are words, as in YAML 1.2 and in PM2's parser.
    let options = serde_saphyr::options! {
        strict_booleans: true,
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: MOST_REPLAYED },
    };
    serde_saphyr::from_str_with_options(text, options)
        .map(whole_numbers)
        .map_err(|error| {
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
    fn what_the_parser_of_pm2_does() {
        for (text, wanted) in [
            (
                "a: &b {x: 1, y: 2}\nc:\n  <<: *b\n  y: 3\n",
                json!({"a": {"x": 1, "y": 2}, "c": {"x": 1, "y": 3}}),
            ),
            (
                "a: yes\nb: true\nc: ~\nd: 1.5\ne: '1'\n",
                json!({"a": "yes", "b": true, "c": null, "d": 1.5, "e": "1"}),
            ),
            (
                "a: 0 3 * * *\nb: 12:30\nc: |\n  x\n  y\n",
                json!({"a": "0 3 * * *", "b": "12:30", "c": "x\ny\n"}),
            ),
            ("# nothing\n", json!(null)),
            (
                "a: True\nb: FALSE\nc: on\n",
                json!({"a": true, "b": false, "c": "on"}),
            ),
            (
                "80: x\na: 007\nb: 0x10\nc: -1.0\nd: 1e3\n",
                json!({"80": "x", "a": 7, "b": 16, "c": -1, "d": 1000}),
            ),
        ] {
            assert_eq!(parse(text).unwrap(), wanted, "{text}");
        }
    }

    #[test]
    fn a_broken_text_has_a_place() {
        let error = parse("apps:\n  - name: [a\n  - b: c\n").unwrap_err();
        assert!(error.line >= 2, "{error}");
    }
}
