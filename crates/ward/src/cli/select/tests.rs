//! Every rule of selection, and which of two wins.

use super::*;

fn candidate(id: u32, name: &str, namespace: &str, script: &str) -> Candidate {
    Candidate {
        id,
        name: name.to_owned(),
        namespace: namespace.to_owned(),
        script: script.to_owned(),
        cwd: "/srv".into(),
        status: "online".to_owned(),
        module: name.starts_with("pm2-"),
    }
}

fn world() -> Vec<Candidate> {
    vec![
        candidate(0, "web", "front", "/srv/app.js"),
        candidate(1, "web", "front", "/srv/app.js"),
        candidate(2, "api", "back", "/srv/api/index.js"),
        candidate(3, "10", "default", "/srv/ten.sh"),
        candidate(4, "pm2-logrotate", "default", "/m/x.js"),
        candidate(5, "back", "other", "/srv/back.js"),
        candidate(10, "001-test", "7", "/srv/t.js"),
    ]
}

fn ids(word: &str) -> Vec<u32> {
    select(&world(), word, Path::new("/srv"), false)
        .unwrap()
        .ids
}

#[test]
fn each_form_selects() {
    for (word, wanted) in [
        ("web", vec![0, 1]),
        ("front", vec![0, 1]),
        ("all", vec![0, 1, 2, 3, 5, 10]),
        ("/^(web|api)$/", vec![0, 1, 2]),
        ("/^(?!web)/", vec![2, 3, 4, 5, 10]),
        ("/pm2/", vec![4]),
        ("app.js", vec![0, 1]),
        ("./api/index.js", vec![2]),
        ("/srv/app.js", vec![0, 1]),
        ("api/../app.js", vec![0, 1]),
        ("2", vec![2]),
        ("pm2-logrotate", vec![4]),
        ("001-test", vec![10]),
    ] {
        assert_eq!(ids(word), wanted, "{word}");
    }
}

#[test]
fn a_name_wins_over_a_namespace_and_both_over_an_id() {
    assert_eq!(ids("back"), [5]);
    assert_eq!(ids("10"), [3]);
    assert_eq!(ids("7"), [10]);
}

#[test]
fn only_a_typed_id_is_marked() {
    let typed = |word| {
        select(&world(), word, Path::new("/srv"), false)
            .unwrap()
            .typed_id
    };
    assert!(typed("2"));
    assert!(!typed("10"));
    assert!(!typed("web"));
}

#[test]
fn modules_are_part_of_all_only_when_asked_for() {
    let all = select(&world(), "all", Path::new("/"), true).unwrap();
    assert_eq!(all.ids.len(), 7);
}

#[test]
fn nothing_found_has_a_reason() {
    let none = |word: &str| select(&world(), word, Path::new("/srv"), false).unwrap_err();
    assert_eq!(none("nope"), NotFound::Name("nope".to_owned()));
    assert_eq!(none("99"), NotFound::Id("99".to_owned()));
    assert_eq!(none("00"), NotFound::Id("00".to_owned()));
    assert_eq!(none("/zzz/"), NotFound::Nothing);
    assert!(matches!(none("/(/"), NotFound::Pattern(_)));
    assert_eq!(
        select(&[], "all", Path::new("/"), false).unwrap_err(),
        NotFound::Nothing
    );
}

#[test]
fn records_are_read() {
    let record = serde_json::json!({
        "pm_id": 3, "name": "web", "pid": 12,
        "pm2_env": {"namespace": "n", "pm_exec_path": "/b/a.js", "pm_cwd": "/b", "status": "stopped", "pmx_module": true}
    });
    let read = Candidate::from_record(&record).unwrap();
    assert_eq!(
        read,
        Candidate {
            id: 3,
            name: "web".to_owned(),
            namespace: "n".to_owned(),
            script: "/b/a.js".to_owned(),
            cwd: "/b".into(),
            status: "stopped".to_owned(),
            module: true,
        }
    );
    let old = serde_json::json!({"pm_id": "_old_0", "pm2_env": {}});
    assert_eq!(Candidate::from_record(&old), None);
}
