//! What a run is told, and what it gives back.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use super::remains::Remains;
use super::timeline::Actor;
use crate::base::error::{Error, Result};
use crate::client::loopback::hooks::LoopbackHooks;
use crate::result::{Lap, RunResult, Trial};

/// What a run needs besides its plan.
#[derive(Debug, Default)]
pub struct RunOptions {
    /// For the result: how it was called.
    pub command_line: Vec<String>,
    /// The program that runs the embedded broker as `broker`.
    pub program: PathBuf,
    /// Where the result folder goes.
    pub results_dir: PathBuf,
    /// Not 0 once the run shall end early: the exit code of the signal.
    pub signal: Arc<AtomicUsize>,
    /// What the run would leave behind if it ended at once.
    pub remains: Arc<Remains>,
    /// Run without a broker, with these faults planted.
    pub loopback: Option<LoopbackHooks>,
    /// What the events take the schedule's start for, in microseconds since 1970: two runs of
    /// one plan then send the same bytes. `None`: the time it is.
    pub start_wall_us: Option<i64>,
    /// The run's place in a sweep, where it is part of one.
    pub trial: Option<Trial>,
    /// The run's place in a race, where it is part of one.
    pub race: Option<Lap>,
    /// Who carries out the actions of the plan's timeline.
    pub actors: Vec<Box<dyn Actor>>,
}

impl RunOptions {
    /// Whether another run has told how such a run begins: once for a sweep, once a side for a
    /// race.
    pub(super) fn is_repeated(&self) -> bool {
        self.trial.as_ref().is_some_and(|trial| trial.place > 0)
            || self.race.as_ref().is_some_and(|lap| lap.place > 1)
    }
}

/// What a run leaves.
#[derive(Debug)]
pub struct Finished {
    /// The result as saved.
    pub result: RunResult,
    /// The result's folder; or why there is none, and then the caller has the result's only copy.
    pub folder: Result<PathBuf>,
    /// What could not be saved beside the data: what is drawn of it, or what was found out last.
    pub unsaved: Option<Error>,
}
