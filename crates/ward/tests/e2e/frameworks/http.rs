//! Web frameworks.

use super::site::Site;

#[test]
fn express() {
    let site = Site::up("express.js", include_str!("apps/express.js"), 4);
    site.serves();
    site.reloads();
    site.stops(0);
    site.said_at_the_end("closed in good order", 2 * 4);
}

#[test]
fn fastify() {
    let site = Site::up("fastify.mjs", include_str!("apps/fastify.mjs"), 3);
    site.serves();
    site.reloads();
    site.stops(0);
    site.said_at_the_end("closed in good order", 2 * 3);
}

#[test]
fn koa() {
    let site = Site::up("koa.mjs", include_str!("apps/koa.mjs"), 2);
    site.serves();
    site.reloads();
    site.scales();
    // It knows nothing of signals.
    site.stops(130);
}

#[test]
fn nest() {
    let site = Site::up("nest.js", include_str!("apps/nest.js"), 2);
    site.serves();
    site.scales();
    site.reloads();
    // Nest closes the app and then sends itself the signal again.
    site.stops(130);
    site.said_at_the_end("closed in good order after SIGINT", 1 + 2 * 2);
}
