//! Pages of the program's file, given up. A program of its own: whatever runs beside it needs them back.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{fs, panic};

use ward_sys::limits::release_file_pages;

/// Resident memory in kB.
fn resident() -> u64 {
    let smaps = fs::read_to_string("/proc/self/smaps_rollup").unwrap();
    let rss = smaps.lines().find_map(|line| line.strip_prefix("Rss:"));
    let number = rss.unwrap().trim().trim_end_matches(" kB");
    number.parse().unwrap()
}

#[test]
fn the_program_goes_on_without_them() {
    let work = || format!("{:.3} {}", 0.5, "ä".to_uppercase());
    let before = (work(), resident());
    release_file_pages();
    let after = (work(), resident());
    assert_eq!(before.0, after.0);
    assert!(after.1 < before.1, "{} kB, then {}", before.1, after.1);
    // The tables of unwinding come back, too.
    assert!(panic::catch_unwind(|| panic!("on purpose")).is_err());
}
