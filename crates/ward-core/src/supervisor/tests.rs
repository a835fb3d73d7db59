//! Faults: a panic in one instance stops nothing but that instance.

use core::time::Duration;
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::json;

use super::*;
use crate::id::RequestId;
use crate::instance::State;
use crate::request::{Act, Change, Outcome, PartError, Request, RequestError, Verb};

const FAULTY: InstanceId = InstanceId(0);
const OTHER: InstanceId = InstanceId(1);

/// Two apps that run and are not ready yet. The first waits for a request nobody made: to answer that
/// panics.
fn with_a_faulty_one() -> Supervisor {
    let mut supervisor = Supervisor::new(Defaults::default());
    for (request, life) in [(1, Life(1)), (2, Life(2))] {
        let record =
            json!({"name": "app", "pm_exec_path": "/srv/a.js", "env": {}, "wait_ready": true});
        let spec = crate::record::spec_from(record.as_object().unwrap()).unwrap();
        let id = RequestId(request);
        let request = Request::Prepare(Box::new(spec));
        handle(&mut supervisor, 0, Event::Requested { id, request });
        let (pid, version) = (100, None);
        handle(&mut supervisor, 0, Event::Spawned { life, pid, version });
    }
    let faulty = |it: &mut Instance| it.promise_nobody(RequestId(99));
    supervisor.state.instances.change(FAULTY, faulty);
    supervisor
}

fn handle(supervisor: &mut Supervisor, seconds: u64, event: Event) -> Vec<Action> {
    let mut now = Now::default();
    now.mono = now.mono + Duration::from_secs(seconds);
    let mut actions = Vec::new();
    supervisor.handle(now, event, &mut actions);
    actions
}

fn fails(supervisor: &mut Supervisor, seconds: u64, event: Event) {
    let handled = catch_unwind(AssertUnwindSafe(|| handle(supervisor, seconds, event)));
    assert!(handled.is_err(), "the faulty instance does not panic");
}

#[test]
fn a_deadline_that_panics_does_not_starve_the_others() {
    let mut supervisor = with_a_faulty_one();
    fails(&mut supervisor, 4, Event::Ticked);
    handle(&mut supervisor, 4, Event::Ticked);
    let state = &supervisor.instance(OTHER).unwrap().state;
    assert!(matches!(state, State::Online { .. }), "{state:?}");
}

#[test]
fn a_part_whose_begin_panics_has_failed_and_its_job_goes_on() {
    let mut supervisor = with_a_faulty_one();
    let act = Act {
        verb: Verb::Stop,
        targets: vec![(vec![FAULTY, OTHER], Change::default())],
        watch: None,
        parallel: Some(1),
        deadline: None,
    };
    let id = RequestId(3);
    let request = Request::Act(Box::new(act));
    fails(&mut supervisor, 1, Event::Requested { id, request });
    assert_eq!(supervisor.deadline(), Some(Mono(0)));
    handle(&mut supervisor, 1, Event::Ticked);
    assert_ne!(supervisor.deadline(), Some(Mono(0)));
    let (life, alive) = (Life(2), 0);
    let status = crate::event::ExitStatus::Code(0);
    handle(&mut supervisor, 1, Event::Exited { life, status });
    let actions = handle(&mut supervisor, 1, Event::Probed { life, alive });
    let results = actions.iter().find_map(|action| {
        if let Action::Reply { request, reply } = action
            && let (RequestId(3), Ok(Outcome::Job(results))) = (request, reply)
        {
            Some(results)
        } else {
            None
        }
    });
    let errors: Vec<_> = results
        .unwrap()
        .iter()
        .flatten()
        .map(|it| &it.error)
        .collect();
    let refused = Some(PartError::Refused(RequestError::BadSpec(String::new())));
    assert_eq!(errors.len(), 2);
    assert_eq!(
        errors[0].as_ref().map(core::mem::discriminant),
        refused.as_ref().map(core::mem::discriminant)
    );
    assert_eq!(errors[1], &None);
}
