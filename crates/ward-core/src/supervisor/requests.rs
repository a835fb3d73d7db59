//! One arm per request.

use crate::action::Action;
use crate::context::Context;
use crate::id::{InstanceId, RequestId};
use crate::instance::Instance;
use crate::instance::view;
use crate::request::{Outcome, Reply, Request, RequestError, SupersededBy, WatchChange};
use crate::supervisor::Supervisor;
use crate::time::Now;

impl Supervisor {
    pub(crate) fn requested(
        &mut self,
        now: Now,
        id: RequestId,
        request: Request,
        actions: &mut Vec<Action>,
    ) {
        // Of a job each part is refused.
        let is_job = matches!(
            request,
            Request::Act(_) | Request::PrepareAll(_) | Request::Scale(_)
        );
        if self.state.shutting_down && !is_job {
            let reply = Err(RequestError::ShuttingDown);
            return self.state.pending.deliver(id, reply, actions);
        }
        if self.is_being_killed(now) && request.restarts() {
            let reply = Err(RequestError::KillAnnounced);
            actions.push(Action::Reply { request: id, reply });
            return;
        }
        match request {
            Request::Prepare(spec) => self.prepare(now, id, *spec, &[], actions),
            Request::PrepareAt(spec, places) => self.prepare(now, id, *spec, &places, actions),
            Request::Act(act) => self.act(now, id, *act, actions),
            Request::PrepareAll(asked) => self.prepare_all(now, id, asked, actions),
            Request::Scale(scale) => self.scale(now, id, scale, actions),
            Request::Duplicate(of) => self.duplicate(now, id, of, actions),
            Request::Shutdown => self.shutdown(now, id, actions),
            Request::Start(of) => self.ask(now, id, of, actions, |it, cx| {
                it.start(Some(id), cx);
            }),
            Request::Stop(of) => self.ask(now, id, of, actions, |it, cx| it.stop(Some(id), cx)),
            Request::Delete(of) => self.ask(now, id, of, actions, |it, cx| {
                it.delete(Some(id), SupersededBy::Delete, cx);
            }),
            Request::Retire(of) => self.ask(now, id, of, actions, |it, cx| {
                it.retire_for_good(Some(id), cx);
            }),
            Request::Restart(of, change) => self.ask(now, id, of, actions, |it, cx| {
                it.restart(Some(id), &change, cx);
            }),
            Request::Reload(of, change) => self.ask(now, id, of, actions, |it, cx| {
                it.reload(Some(id), &change, false, cx);
            }),
            Request::SoftReload(of, change) => self.ask(now, id, of, actions, |it, cx| {
                it.reload(Some(id), &change, true, cx);
            }),
            Request::Register(spec, restored) => {
                self.register_kept(now, id, *spec, restored, actions);
            }
            Request::Reset(of) => self.tell(now, id, of, actions, |it, cx| {
                it.reset(cx);
                Ok(Outcome::Instances(vec![of]))
            }),
            Request::Signal(of, signal) => self.tell(now, id, of, actions, |it, cx| {
                it.with_process(|life| Action::Signal { life, signal }, cx)
            }),
            Request::Monitor(of, on) => self.tell(now, id, of, actions, |it, _| {
                it.monitored = Some(on);
                Ok(Outcome::Instances(vec![of]))
            }),
            Request::Pause(of, paused) => {
                self.tell(now, id, of, actions, |it, cx| it.pause(paused, cx));
            }
            Request::Watch(of, change) => self.tell(now, id, of, actions, |it, cx| {
                watch(it, change, cx);
                Ok(Outcome::Instances(vec![of]))
            }),
        }
    }

    /// Whether a kill was announced a moment ago.
    fn is_being_killed(&self, now: Now) -> bool {
        self.state.kill_window.is_some_and(|until| until > now.mono)
    }

    /// A request whose reply comes when the instance gets there.
    fn ask(
        &mut self,
        now: Now,
        request: RequestId,
        of: InstanceId,
        actions: &mut Vec<Action>,
        act: impl FnOnce(&mut Instance, &mut Context<'_>),
    ) {
        if self.instance(of).is_none() {
            let reply = Err(RequestError::UnknownInstance(of));
            return self.state.pending.deliver(request, reply, actions);
        }
        self.state.pending.expect_one(request);
        self.with(now, of, actions, act);
    }

    /// A request that is done at once.
    fn tell(
        &mut self,
        now: Now,
        request: RequestId,
        of: InstanceId,
        actions: &mut Vec<Action>,
        act: impl FnOnce(&mut Instance, &mut Context<'_>) -> Reply,
    ) {
        self.ask(now, request, of, actions, |instance, cx| {
            let reply = act(instance, cx);
            cx.pending.settle(request, reply, cx.actions);
        });
    }

    fn shutdown(&mut self, now: Now, request: RequestId, actions: &mut Vec<Action>) {
        self.state.shutting_down = true;
        let ids = self.state.instances.ids();
        if ids.is_empty() {
            let reply = Ok(Outcome::Done);
            return self.state.pending.deliver(request, reply, actions);
        }
        self.state.pending.expect_all(request, ids.len());
        for id in ids {
            self.with(now, id, actions, |it, cx| {
                it.delete(Some(request), SupersededBy::Shutdown, cx);
            });
        }
    }
}

fn watch(instance: &mut Instance, change: WatchChange, cx: &mut Context<'_>) {
    let on = match change {
        WatchChange::On => true,
        WatchChange::Off => false,
        WatchChange::Toggle => !view::is_watching(instance),
    };
    if on == view::is_watching(instance) {
        return;
    }
    // What was declared tells which paths; without a declaration it is the working directory.
    let declared = instance.spec.watch.watch.clone();
    let paths = declared.filter(|watch| !matches!(watch, serde_json::Value::Bool(false)));
    instance.watching = if on {
        Some(paths.unwrap_or_else(|| true.into()))
    } else {
        Some(false.into())
    };
    cx.act(Action::Configure {
        instance: instance.id,
    });
}
