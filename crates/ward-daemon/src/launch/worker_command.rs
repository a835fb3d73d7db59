//! The command of a cluster worker: what is behind its launcher, with the agent, and what the
//! primary has to know of it.

use std::ffi::OsString;
use std::path::Path;

use ward_core::instance::Instance;
use ward_core::launch::Launch;
use ward_sys::spawn::Command;

use super::error::StartError;
use crate::cluster::{Protocol, WorkerConfig};
use crate::launcher::{self, Context, Place, Verdict};
use crate::node::{Runtime, agent, spread_inspectors};
use crate::rights::Rights;

/// Before it is known what the command runs on.
const UNKNOWN: Protocol = Protocol::Node {
    runtime: Runtime::Node,
    has_agent: false,
};

/// What a beginning cluster worker needs besides its launch, taken from its instance.
#[derive(Debug)]
pub(crate) struct WorkerPlan {
    /// Number among the instances of the app.
    number: u32,
    /// It loads the agent if it can.
    wants_agent: bool,
    parts: agent::Parts,
    /// Not right before runtime and agent are known.
    config: WorkerConfig,
}

impl WorkerPlan {
    /// The plan for a life of `instance`.
    pub(crate) fn of(instance: &Instance, launch: &Launch) -> Self {
        let parts = if instance.spec.node.is_instrumented() {
            agent::Parts::Whole
        } else {
            agent::Parts::Drain
        };
        Self {
            number: instance.number,
            wants_agent: instance.spec.cluster.agent != Some(false),
            parts,
            config: WorkerConfig::of(instance, &launch.env, UNKNOWN),
        }
    }
}

/// Makes the command one of a cluster worker, and gives it its configuration; or tells why it cannot
/// be one.
pub(super) fn worker_command(
    command: &mut Command,
    plan: &WorkerPlan,
    launch: &Launch,
    (home, rights): (&Path, &Rights),
) -> Result<(Option<WorkerConfig>, Option<String>), StartError> {
    let place = Place {
        cwd: Path::new(&launch.cwd),
        search: ward_sys::path::path_of(&command.env).to_owned(),
    };
    // Both read files that the app names.
    let borrowed = rights.borrow().map_err(StartError::Rights)?;
    let declared = launcher::effective_argv(&launch.argv, &place);
    let verdict = launcher::classify(&declared, Some(&launch.script), &place);
    drop(borrowed);
    let found = |argv: &[String]| {
        let name = argv.first().map_or("", String::as_str);
        let program = launcher::find(name, &place);
        program.ok_or_else(|| StartError::NoProgram(name.to_owned()))
    };
    // Another user cannot read what is in the home.
    let wanted = plan.wants_agent && command.credentials.is_none();
    let agent = || agent::install(home, plan.parts).ok().filter(|_| wanted);
    let (argv, runtime, has_agent) = match verdict {
        Verdict::Alone(reason) => {
            if declared != launch.argv {
                command.program = found(&declared)?;
                command.argv = declared.into_iter().map(OsString::from).collect();
            }
            return Ok((None, Some(reason)));
        }
        Verdict::Launcher => {
            let agent = agent();
            let has_agent = agent.is_some();
            let context = Context {
                unique_id: launch.worker.unwrap_or_default(),
                number: plan.number,
                agent,
            };
            // Whoever runs it, and whatever lies at our path by now.
            command.program = "/proc/self/exe".into();
            let words = ["ward".to_owned()].into_iter().chain(context.words());
            (words.chain(declared).collect(), Runtime::Node, has_agent)
        }
        Verdict::Worker(worker) => {
            let (mut argv, mut script) = (worker.argv, worker.script);
            let agent = agent().filter(|_| worker.runtime == Runtime::Node);
            let has_agent = agent.is_some_and(|path| agent::load(&mut argv, script, &path));
            script = script.map(|at| at + agent::words(has_agent));
            spread_inspectors(&mut argv, script, plan.number);
            if argv.first() != launch.argv.first() {
                command.program = found(&argv)?;
            }
            let variables = worker.env.into_iter();
            command
                .env
                .extend(variables.map(|(name, value)| (name.into(), value.into())));
            (argv, worker.runtime, has_agent)
        }
    };
    command.argv = argv.into_iter().map(OsString::from).collect();
    let config = WorkerConfig {
        protocol: Protocol::Node { runtime, has_agent },
        rights: rights.clone(),
        ..plan.config.clone()
    };
    Ok((Some(config), None))
}
