//! `kbench consume`: applications by themselves, each on a thread of its own.

use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::shared;
use super::signals::Signals;
use crate::apps::{self, Alert, AppKind, Rhythm};
use crate::base::clock::{Clock, SystemClock, wall_clock_us};
use crate::base::error::{Error, ExitCode, Result};
use crate::base::{date, visible};
use crate::cli::ConsumeArgs;
use crate::cli::shared::Format;
use crate::output::run_lines;
use crate::output::standalone::{TextStyle, alerts, said};
use crate::plan::Plan;
use crate::result::check_writable;
use crate::result::run_event::{Listener, RunEvent};
use crate::run::parts::consumer::ConsumerPartWriter;
use crate::run::standalone::consumer::{self, ConsumeLimits, StandaloneConsumer, Stopped, Update};
use crate::workers::consume::ReadCounts;

/// Longest wait for the first answer of a cluster.
const CONNECT: Duration = Duration::from_secs(8);

pub(super) fn run(args: &ConsumeArgs) -> Result<ExitCode> {
    let kinds = chosen(&args.apps)?;
    let (plan, bootstrap) = shared::alone(None, &args.scenario)?;
    let rhythm = args.every.as_deref().map(rhythm).transpose()?;
    let limits = ConsumeLimits {
        events: args.count,
        idle: args.idle.as_deref().map(|text| shared::duration("--idle", text)).transpose()?,
    };
    if let Some(folder) = &args.record {
        check_writable(folder)?;
    }
    let signals = Signals::listen()?;
    consumer::open(&plan, &bootstrap)?.brokers(CONNECT)?;
    if !args.quiet {
        introduce(&kinds, &plan, &bootstrap);
    }
    let mut record = match &args.record {
        Some(folder) => Some(witnessed(args, folder, &kinds, &plan)?),
        None => None,
    };
    let skin = Skin::new(args.format, &plan.topic.name, args.quiet);
    signals.remains().reading();
    let mut threads = Vec::new();
    for kind in kinds {
        let app = plan
            .apps
            .iter()
            .find(|app| app.name == kind.schema.name)
            .ok_or_else(|| Error::Internal(format!("no plan for {}", kind.schema.name)))?;
        let world = consumer::open(&plan, &bootstrap)?;
        let mut alone = StandaloneConsumer::new(kind, app, &plan, world, signals.code())?
            .every(rhythm.unwrap_or(kind.rhythm))
            .within(limits);
        if let Some(record) = &mut record {
            alone = alone.witnessed_by(record.witness(app));
        }
        let (skin, code) = (skin.clone(), signals.code());
        threads.push(thread::spawn(move || {
            let stopped = alone.run(|what| skin.say(kind.schema.name, what));
            if stopped.read.is_err() {
                // One that can't go on takes the others along: half an answer is none. A signal
                // that came before stays what it was.
                let stop = ExitCode::Unexpected as usize;
                let order = std::sync::atomic::Ordering::Relaxed;
                let _ = code.compare_exchange(0, stop, order, order);
            }
            stopped
        }));
    }
    let (all, first_error) = joined(threads);
    if let Some(record) = record {
        let folder = record.end(first_error.as_ref().map(ToString::to_string))?;
        if !args.quiet {
            shared::tell(&format!("recorded in {}", folder.display()));
        }
    }
    // After the saving: with a broker that is gone it takes its time, and fails.
    let committed = consumer::commit(all, signals.code(), &mut Told);
    match first_error.or(committed.err()) {
        // Whoever read this output has seen enough.
        Some(Error::Io { source, .. }) if source.kind() == ErrorKind::BrokenPipe => {
            Ok(ExitCode::Ok)
        }
        Some(error) => Err(error),
        None => Ok(signals.exit_code()),
    }
}

/// Tells what a commit waits for, in lines of their own between those of the applications.
struct Told;

impl Listener for Told {
    fn on(&mut self, event: &RunEvent) {
        if let Some(text) = run_lines::line(event) {
            shared::tell(&text);
        }
    }
}

/// Waits for the readers; with them comes what went wrong first.
fn joined(threads: Vec<JoinHandle<Stopped>>) -> (Vec<Stopped>, Option<Error>) {
    let (mut all, mut first_error) = (Vec::new(), None);
    for thread in threads {
        match thread.join() {
            Ok(mut stopped) => {
                let read = std::mem::replace(&mut stopped.read, Ok(ReadCounts::default()));
                first_error = first_error.or(read.err());
                all.push(stopped);
            }
            Err(_) => {
                let panicked = Error::Internal("a reader panicked".to_owned());
                first_error = first_error.or(Some(panicked));
            }
        }
    }
    (all, first_error)
}

fn witnessed(
    args: &ConsumeArgs,
    folder: &Path,
    kinds: &[&AppKind],
    plan: &Plan,
) -> Result<ConsumerPartWriter> {
    let clock = SystemClock::start();
    clock.pretend(0, clock.wall_us(0) + args.shift_clock_us);
    ConsumerPartWriter::begin(folder, kinds, plan, clock, shared::command_line())
}

/// The applications named, each once, in the order of their list.
fn chosen(names: &[String]) -> Result<Vec<&'static AppKind>> {
    apps::check_names(names)?;
    let named = |kind: &&AppKind| names.iter().any(|name| name == kind.schema.name);
    Ok(apps::ALL.iter().filter(named).collect())
}

/// `50` for events, `10s` for time.
pub(super) fn rhythm(text: &str) -> Result<Rhythm> {
    match text.parse::<u64>() {
        Ok(0) => Err(Error::usage("--every: 0 events; expected at least 1")),
        Ok(events) => Ok(Rhythm::Events(events)),
        Err(_) => Ok(Rhythm::Time(shared::duration("--every", text)?)),
    }
}

fn introduce(kinds: &[&AppKind], plan: &Plan, bootstrap: &str) {
    let groups: Vec<String> = plan
        .apps
        .iter()
        .filter(|app| kinds.iter().any(|kind| kind.schema.name == app.name))
        .map(|app| format!("{} as {}", app.name, app.group))
        .collect();
    shared::tell(&format!(
        "reading {} at {bootstrap}: {}; Ctrl-C commits and ends",
        plan.topic.name,
        groups.join(", ")
    ));
}

/// How what is said gets to the reader.
#[derive(Debug, Clone)]
pub(super) struct Skin {
    json: bool,
    look: TextStyle,
    topic: Arc<str>,
    quiet: bool,
}

impl Skin {
    pub(super) fn new(format: Format, topic: &str, quiet: bool) -> Self {
        let look = TextStyle { width: shared::terminal_width(), color: shared::color() };
        Self { json: format == Format::Json, look, topic: topic.into(), quiet }
    }

    pub(super) fn say(&self, app: &str, what: &Update<'_>) -> Result<()> {
        let (summary, read) = match what {
            Update::Summary(summary, read) | Update::Last(summary, read) => (summary, read),
            Update::Alerts(list, more) => return self.warn(app, list, *more),
            Update::Silence => {
                if !self.quiet {
                    shared::tell(&format!("{app}: nothing has come from {} yet", self.topic));
                }
                return Ok(());
            }
            Update::Gap(left) => {
                if !self.quiet {
                    let left = humantime::format_duration(Duration::from_secs(left.as_secs()));
                    shared::tell(&format!("{app}: the next event is due in {left}"));
                }
                return Ok(());
            }
        };
        let now_us = wall_clock_us();
        let text = if self.json {
            let line = serde_json::json!({
                "app": app,
                "at": date::millis(now_us),
                "last": matches!(what, Update::Last(..)),
                "read": read,
                "summary": summary,
            });
            format!("{line}\n")
        } else {
            let at = date::time_of_day(now_us);
            said(&at, summary, read, self.look)
        };
        write(&text)
    }

    fn warn(&self, app: &str, list: &[Alert], more: u64) -> Result<()> {
        if !self.json {
            return write(&alerts(list, more, self.look));
        }
        let mut text = String::new();
        for alert in list {
            text.push_str(&format!("{}\n", serde_json::json!({ "app": app, "alert": alert })));
        }
        if more > 0 {
            text.push_str(&format!("{}\n", serde_json::json!({ "app": app, "more": more })));
        }
        write(&text)
    }
}

/// In one piece, so that applications don't write into each other's tables.
fn write(text: &str) -> Result<()> {
    io::stdout()
        .lock()
        .write_all(visible::page(text).as_bytes())
        .map_err(|error| Error::io("writing to stdout", error))
}
