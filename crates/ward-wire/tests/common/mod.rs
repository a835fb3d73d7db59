//! Shared by the property tests.

use proptest::test_runner::{Config, FileFailurePersistence};

/// The usual number of cases. Seeds of cases that failed are kept in a file beside the test, `.proptest-regressions`,
/// and tried first from then on; the file belongs into the repository.
pub(crate) fn config() -> Config {
    let beside_the_test = FileFailurePersistence::WithSource("proptest-regressions");
    Config {
        failure_persistence: Some(Box::new(beside_the_test)),
        ..Config::default()
    }
}
