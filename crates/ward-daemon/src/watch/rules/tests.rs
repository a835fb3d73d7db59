use std::path::Path;

use rstest::rstest;

use super::*;

const CWD: &str = "/srv/app";

fn rules(ignore: &[&str]) -> Rules {
    let plan = Plan {
        cwd: CWD.into(),
        ignore: ignore.iter().map(|&pattern| pattern.to_owned()).collect(),
        own: vec![
            "/srv/app/out.log".into(),
            "/srv/app/../app/run/app.pid".into(),
        ],
        home: "/srv/app/home".into(),
        ..Plan::default()
    };
    let (rules, bad) = Rules::new(&plan);
    assert_eq!(bad, Vec::<String>::new());
    rules
}

fn ignores(ignore: &[&str], path: &str) -> bool {
    rules(ignore).ignores(Path::new(CWD), &Path::new(CWD).join(path))
}

#[rstest]
#[case("a.js", false)]
#[case("src/deep/a.js", false)]
#[case(".git/index", true)]
#[case("src/.a.js.swp", true)]
#[case("node_modules/x/index.js", true)]
#[case("src/node_modules", true)]
#[case("my_node_modules/x", false)]
#[case("out.log", true)]
#[case("out.log.1", true)]
#[case("out__2026-11-21_00-00-00.log", true)]
#[case("outer.js", false)]
#[case("run/app.pid", true)]
#[case("home/logs/other-out.log", true)]
fn from_the_outset(#[case] path: &str, #[case] ignored: bool) {
    assert_eq!(ignores(&[], path), ignored);
    // A list of one's own takes nothing away.
    assert_eq!(ignores(&["tmp"], path), ignored);
}

#[rstest]
// Names, at any depth.
#[case("logs", "logs/a.txt", true)]
#[case("logs", "src/logs/a.txt", true)]
#[case("logs", "mylogs/a.txt", false)]
#[case("*.log", "deep/er/a.log", true)]
#[case("*.log", "a.logs", false)]
#[case("**/tmp", "src/tmp/x", true)]
#[case("tmp/", "src/tmp/x", true)]
#[case("*.{css,scss}", "a/b.scss", true)]
// Paths, relative and absolute.
#[case("public/files", "public/files/a.png", true)]
#[case("public/files", "other/public/files/a.png", false)]
#[case("./public", "public/a.png", true)]
#[case("public/**", "public/x/a.png", true)]
#[case("public/*", "public/a.png", true)]
#[case("/srv/app/public/", "public/a.png", true)]
#[case("/srv/app/public", "public2/a.png", false)]
#[case("src/*/cache", "src/x/cache/y", true)]
#[case("src/*/cache", "src/x/y/cache", false)]
#[case("src/**/*.test.js", "src/x/y/a.test.js", true)]
// Regular expressions.
#[case("/\\.tmp$/", "x/a.tmp", true)]
#[case("/\\.TMP$/i", "x/a.tmp", true)]
#[case("/^public/", "public/a", true)]
#[case("/^public/", "src/public/a", false)]
#[case("/uploads/", "x/uploads/a", true)]
#[case("[\\\\/]\\.|generated", "generated/a", true)]
#[case("\\.tmp$", "a.tmp.js", false)]
fn patterns(#[case] pattern: &str, #[case] path: &str, #[case] ignored: bool) {
    assert_eq!(ignores(&[pattern], path), ignored);
}

#[rstest]
#[case(&["!.env"], ".env", false)]
#[case(&["!.env"], ".envrc", true)]
#[case(&["!node_modules/mine"], "node_modules/mine/index.js", false)]
#[case(&["!node_modules/mine"], "node_modules/other/index.js", true)]
#[case(&["*.js", "!main.js"], "src/main.js", false)]
#[case(&["!main.js", "*.js"], "src/main.js", true)]
#[case(&["a/x", "a/y", "!a/x/k"], "a/x/k", false)]
#[case(&["a/x", "a/y", "!a/x/k"], "a/y/k", true)]
fn the_last_word_counts(#[case] list: &[&str], #[case] path: &str, #[case] ignored: bool) {
    assert_eq!(ignores(list, path), ignored);
}

#[test]
fn an_ignored_folder_is_entered_only_for_what_is_kept() {
    let prunes = |list: &[&str], folder: &str| {
        rules(list).prunes(Path::new(CWD), &Path::new(CWD).join(folder))
    };
    assert!(prunes(&[], "node_modules"));
    assert!(!prunes(&[], "src"));
    assert!(!prunes(&["!node_modules/mine"], "node_modules"));
    assert!(prunes(&["!node_modules/mine"], "node_modules/other"));
    assert!(!prunes(&["!.config/*.json"], ".config"));
    assert!(prunes(&["logs"], "src/logs"));
}

#[test]
fn a_folder_for_logs_is_made_by_ward_and_watched_all_the_same() {
    let (rules, base) = (rules(&[]), Path::new(CWD));
    assert!(rules.holds_own(&base.join("run")));
    assert!(!rules.prunes(base, &base.join("run")));
    assert!(!rules.holds_own(&base.join("src")));
}

#[test]
fn the_place_of_the_app_is_no_reason_to_ignore_it() {
    // PM2 looks at the whole path: an app below a hidden folder is never restarted there.
    let base = Path::new("/home/me/.apps/node_modules/web");
    let rules = rules(&[]);
    assert!(!rules.ignores(base, &base.join("a.js")));
    assert!(rules.ignores(base, &base.join(".env")));
}

#[test]
fn what_cannot_be_read_is_named() {
    let plan = Plan {
        cwd: CWD.into(),
        ignore: vec![
            "[".to_owned(),
            "/(/".to_owned(),
            "ok".to_owned(),
            String::new(),
        ],
        ..Plan::default()
    };
    let (_, bad) = Rules::new(&plan);
    assert_eq!(bad, ["[", "/(/", ""]);
}
