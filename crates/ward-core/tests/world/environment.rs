//! What instances share, and that nobody sees it.

use std::sync::Arc;

use serde_json::{Value, json};
use ward_core::id::InstanceId;
use ward_core::request::{Change, Request};

use crate::world::{World, app};

#[test]
fn one_environment_serves_all_who_came_with_it_until_one_changes_its_own() {
    let mut world = World::new();
    let shell = |words: &str| -> Value {
        let captured: Value = serde_json::from_str(words).expect("JSON");
        json!({ "env": {}, "ward": { "captured": captured } })
    };
    for words in [
        r#"{"A":"1","B":"2"}"#,
        r#"{"A":"1","B":"2"}"#,
        r#"{"B":"2","A":"1"}"#,
    ] {
        let app = app("app", &shell(words));
        world.ask(Request::Prepare(Box::new(app)));
    }
    world.run(1000);
    let captured = |world: &World, id| {
        let instance = world.supervisor.instance(InstanceId(id));
        Arc::clone(&instance.expect("it is known").spec.env.captured)
    };
    let [first, second, turned] = [0, 1, 2].map(|id| captured(&world, id));
    assert!(Arc::ptr_eq(&first, &second));
    assert!(
        turned.keys().eq(["B", "A"]),
        "the order of the keys is its own"
    );
    let change = Change {
        env: json!({"A": "9"}).as_object().expect("an object").clone(),
        ..Change::default()
    };
    world.ask(Request::Restart(InstanceId(1), change));
    world.run(1000);
    assert_eq!(captured(&world, 1)["A"], json!("9"));
    assert_eq!(captured(&world, 0)["A"], json!("1"));
}
