//! Words after `--`.

use super::read;

#[test]
fn after_a_double_dash_an_app_may_be_called_like_an_option() {
    for (words, targets, passthrough) in [
        (&["stop", "--", "--force"][..], &["--force"][..], None),
        (
            &["stop", "a", "--", "--force", "b"],
            &["a", "--force", "b"],
            None,
        ),
        (&["logs", "--", "-n"], &["-n"], None),
        (&["scale", "--", "--force", "2"], &["--force", "2"], None),
        (&["restart", "--", "--force"], &["--force"], None),
        (
            &["restart", "--", "--force", "--", "-p", "1"],
            &["--force"],
            Some(&["-p", "1"][..]),
        ),
        (
            &["restart", "a", "--", "--force"],
            &["a"],
            Some(&["--force"]),
        ),
        (&["start", "--", "--force"], &[], Some(&["--force"])),
    ] {
        let read = read(words);
        assert_eq!(read.targets, targets, "{words:?}");
        let passed = passthrough.map(|words| words.iter().map(|word| (*word).to_owned()).collect());
        assert_eq!(read.passthrough, passed, "{words:?}");
    }
}
