//! `kbench produce`: the events of a scenario, to a Kafka or on stdout.

use super::shared;
use crate::output::table;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use super::signals::Signals;
use crate::base::clock::wall_clock_us;
use crate::base::error::{Error, ExitCode, Result};
use crate::cli::{EventFormat, ProduceArgs, RateArg};
use crate::load::preview::line::EventLines;
use crate::load::preview::{self, Preview};
use crate::output::progress::Progress;
use crate::plan::Plan;
use crate::plan::toml::source::ScenarioSource;
use crate::run::parts::producer;
use crate::run::{RunOptions, needs};
use crate::workers::produce::Sending;

/// Written at once when so much has come together: a pipe's usual room.
const CHUNK_BYTES: usize = 64 * 1024;

/// The run number of events that no run sends.
const NO_RUN: u32 = 0;

/// With a count and no duration, a constant rate lasts for as long as a schedule may, in ns.
const LONGEST_NS: u64 = 30 * 86_400 * 1_000_000_000;

pub(super) fn run(args: &ProduceArgs) -> Result<ExitCode> {
    if args.dry_run { dry_run(args) } else { send(args) }
}

/// Sends the load to a Kafka, and says how it went.
fn send(args: &ProduceArgs) -> Result<ExitCode> {
    let record = args.record.as_deref();
    for (given, flag) in [(args.format.is_some(), "--format"), (args.start.is_some(), "--start")] {
        if given {
            return Err(Error::usage(format!(
                "{flag} is for what --dry-run writes; expected both"
            )));
        }
    }
    let unpaced = matches!(args.rate, Some(RateArg::Max));
    let (mut plan, scenario) = plan(args)?;
    if record.is_none() {
        plan.apps.clear();
        // Nothing has to get warm that somebody else measures.
        plan.load.phases.retain(|phase| !phase.warmup);
    }
    plan.topic.reuse = true;
    if unpaced {
        // Nobody's rate: only how long it lasts matters.
        let lasts_ns = args.duration.or(args.count.map(|_| LONGEST_NS));
        let lasts_ns = lasts_ns.unwrap_or_else(|| plan.load.duration_ns());
        preview::at_constant_rate(&mut plan, 0.0, lasts_ns.min(LONGEST_NS));
    } else if let Some(duration_ns) = args.duration {
        preview::cut(&mut plan, duration_ns);
    }
    let bootstrap = &mut plan.kafka.bootstrap_servers;
    bootstrap.get_or_insert_with(|| shared::LOCALHOST.to_owned());
    needs::check(&plan, args.count)?;
    let signals = Signals::listen()?;
    let options = RunOptions {
        command_line: std::env::args_os().map(|arg| arg.to_string_lossy().into()).collect(),
        program: PathBuf::new(),
        results_dir: record.unwrap_or(Path::new("")).to_owned(),
        signal: signals.code(),
        remains: signals.remains(),
        ..RunOptions::default()
    };
    let mut progress = Progress::on_stderr(args.quiet);
    let sending = Sending { count: args.count, unpaced };
    let (result, folder) = if record.is_some() {
        let (result, folder) =
            producer::produce_part(&plan, &scenario, sending, options, &mut progress)?;
        (result, Some(folder))
    } else {
        (producer::produce(&plan, sending, options, &mut progress)?, None)
    };
    shared::show(&table::sent(&result, unpaced, shared::color()))?;
    if let Some(folder) = folder {
        shared::show(&format!("recorded in {}\n", folder?.display()))?;
    }
    Ok(match signals.exit_code() {
        ExitCode::Ok if !result.verdict.valid => ExitCode::Invalid,
        code => code,
    })
}

fn dry_run(args: &ProduceArgs) -> Result<ExitCode> {
    if args.record.is_some() {
        return Err(Error::usage("--record is for what is sent; expected no --dry-run"));
    }
    let (plan, _) = plan(args)?;
    let start_wall_us = args.start.unwrap_or_else(wall_clock_us);
    let mut preview = Preview::new(&plan, NO_RUN, start_wall_us)?;
    Signals::end_at_once()?;
    let out = io::stdout().lock();
    let text = out.is_terminal();
    let format = args.format.unwrap_or(if text { EventFormat::Text } else { EventFormat::Json });
    let limits = StopLimits {
        count: args.count.unwrap_or(u64::MAX),
        duration_ns: args.duration.unwrap_or(u64::MAX),
    };
    let codec = plan.event.codec();
    let lines = (format == EventFormat::Text).then(|| EventLines::new(shared::color(), codec));
    match write(&mut preview, limits, lines, out) {
        Ok(events) => {
            if args.count.is_some_and(|count| events < count) && args.duration.is_none() {
                shared::tell(&format!("the schedule has no more than {events} events"));
            }
            Ok(ExitCode::Ok)
        }
        // Whoever reads has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(ExitCode::Ok),
        Err(error) => Err(Error::io("writing events to standard output", error)),
    }
}

/// The scenario's plan, with the command line's rate; and its text.
fn plan(args: &ProduceArgs) -> Result<(Plan, String)> {
    let source = match &args.scenario {
        Some(name) => ScenarioSource::read(name)?,
        None => ScenarioSource::new("spec.toml", shared::SPECIFICATION),
    };
    let mut plan = shared::plan(&source, &shared::overrides(&args.scenario_args)?)?;
    for warning in &plan.warnings {
        shared::tell(&format!("warning: {warning}"));
    }
    if let Some(RateArg::PerS(rate_per_s)) = args.rate {
        let duration_ns = match (args.duration, args.count) {
            (Some(duration_ns), _) => duration_ns,
            (None, Some(_)) => LONGEST_NS,
            (None, None) => plan.load.duration_ns(),
        };
        preview::at_constant_rate(&mut plan, rate_per_s, duration_ns.min(LONGEST_NS));
    }
    Ok((plan, source.text))
}

/// Where to stop before the schedule ends.
#[derive(Debug, Clone, Copy)]
struct StopLimits {
    count: u64,
    duration_ns: u64,
}

/// Writes events until the schedule or a limit ends them; says how many.
///
/// Past the standard library's own buffer, which looks for line ends: a chunk ends with one.
fn write(
    preview: &mut Preview,
    limits: StopLimits,
    mut lines: Option<EventLines>,
    mut out: impl Write,
) -> io::Result<u64> {
    let (mut chunk, mut payload) = (Vec::with_capacity(2 * CHUNK_BYTES), Vec::new());
    let mut events = 0;
    // The first event goes out by itself, so that whoever waits for it sees it at once.
    let mut full_bytes = 1;
    while events < limits.count {
        if preview.next_due_ns().is_none_or(|due_ns| due_ns >= limits.duration_ns) {
            break;
        }
        match &mut lines {
            None => drop(preview.append(&mut chunk)),
            Some(lines) => {
                payload.clear();
                if let Some(event) = preview.append(&mut payload) {
                    lines.append(event.stamp.due_wall_us, &payload, &mut chunk);
                }
            }
        }
        chunk.push(b'\n');
        events += 1;
        if chunk.len() >= full_bytes {
            out.write_all(&chunk)?;
            chunk.clear();
            full_bytes = CHUNK_BYTES;
        }
    }
    out.write_all(&chunk)?;
    out.flush()?;
    Ok(events)
}
