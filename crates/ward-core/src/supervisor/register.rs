//! New instances: ids, numbers, and the variable that counts.

use std::sync::Arc;

use serde_json::Value;

use crate::action::Action;
use crate::id::{InstanceId, RequestId};
use crate::instance::Instance;
use crate::limits;
use crate::request::{RequestError, RestoredState};
use crate::spec::AppSpec;
use crate::supervisor::Supervisor;
use crate::time::Now;

impl Supervisor {
    pub(super) fn prepare(
        &mut self,
        now: Now,
        request: RequestId,
        mut spec: AppSpec,
        places: &[InstanceId],
        actions: &mut Vec<Action>,
    ) {
        if let Some(name) = &self.defaults.instance_var {
            spec.instance_var.clone_from(name);
        }
        let count = self.count(spec.instances);
        let checked = crate::change::check(&spec)
            .and_then(|()| crate::change::check_cluster(&spec))
            .and_then(|()| self.check_room(&spec.name, count));
        if let Err(reply) = checked {
            return self.state.pending.deliver(request, Err(reply), actions);
        }
        let start = spec.start.autostart;
        // Records tell how many there are, not how that was said.
        if spec.instances.is_some_and(|said| said <= 0) {
            spec.instances = Some(i64::from(count));
        }
        let places = places.iter().copied().map(Some);
        let mut counted = None;
        let ids: Vec<InstanceId> = places
            .chain(core::iter::repeat(None))
            .zip(0..count)
            .map(|(place, _)| {
                let mut spec = spec.clone();
                counted = self.increment(&mut spec, counted);
                self.register(spec, place)
            })
            .collect();
        self.state.pending.expect_several(request, ids.clone());
        for id in ids {
            self.with(now, id, actions, |it, cx| {
                it.registered(Some(request), start, cx);
            });
        }
    }

    pub(super) fn register_kept(
        &mut self,
        now: Now,
        request: RequestId,
        mut spec: AppSpec,
        restored: RestoredState,
        actions: &mut Vec<Action>,
    ) {
        // What was saved may have more of one name than an app can ask for.
        let room = limits::check_all(self.state.instances.len() + 1);
        if let Err(reply) = crate::change::check(&spec).and(room) {
            return self.state.pending.deliver(request, Err(reply), actions);
        }
        let taken = |number: &u32| self.state.instances.is_taken(&spec.name, *number);
        let number = restored.number.filter(|number| !taken(number));
        self.increment(&mut spec, None);
        let id = self.register(spec, None);
        self.state.pending.expect_several(request, vec![id]);
        self.with(now, id, actions, |it, cx| {
            it.number = number.unwrap_or(it.number);
            it.created_at = restored.created_at;
            it.restarts = if restored.stopped {
                restored.restarts
            } else {
                0
            };
            let start = it.spec.start.autostart && !restored.stopped;
            it.registered(Some(request), start, cx);
        });
    }

    pub(super) fn duplicate(
        &mut self,
        now: Now,
        request: RequestId,
        of: InstanceId,
        actions: &mut Vec<Action>,
    ) {
        let Some(original) = self.instance(of) else {
            let reply = Err(RequestError::UnknownInstance(of));
            return self.state.pending.deliver(request, reply, actions);
        };
        if let Err(reply) = self.check_room(&original.spec.name, 1) {
            return self.state.pending.deliver(request, Err(reply), actions);
        }
        let mut spec = original.spec.clone();
        let start = true;
        self.increment(&mut spec, None);
        let id = self.register(spec, None);
        self.state.pending.expect_one(request);
        self.with(now, id, actions, |it, cx| {
            it.registered(Some(request), start, cx);
        });
    }

    /// Refuses so many more instances of an app.
    fn check_room(&self, app: &str, more: u32) -> Result<(), RequestError> {
        let more = usize::try_from(more).unwrap_or(usize::MAX);
        let instances = &self.state.instances;
        limits::check_app(instances.count_named(app).saturating_add(more))?;
        limits::check_all(instances.len().saturating_add(more))
    }

    /// `0` is one per processor, below zero so many processors are left out.
    pub(super) fn count(&self, instances: Option<i64>) -> u32 {
        let count = match instances.unwrap_or(1) {
            count if count > 0 => count,
            less => i64::from(self.defaults.cpus) + less,
        };
        u32::try_from(count.max(1)).unwrap_or(u32::MAX)
    }

    fn register(&mut self, mut spec: AppSpec, place: Option<InstanceId>) -> InstanceId {
        self.share_captured(&mut spec);
        let number = self.state.instances.free_number(&spec.name);
        let id = place
            .filter(|place| self.instance(*place).is_none())
            .unwrap_or(InstanceId(self.state.next_id));
        self.state.next_id = self.state.next_id.max(id.0.saturating_add(1));
        let unique_id = self.state.random.uuid();
        let instance = Instance::new(id, number, spec, unique_id);
        self.state.instances.insert(Box::new(instance));
        id
    }

    /// Apps that come from one shell have its environment once.
    fn share_captured(&self, spec: &mut AppSpec) {
        let last = self.state.instances.iter().next_back();
        let same = last.map(|it| &it.spec.env.captured).filter(|known| {
            let captured = &spec.env.captured;
            Arc::ptr_eq(known, captured) || known.iter().eq(captured.iter())
        });
        if let Some(known) = same {
            spec.env.captured = Arc::clone(known);
        }
    }

    /// The first instance has the given value (or 0), each further one the highest plus one.
    /// `before`: what the instance just before this one got, which then is the highest. Returns the
    /// value, if there is such a variable.
    fn increment(&self, spec: &mut AppSpec, before: Option<i64>) -> Option<i64> {
        let name = spec.increment_var.clone()?;
        let of_all = || {
            let namesakes = self.state.instances.named(&spec.name);
            namesakes
                .filter_map(|it| it.spec.env.injected.get(&name).and_then(Value::as_i64))
                .max()
        };
        let highest = before.or_else(of_all);
        let given = spec
            .env
            .declared
            .get(&name)
            .or_else(|| spec.env.evaluated.get(&name))
            .or_else(|| spec.env.captured.get(&name));
        let value = highest.map_or_else(
            || given.map_or(0, as_number),
            |highest| highest.saturating_add(1),
        );
        spec.env.injected.insert(name, value.into());
        Some(value)
    }
}

fn as_number(value: &Value) -> i64 {
    let text = value.as_str().and_then(|text| text.trim().parse().ok());
    value.as_i64().or(text).unwrap_or(0)
}
