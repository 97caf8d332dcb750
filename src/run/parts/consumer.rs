//! Consumers that record: one part for the process, with all its applications.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::part::{self, AppName, AppPart, CONSUMER, ConsumerPart, Started};
use crate::apps::AppKind;
use crate::base::clock::SystemClock;
use crate::base::error::Result;
use crate::event::codec::Codec;
use crate::plan::{AppPlan, Plan};
use crate::result::mask_arguments;
use crate::run::assemble::build;
use crate::run::observe::{self, Meter};
use crate::workers::consume::{ObservationRecorder, Testimony};

/// The part that a consumer process is about to leave.
#[derive(Debug)]
pub struct ConsumerPartWriter {
    started: Started,
    command_line: Vec<String>,
    clock: Arc<SystemClock>,
    codec: &'static dyn Codec,
    interval_ns: u64,
    topic: String,
    witnesses: Vec<(AppName, Arc<Mutex<ObservationRecorder>>)>,
    meter: Meter,
}

impl ConsumerPartWriter {
    /// Makes the part's folder below `records`. The clock's dates are what latency counts from.
    ///
    /// # Errors
    /// [`crate::base::error::Error::Usage`] when nothing can be written there.
    pub fn begin(
        records: &Path,
        kinds: &[&AppKind],
        plan: &Plan,
        clock: SystemClock,
        mut command_line: Vec<String>,
    ) -> Result<Self> {
        mask_arguments(&mut command_line);
        let names = kinds.iter().map(|kind| kind.schema.name.to_owned()).collect();
        let started = Started::begin(records, "consumer", names, command_line.clone())?;
        let (clock, interval_ns) = (Arc::new(clock), plan.measure.interval_ms * 1_000_000);
        Ok(Self {
            started,
            command_line,
            meter: Meter::start_alone(&clock, interval_ns)?,
            clock,
            codec: plan.event.codec(),
            interval_ns,
            topic: plan.topic.name.clone(),
            witnesses: Vec::new(),
        })
    }

    /// A witness for one application.
    pub fn witness(&mut self, app: &AppPlan) -> Arc<Mutex<ObservationRecorder>> {
        let (clock, interval_ns) = (self.clock.clone(), self.interval_ns);
        let recorder = ObservationRecorder::new(clock, self.codec, interval_ns);
        let witness = Arc::new(Mutex::new(recorder));
        self.witnesses.push((AppName::of(app), witness.clone()));
        witness
    }

    /// Saves the part, once no application runs any more; `fault` is what ended them before
    /// their time. Gives its folder.
    ///
    /// # Errors
    /// [`crate::base::error::Error::Io`] with the path.
    pub fn end(mut self, fault: Option<String>) -> Result<PathBuf> {
        let app = |(app, witness): (AppName, Arc<Mutex<ObservationRecorder>>)| {
            let mut witness = witness.lock().unwrap_or_else(PoisonError::into_inner);
            let Testimony { notes, pages, last, assignments } = witness.testify();
            let (summary, read) = last.unzip();
            AppPart { app, notes, pages, summary, read, assignments }
        };
        let seen = self.meter.end();
        let part = ConsumerPart {
            file: PathBuf::new(),
            part_version: part::VERSION,
            pid: std::process::id(),
            command_line: self.command_line,
            build: build(),
            anchor: self.clock.anchor(),
            wall_step_us: self.clock.wall_step_us(),
            interval_ns: self.interval_ns,
            topic: self.topic,
            cpu_s: observe::process::cpu_s(),
            memory_peak_bytes: observe::process::memory_peak_bytes(),
            stalls_ns: seen.by_interval().clone(),
            cpu_s_at: seen.cpu_s_at().clone(),
            fault,
            apps: self.witnesses.into_iter().map(app).collect(),
        };
        self.started.save(CONSUMER, &part)
    }
}
