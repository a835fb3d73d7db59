//! What the process of a worker is told on its command line before it becomes the app.

use std::path::PathBuf;

/// What a worker needs beside its command; one word of a command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Context {
    /// `NODE_UNIQUE_ID`.
    pub(crate) unique_id: u32,
    /// The number of the instance.
    pub(crate) number: u32,
    /// The agent to load, if any.
    pub(crate) agent: Option<PathBuf>,
}

impl Context {
    /// The words that make a command the worker's, given before the command.
    pub(crate) fn words(&self) -> [String; 2] {
        let agent = self
            .agent
            .as_deref()
            .map_or_else(String::new, |path| path.display().to_string());
        [
            "__worker".to_owned(),
            format!("{}:{}:{agent}", self.unique_id, self.number),
        ]
    }

    pub(super) fn read(word: &str) -> Option<Self> {
        let mut parts = word.splitn(3, ':');
        Some(Self {
            unique_id: parts.next()?.parse().ok()?,
            number: parts.next()?.parse().ok()?,
            agent: parts
                .next()
                .filter(|path| !path.is_empty())
                .map(PathBuf::from),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_read_again() {
        for agent in [None, Some(PathBuf::from("/home/a:b/agent.cjs"))] {
            let context = Context {
                unique_id: 7,
                number: 3,
                agent,
            };
            let [_, word] = context.words();
            assert_eq!(Context::read(&word), Some(context));
        }
        assert_eq!(Context::read("7"), None);
    }
}
