//! Where in a text a key stands, for messages.

/// A text and its name.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// As the user called it.
    pub file: &'a str,
    /// The text; empty when the values come from a program.
    pub text: &'a str,
}

impl Source<'_> {
    /// `file:line` of a key, or the file alone. The app's name helps when several apps have the
    /// same key: the first one after the name counts.
    pub fn place(&self, key: &str, app: Option<&str>, given: &str) -> String {
        match self.line(key, app, given) {
            Some(line) => format!("{}:{line}", self.file),
            None => self.file.to_owned(),
        }
    }

    fn line(&self, key: &str, app: Option<&str>, given: &str) -> Option<usize> {
        let lines: Vec<usize> = (1..)
            .zip(self.text.lines())
            .filter(|(_, line)| states(line, key))
            .map(|(number, _)| number)
            .collect();
        let text = |number: usize| self.text.lines().nth(number - 1).unwrap_or_default();
        let bare = given.trim_matches('"');
        let mut fitting: Vec<usize> = lines
            .iter()
            .copied()
            .filter(|number| !bare.is_empty() && text(*number).contains(bare))
            .collect();
        if fitting.is_empty() {
            fitting = lines;
        }
        let named = app.and_then(|name| {
            (1..)
                .zip(self.text.lines())
                .find(|(_, line)| states(line, "name") && line.contains(name))
                .map(|(number, _)| number)
        });
        let after = named.and_then(|named| fitting.iter().copied().find(|number| *number >= named));
        after.or_else(|| fitting.first().copied())
    }
}

/// Whether a line gives this key a value, in JSON, YAML, TOML or JavaScript.
fn states(line: &str, key: &str) -> bool {
    line.match_indices(key).any(|(at, _)| {
        let word = |c: char| c.is_alphanumeric() || c == '_' || c == '-' || c == '$';
        let before = line[..at].chars().next_back();
        let rest = line[at + key.len()..]
            .trim_start_matches(['"', '\''])
            .trim_start();
        !before.is_some_and(word) && rest.starts_with([':', '='])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_keys() {
        let json = "{apps: [\n {\"name\": \"a\",\n  max_restarts: 3 },\n { name: 'b',\n  'max_restarts': {} } ]}";
        let yaml = "apps:\n- name: a\n  xmax_restarts: 1\n  max_restarts: {}\n";
        let toml = "[[apps]]\nname = 'a'\nmax_restarts = {}\n";
        for (text, app, given, wanted) in [
            (json, Some("b"), "{}", "f:5"),
            (json, Some("a"), "3", "f:3"),
            (json, None, "7", "f:3"),
            (yaml, Some("a"), "{}", "f:4"),
            (toml, None, "{}", "f:3"),
            ("", None, "{}", "f"),
        ] {
            assert_eq!(
                Source { file: "f", text }.place("max_restarts", app, given),
                wanted
            );
        }
    }
}
