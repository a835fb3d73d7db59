//! Ecosystem files and the commands of deploy scripts, run under ward and under PM2 from npm, and compared: exit codes, what
//! is printed, the records, what each app was given, the log files. What may differ is the table in docs/differences.md.
//!
//! `parity/cases/<group>/<case>/` is the working directory of a case, with `common/` of its group and the apps of
//! `parity/apps/` beside it. `steps` holds a command line per line, for bash, and waits:
//!
//! - `@status NAME STATUS`: all instances of NAME have this status;
//! - `@log FILE TEXT`: the log file contains the text;
//! - `@ids-vary`: which instance has which id is a matter of luck under PM2;
//! - `@silent NAME`: its apps tell nothing of themselves, do not wait for it.
//!
//! Without such a file the only step is `pm2 start` of the config file. `PARITY_CASE=group/case` runs one case.

mod allowed;
mod case;
mod compare;
mod normal;
mod printed;
mod side;
mod told;

use std::thread;

use self::allowed::Allowed;
use self::case::Case;
use self::side::Side;
use crate::harness::{Ward, npm};

/// Runs all cases of a group on both sides and shows all differences that are not allowed.
fn same(group: &str) {
    let mut cases = Case::all(group);
    if let Ok(wanted) = std::env::var("PARITY_CASE") {
        cases.retain(|case| case.name == wanted);
    }
    let run = |home: Ward, cases: &[Case]| {
        let mut side = Side::new(home);
        cases.iter().map(|case| side.run(case)).collect::<Vec<_>>()
    };
    // PM2 takes several times as long, and waits for most of it: it gets two homes with half of the cases each.
    let (first, second) = cases.split_at(cases.len() / 2);
    let run_pm2 = |cases| run(Ward::instead(npm("pm2@7.0.4").join(".bin/pm2")), cases);
    let (pm2, ward) = thread::scope(|scope| {
        let halves = [first, second].map(|cases| scope.spawn(move || run_pm2(cases)));
        let ward = scope.spawn(|| run(Ward::new(), &cases));
        let halves = halves.map(|half| half.join().expect("PM2's side"));
        (
            halves.into_iter().flatten(),
            ward.join().expect("ward's side"),
        )
    });
    let mut allowed = Allowed::read();
    let mut report = String::new();
    for ((case, pm2), ward) in cases.iter().zip(pm2).zip(&ward) {
        report += &compare::case(case, &pm2, ward, &mut allowed);
        report += &allowed.not_needed_by(case);
    }
    assert!(report.is_empty(), "{report}");
}

/// The groups of cases, each a test.
const GROUPS: [&str; 11] = [
    "again",
    "deploy",
    "environments",
    "evaluation",
    "first",
    "forms",
    "logs",
    "programs",
    "queries",
    "shapes",
    "values",
];

#[test]
fn every_allowed_difference_has_a_case_that_shows_it() {
    let allowed = Allowed::read();
    let cases: Vec<Case> = GROUPS.iter().flat_map(|group| Case::all(group)).collect();
    for example in allowed.examples() {
        let is_case = cases.iter().any(|case| case.name == example);
        assert!(
            is_case || example == "varies",
            "no case is called {example}"
        );
    }
}

#[test]
fn first_files() {
    same("first");
}

#[test]
fn files_that_compute() {
    same("evaluation");
}

#[test]
fn unusual_values() {
    same("shapes");
}

#[test]
fn forms_of_files() {
    same("forms");
}

#[test]
fn settings() {
    same("values");
}

#[test]
fn environments() {
    same("environments");
}

#[test]
fn log_files() {
    same("logs");
}

#[test]
fn programs() {
    same("programs");
}

#[test]
fn files_used_again() {
    same("again");
}

#[test]
fn commands_of_deploy_scripts() {
    same("deploy");
}

#[test]
fn queries() {
    same("queries");
}
