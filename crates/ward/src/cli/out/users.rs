//! Names of numeric user ids, for the `user` column.

use std::collections::HashMap;

/// The user names of `/etc/passwd` by user id.
#[derive(Debug, Default)]
pub(crate) struct Users(HashMap<u64, String>);

impl Users {
    /// Reads the text of `/etc/passwd`; lines that make no sense are skipped.
    pub(crate) fn parse(text: &str) -> Self {
        let entry = |line: &str| {
            let mut fields = line.split(':');
            let name = fields.next()?.to_owned();
            let id = fields.nth(1)?.parse().ok()?;
            Some((id, name))
        };
        let mut users = HashMap::new();
        for (id, name) in text.lines().filter_map(entry) {
            // The first entry of an id is the one the system reports.
            users.entry(id).or_insert(name);
        }
        Self(users)
    }

    /// Name of a user id.
    pub(crate) fn name(&self, id: u64) -> Option<&str> {
        self.0.get(&id).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn junk_lines_are_skipped() {
        let users =
            Users::parse("root:x:0:0:root:/root:/bin/sh\n\nbroken\nu:x:no:1::\nweb:x:33:33");
        assert_eq!(users.name(0), Some("root"));
        assert_eq!(users.name(33), Some("web"));
        assert_eq!(users.name(7), None);
    }
}
