//! Inputs for the property tests of parsers that read foreign bytes.
//!
//! A corpus is a folder of small real inputs. Its files are run as they are, always; and a strategy makes nearly
//! right inputs of them by edits, which reach places of a parser that random bytes never do.
//!
//! ```
//! use proptest::prelude::*;
//! use ward_corpus::Corpus;
//!
//! let corpus = Corpus::of([("ready", &b"\"ready\"\n"[..])]);
//! for (name, bytes) in corpus.files() {
//!     assert!(bytes.ends_with(b"\n"), "{name}");
//! }
//! proptest!(|(bytes in corpus.mutated())| {
//!     prop_assert!(bytes.len() <= Corpus::LONGEST_BYTES);
//! });
//! ```

mod edit;

use std::fs;
use std::path::Path;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::FileFailurePersistence;

use self::edit::Edit;

/// Small real inputs, each with the name of its file.
#[derive(Clone, Debug)]
pub struct Corpus {
    files: Vec<(String, Vec<u8>)>,
}

impl Corpus {
    /// Mutated inputs are cut here.
    pub const LONGEST_BYTES: usize = 16 << 10;

    /// All files of a folder, in the order of their names.
    ///
    /// # Panics
    ///
    /// The folder cannot be read, or has no file: a corpus that is not found must not pass for one that is fine.
    pub fn read(folder: impl AsRef<Path>) -> Self {
        let folder = folder.as_ref();
        let entries = fs::read_dir(folder);
        let entries = entries.unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let mut files: Vec<(String, Vec<u8>)> = entries
            .map(|entry| {
                let entry = entry.expect("the folder can be read");
                let bytes = fs::read(entry.path()).expect("the corpus has files only");
                (entry.file_name().to_string_lossy().into_owned(), bytes)
            })
            .collect();
        files.sort();
        assert!(!files.is_empty(), "{} is empty", folder.display());
        Self { files }
    }

    /// Inputs that stand in the test itself.
    pub fn of<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Self {
        let files = files
            .into_iter()
            .map(|(name, bytes)| (name.to_owned(), bytes.to_vec()));
        Self {
            files: files.collect(),
        }
    }

    /// The inputs as they are, with their names.
    pub fn files(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.files
            .iter()
            .map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
    }

    /// One of the inputs after up to eight edits: bytes changed, taken away, doubled, taken from another input, or
    /// replaced by what parsers stumble over. Shrinks to fewer edits of an earlier input.
    pub fn mutated(&self) -> impl Strategy<Value = Vec<u8>> + use<> {
        let inputs: Vec<Vec<u8>> = self.files.iter().map(|(_, bytes)| bytes.clone()).collect();
        let edits = vec(edit::any_edit(), 0..8);
        (select(inputs.clone()), edits).prop_map(move |(mut bytes, edits): (_, Vec<Edit>)| {
            for edit in edits {
                edit.apply(&mut bytes, &inputs);
                bytes.truncate(Self::LONGEST_BYTES);
            }
            bytes
        })
    }
}

/// The settings of a property test. Failed seeds are kept in `file`, which belongs into the repository.
pub fn config(file: &'static str) -> ProptestConfig {
    ProptestConfig {
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(file))),
        ..ProptestConfig::default()
    }
}

/// Places at which a stream is cut into pieces, for [`pieces`].
pub fn cuts() -> impl Strategy<Value = Vec<Index>> {
    vec(any::<Index>(), 0..6)
}

/// The pieces of `bytes`, one more than there are cuts; some may be empty.
pub fn pieces<'a>(bytes: &'a [u8], cuts: &[Index]) -> Vec<&'a [u8]> {
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    places.sort_unstable();
    let mut pieces = Vec::with_capacity(places.len() + 1);
    let mut begin = 0;
    for place in places.into_iter().chain([bytes.len()]) {
        pieces.push(&bytes[begin..place]);
        begin = place;
    }
    pieces
}
