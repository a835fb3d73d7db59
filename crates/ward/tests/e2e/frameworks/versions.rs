//! Other versions of Node, chosen per app.

use rstest::rstest;

use super::site::Site;
use crate::cluster::client::get;
use crate::harness::{NODES, node};

fn runs_on(major: &str, script: &str, text: &str) -> Site {
    let site = Site::prepare(script, text, 2);
    let node = node(major);
    site.start(&["--interpreter", node.to_str().unwrap()]);
    site.serves();
    let version = super::parse(&get(site.port))["node"].clone();
    assert!(
        NODES
            .iter()
            .any(|it| version == *it && it.starts_with(major))
    );
    site.reloads();
    site
}

#[rstest]
#[case("18")]
#[case("22")]
#[case("24")]
fn an_app_on_node(#[case] major: &str) {
    let site = runs_on(major, "express.js", include_str!("apps/express.js"));
    site.stops(0);
    site.said_at_the_end("closed in good order", 2 * 2);
}

#[rstest]
#[case("22")]
#[case("24")]
fn typescript_on_node(#[case] major: &str) {
    let site = runs_on(major, "typed.mts", include_str!("apps/typed.mts"));
    site.stops(130);
}
