//! What the daemon passes to the process of a worker on its command line, before that process
//! becomes the app.

use std::path::PathBuf;

/// What a worker needs beside its command, as one argument of a command line:
/// `<unique id>:<number>:<path of the agent>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Context {
    /// The value of Node's variable `NODE_UNIQUE_ID`.
    pub(crate) unique_id: u32,
    /// The number of the instance among those of its app, from 0.
    pub(crate) number: u32,
    /// The agent to load, if any.
    pub(crate) agent: Option<PathBuf>,
}

impl Context {
    /// The arguments that turn a command into a worker's; they stand before the command.
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
