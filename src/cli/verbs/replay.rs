//! `kbench replay`: a topic read again by some applications, each on a thread of its own.

use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use super::consume::{Skin, rhythm};
use super::shared;
use super::signals::Signals;
use crate::apps::{self, AppKind};
use crate::base::clock::wall_clock_us;
use crate::base::error::{Error, ExitCode, Result};
use crate::base::{date, json};
use crate::cli::ReplayArgs;
use crate::cli::shared::Format;
use crate::client::topic_reader::OffsetRange;
use crate::output::replayed;
use crate::output::standalone::TextStyle;
use crate::plan::toml::source::ScenarioSource;
use crate::plan::{self, AppPlan, Plan};
use crate::result::{ReplayResult, Replayed};
use crate::run::standalone;
use crate::run::standalone::replay::{
    Replay, ReplayEnd, ReplayOrder, ReplayPlace, ReplayRange, Speed, words_of,
};

/// Longest wait for the first answer of a cluster.
const CONNECT: Duration = Duration::from_secs(8);

pub(super) fn run(args: &ReplayArgs) -> Result<ExitCode> {
    let (wanted, names) = wanted(args)?;
    wanted.check()?;
    let speed = Speed::parse(&args.speed)?;
    let rhythm = args.every.as_deref().map(rhythm).transpose()?;
    let source = args.scenario.as_deref().map(ScenarioSource::read).transpose()?;
    let (plan, bootstrap) = shared::alone(source, &args.scenario_args)?;
    let apps = chosen(&names, &plan)?;
    let topic = topic(args, &plan)?;
    let signals = Signals::listen()?;
    standalone::open(&plan.kafka, &bootstrap, &topic)?.brokers(CONNECT)?;
    let world = standalone::open(&plan.kafka, &bootstrap, &topic)?;
    let codec = plan.event.codec();
    let stretches = wanted.stretches(&world.reader(None, codec.stamp_place())?)?;
    let run = args.run;
    let order = ReplayOrder { bootstrap, world, topic, codec, stretches, run, speed, rhythm };
    if !args.quiet {
        introduce(&apps, &order);
    }
    let skin = Skin::new(args.format, &order.topic, args.quiet);
    signals.remains().replaying();
    let order = Arc::new(order);
    let apps = match replay(&apps, &order, &signals, &skin) {
        // Whoever read this output has seen enough.
        Err(Error::Io { source, .. }) if source.kind() == ErrorKind::BrokenPipe => {
            return Ok(ExitCode::Ok);
        }
        apps => apps?,
    };
    let fault = apps.iter().find_map(|app| app.fault.clone());
    show(args, &order, &signals, apps)?;
    fault.map_or_else(|| Ok(signals.exit_code()), |fault| Err(Error::Broker(fault)))
}

/// What is to be read, and the names of the applications: a word behind a place that needs none
/// is an application's.
fn wanted(args: &ReplayArgs) -> Result<(ReplayRange, Vec<String>)> {
    let mut names = args.apps.clone();
    let now_us = wall_clock_us();
    let mut place = |side: ReplayEnd, words: &[String]| {
        let (place, rest) = words.split_at(words_of(words));
        names.extend(rest.iter().cloned());
        ReplayPlace::parse(side, place, now_us)
    };
    let from = place(ReplayEnd::From, &args.from)?;
    let until = place(ReplayEnd::Until, &args.until)?;
    Ok((ReplayRange { from, until, partitions: args.partition.clone() }, names))
}

/// The applications named, each once, in the order of their list; without a name all of the
/// plan's.
fn chosen<'p>(names: &[String], plan: &'p Plan) -> Result<Vec<(&'static AppKind, &'p AppPlan)>> {
    apps::check_names(names)?;
    let planned = |kind: &AppKind| plan.apps.iter().find(|app| app.name == kind.schema.name);
    let mut chosen = Vec::new();
    for kind in apps::ALL {
        let named = names.iter().any(|name| name == kind.schema.name);
        match planned(kind) {
            Some(app) if named || names.is_empty() => chosen.push((kind, app)),
            None if named => {
                let name = kind.schema.name;
                return Err(Error::usage(format!("{name:?} is not in the scenario's apps.run")));
            }
            _ => {}
        }
    }
    if chosen.is_empty() {
        return Err(Error::usage("the scenario's apps.run is empty; expected an application"));
    }
    Ok(chosen)
}

/// The topic of the flag, or else the plan's, which is checked already.
fn topic(args: &ReplayArgs, plan: &Plan) -> Result<String> {
    let Some(topic) = args.topic.clone() else {
        return Ok(plan.topic.name.clone());
    };
    if !plan::is_topic_name(&topic) {
        return Err(Error::usage(format!(
            "--topic: {topic:?} is not a topic name; expected up to 249 letters, digits, '.', '_' \
             and '-'"
        )));
    }
    Ok(topic)
}

fn introduce(apps: &[(&AppKind, &AppPlan)], order: &ReplayOrder) {
    let offsets: u64 = order.stretches.iter().map(OffsetRange::offsets).sum();
    let names: Vec<&str> = apps.iter().map(|(kind, _)| kind.schema.name).collect();
    shared::tell(&format!(
        "replaying {} at {} through {}: {offsets} offsets of {} partitions, speed {}; no group \
         is joined and nothing is committed",
        order.topic,
        order.bootstrap,
        names.join(", "),
        order.stretches.len(),
        order.speed
    ));
}

/// Runs all applications at the same time.
fn replay(
    apps: &[(&'static AppKind, &AppPlan)],
    order: &Arc<ReplayOrder>,
    signals: &Signals,
    skin: &Skin,
) -> Result<Vec<Replayed>> {
    let mut threads = Vec::new();
    for (kind, app) in apps {
        let replay = Replay::new(kind, app, order.clone(), signals.code());
        let (skin, code, name) = (skin.clone(), signals.code(), kind.schema.name);
        threads.push(thread::spawn(move || {
            let replayed = replay.run(|what| skin.say(name, what));
            if replayed.as_ref().map_or(true, |replayed| replayed.fault.is_some()) {
                // One that can't go on takes the others along: half an answer is none. A signal
                // that came before stays what it was.
                let stop = ExitCode::Unexpected as usize;
                let _ = code.compare_exchange(0, stop, Ordering::Relaxed, Ordering::Relaxed);
            }
            replayed
        }));
    }
    let mut all = Vec::new();
    for thread in threads {
        all.push(thread.join().map_err(|_| Error::Internal("a reader panicked".to_owned())));
    }
    all.into_iter().map(|replayed| replayed?).collect()
}

fn show(
    args: &ReplayArgs,
    order: &ReplayOrder,
    signals: &Signals,
    apps: Vec<Replayed>,
) -> Result<()> {
    let result = ReplayResult {
        kbench: env!("CARGO_PKG_VERSION").to_owned(),
        bootstrap_servers: order.bootstrap.clone(),
        topic: order.topic.clone(),
        partitions: order.stretches.clone(),
        run: order.run.map(|run| format!("{run:08x}")),
        speed: order.speed.to_string(),
        interrupted_by: Some(signals.exit_code() as u8).filter(|&code| code != 0),
        apps,
    };
    let at = date::now();
    let text = match args.format {
        Format::Text => {
            let look = TextStyle { width: shared::terminal_width(), color: shared::color() };
            replayed::terminal(&result, &at, look)
        }
        Format::Markdown => replayed::markdown(&result, &at),
        Format::Json => {
            let json = json::line(&result, "result")?;
            format!("{json}\n")
        }
    };
    shared::show(&text)
}
