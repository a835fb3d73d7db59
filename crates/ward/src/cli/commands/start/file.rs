//! Config files: every app of the file is acted on.

use crate::cli::args::Invocation;
use crate::cli::client::Client;
use crate::cli::commands::act::Action;
use crate::cli::select::{self, Candidate};
use crate::exit::Failure;

/// Whether a word means a config file: `-`, or a name with such an ending that is not the name of
/// an app.
pub(crate) fn is_config(candidates: &[Candidate], word: &str) -> bool {
    word == "-"
        || (select::is_config_file(word)
            && (std::path::Path::new(word).is_file()
                || !candidates.iter().any(|candidate| candidate.name == word)))
}

/// As [`is_config`], asking the daemon for the list only when the word looks like a file.
pub(crate) fn is_meant(client: &mut Client, word: &str) -> Result<bool, Failure> {
    if word != "-" && !select::is_config_file(word) {
        return Ok(false);
    }
    Ok(is_config(
        &Candidate::from_records(&client.records()?),
        word,
    ))
}

/// Acts on the apps of a file.
pub(crate) fn run(
    _invocation: &Invocation,
    _client: &mut Client,
    _action: Action,
    word: &str,
) -> Result<(), Failure> {
    Err(Failure::new(format!("File {word} not found")))
}
