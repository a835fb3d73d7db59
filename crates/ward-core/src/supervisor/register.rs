//! New instances: ids, numbers, and the variable that counts.

use std::sync::Arc;

use serde_json::Value;

use crate::action::Action;
use crate::id::{InstanceId, RequestId};
use crate::instance::Instance;
use crate::request::{RequestError, RestoredState};
use crate::spec::AppSpec;
use crate::supervisor::Supervisor;
use crate::supervisor::names::Names;
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
        if let Err(reply) = crate::change::check(&spec) {
            return self.state.pending.deliver(request, Err(reply), actions);
        }
        let start = spec.start.autostart;
        let count = self.count(spec.instances);
        // Records tell how many there are, not how that was said.
        if spec.instances.is_some_and(|said| said <= 0) {
            spec.instances = Some(i64::from(count));
        }
        let places = places.iter().copied().map(Some);
        let ids: Vec<InstanceId> = places
            .chain(core::iter::repeat(None))
            .zip(0..count)
            .map(|(place, _)| self.register(spec.clone(), place))
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
        spec: AppSpec,
        restored: RestoredState,
        actions: &mut Vec<Action>,
    ) {
        if let Err(reply) = crate::change::check(&spec) {
            return self.state.pending.deliver(request, Err(reply), actions);
        }
        let name = spec.name.clone();
        let id = self.register(spec, None);
        let given = self.instance(id).map_or(0, |it| it.number);
        let number = restored
            .number
            .filter(|number| self.names().change_number(&name, given, *number));
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
        let spec = original.spec.clone();
        let start = true;
        let id = self.register(spec, None);
        self.state.pending.expect_one(request);
        self.with(now, id, actions, |it, cx| {
            it.registered(Some(request), start, cx);
        });
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
        self.increment(&mut spec);
        self.share_captured(&mut spec);
        let number = self.names().take_number(&spec.name);
        let id = place
            .filter(|place| !self.state.instances.contains_key(place))
            .unwrap_or(InstanceId(self.state.next_id));
        self.state.next_id = self.state.next_id.max(id.0.saturating_add(1));
        let unique_id = self.state.random.uuid();
        let instance = Instance::new(id, number, spec, unique_id);
        self.state.instances.insert(id, Box::new(instance));
        id
    }

    /// Apps that come from one shell have its environment once.
    fn share_captured(&self, spec: &mut AppSpec) {
        let last = self.state.instances.values().next_back();
        let same = last
            .map(|it| &it.spec.env.captured)
            .filter(|known| known.iter().eq(spec.env.captured.iter()));
        if let Some(known) = same {
            spec.env.captured = Arc::clone(known);
        }
    }

    /// The names of this moment.
    fn names(&mut self) -> &mut Names {
        let instances = &self.state.instances;
        self.names
            .get_or_insert_with(|| Names::of(instances.values().map(Box::as_ref)))
    }

    /// The first instance has the given value (or 0), each further one the highest plus one.
    fn increment(&mut self, spec: &mut AppSpec) {
        let Some(variable) = spec.increment_var.clone() else {
            return;
        };
        self.names();
        let Self { state, names, .. } = self;
        let value_of = |id| {
            let instance = state.instances.get(&id)?;
            instance.spec.env.injected.get(&variable).cloned()
        };
        let highest = names
            .as_mut()
            .and_then(|names| names.highest(&spec.name, &variable, value_of));
        let given = spec
            .env
            .declared
            .get(&variable)
            .or_else(|| spec.env.evaluated.get(&variable))
            .or_else(|| spec.env.captured.get(&variable));
        let value = highest.map_or_else(|| given.map_or(0, as_number), |highest| highest + 1);
        self.names().count(&spec.name, &variable, value);
        spec.env.injected.insert(variable, value.into());
    }
}

fn as_number(value: &Value) -> i64 {
    let text = value.as_str().and_then(|text| text.trim().parse().ok());
    value.as_i64().or(text).unwrap_or(0)
}
