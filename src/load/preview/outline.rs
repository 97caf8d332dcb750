//! What a run would do, before anything is opened: the plan in words, what it comes to, and what
//! its events look like.

pub mod estimate;
pub mod expected;
mod memory;
pub mod samples;
pub mod session;

use std::fmt::Write;

use serde::Serialize;

use crate::base::error::Result;
use crate::base::visible;
use crate::event::FraudKind;
use crate::plan::threshold::Threshold;
use crate::plan::{Arrivals, Plan, PopulationPlan, masked};

pub use estimate::{Outlook, TimeOutlook};
pub use expected::{LoadOutlook, PhaseOutlook};
pub(crate) use memory::clients;
pub use memory::{MemoryEstimate, Part};
use samples::EventSample;
pub use session::{SessionPreview, SessionStep};

/// Everything that there is to say about a plan.
#[derive(Debug, Serialize)]
pub struct Outline<'p> {
    /// The plan itself.
    pub plan: &'p Plan,
    /// What it comes to.
    pub outlook: Outlook,
    /// The first events; none for a replay.
    #[serde(serialize_with = "serialize_json")]
    pub samples: Vec<String>,
    /// A whole session of each persona, by the persona's name.
    #[serde(serialize_with = "serialize_by_persona")]
    pub sessions: Vec<SessionPreview>,
}

impl<'p> Outline<'p> {
    /// Looks at a plan and at its first events, as if it began at `start_wall_us` (microseconds
    /// since 1970, UTC). Takes a tenth of a second or so.
    ///
    /// # Errors
    ///
    /// [`crate::base::error::Error::Internal`] only: whatever was planned can be shown.
    pub fn new(plan: &'p Plan, start_wall_us: i64) -> Result<Self> {
        let look = match plan.load.replay {
            Some(_) => EventSample::default(),
            None => EventSample::at(plan, start_wall_us)?,
        };
        let outlook = Outlook::new(plan, &look);
        Ok(Self { plan, outlook, samples: look.samples, sessions: look.visits })
    }

    /// Lines for a person.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out = String::new();
        // Writing to a string can't fail.
        let _ = write(self, &mut out);
        out
    }
}

/// What a plan needs of this machine's memory, without a look at its events: how large they are
/// decides little of it. With a limit on the events, no more of them are counted.
#[must_use]
pub fn memory_of(plan: &Plan, events_max: Option<u64>) -> MemoryEstimate {
    let load = plan.load.replay.is_none().then(|| {
        let mut load = LoadOutlook::new(plan, &EventSample::default());
        load.events = load.events.min(events_max.map_or(f64::INFINITY, |most| most as f64));
        load
    });
    memory::estimate(plan, load.as_ref())
}

/// A sample that is JSON by itself goes in as it is, any other as a text.
fn serialize_json<S: serde::Serializer>(
    samples: &[String],
    serializer: S,
) -> std::result::Result<S::Ok, S::Error> {
    let value = |text: &String| {
        serde_json::from_str(text).unwrap_or_else(|_| serde_json::Value::String(text.clone()))
    };
    serializer.collect_seq(samples.iter().map(value))
}

fn serialize_by_persona<S: serde::Serializer>(
    visits: &[SessionPreview],
    serializer: S,
) -> std::result::Result<S::Ok, S::Error> {
    serializer.collect_map(visits.iter().map(|visit| (visit.persona, visit)))
}

fn write(outline: &Outline<'_>, out: &mut String) -> std::fmt::Result {
    let plan = &*visible::shown(outline.plan);
    writeln!(out, "{} (seed {})", plan.name, plan.seed)?;
    let broker = plan.kafka.bootstrap_servers.as_deref();
    row(out, "broker", broker.unwrap_or("embedded, started for the run"))?;
    let client = plan.kafka.client.name();
    match &plan.kafka.client_reason {
        None => row(out, "client", client)?,
        Some(why) => row(out, "client", format_args!("{client}: {why}"))?,
    }
    let topic = &plan.topic;
    let suffix = if topic.reuse { "" } else { "-<run>" };
    row(
        out,
        "topic",
        format_args!(
            "{}{suffix}: {} partitions, replication {}, key user_id",
            topic.name, topic.partitions, topic.replication_factor
        ),
    )?;
    load(outline, out)?;
    estimates(&outline.outlook, out)?;
    row(out, "users", plan.population.users)?;
    if let Some(load) = &outline.outlook.load {
        row(out, "sessions", sessions(load, &plan.population))?;
    }
    for app in &plan.apps {
        let workers = counted(app.workers, "worker");
        row(out, &app.name, format_args!("group {}, {workers}", app.group))?;
    }
    for (side, properties) in
        [("producer", &plan.kafka.producer), ("consumer", &plan.kafka.consumer)]
    {
        let list: Vec<String> =
            masked(properties).iter().map(|(key, value)| format!("{key}={value}")).collect();
        row(out, side, list.join(" "))?;
    }
    crowds(plan, out)?;
    for (place, Threshold { metric, text, .. }) in plan.thresholds.iter().enumerate() {
        let title = if place == 0 { "threshold" } else { "" };
        row(out, title, format_args!("{} {text}, or exit code 5", metric.name))?;
    }
    for (place, sample) in outline.samples.iter().enumerate() {
        let title = if place == 0 { "\nthe first events\n" } else { "" };
        writeln!(out, "{title}{sample}")?;
    }
    for visit in &outline.sessions {
        write!(out, "\n{}", visit.text())?;
    }
    Ok(())
}

fn load(outline: &Outline<'_>, out: &mut String) -> std::fmt::Result {
    let plan = &*visible::shown(outline.plan);
    let Some(load) = &outline.outlook.load else {
        let replay = plan.load.replay.as_ref();
        let (topic, speed) = replay.map_or(("", 1.0), |replay| (&replay.topic, replay.speed));
        return row(
            out,
            "load",
            format_args!(
                "the events come from the topic {topic}, at {speed} times their own speed; it is \
                 not opened here, so there is nothing to count and no event to show"
            ),
        );
    };
    let arrivals = match plan.load.arrivals {
        Arrivals::Uniform => "uniform",
        Arrivals::Poisson => "Poisson",
    };
    row(
        out,
        "load",
        format_args!(
            "{:.0} events in {:.0} s, {arrivals} arrivals, {}",
            load.events,
            outline.outlook.time.schedule_s,
            counted(plan.load.producers, "producer")
        ),
    )?;
    for phase in &load.phases {
        let (least, most) = (phase.least_per_s, phase.peak_per_s);
        let rates =
            if least < most { format!("{least}/s to {most}/s") } else { format!("{most}/s") };
        writeln!(
            out,
            "    {:<12} {:>6.1} s {:>10.0} events {:>9}  {rates}{}",
            phase.name,
            phase.duration_s,
            phase.events,
            size(phase.bytes),
            if phase.warmup { "  (not measured)" } else { "" }
        )?;
    }
    row(
        out,
        "bytes",
        format_args!(
            "{}, {:.1} MB/s at the peak of {:.0}/s; {:.0} bytes an event with its key, by the \
             first {}",
            size(load.bytes),
            load.peak_bytes_per_s / 1e6,
            load.peak_per_s,
            load.event_bytes,
            load.weighed_events
        ),
    )
}

fn estimates(outlook: &Outlook, out: &mut String) -> std::fmt::Result {
    row(out, "trials", outlook.trials)?;
    let TimeOutlook { schedule_s, ready_timeout_s, drain_timeout_s, most_s } = outlook.time;
    row(
        out,
        "time",
        format_args!(
            "{schedule_s:.0} s of load; with at most {ready_timeout_s:.0} s before it until \
             everybody is ready and {drain_timeout_s:.0} s after it, at most {most_s:.0} s"
        ),
    )?;
    let memory = &outlook.memory;
    row(
        out,
        "memory",
        format_args!(
            "about {}; with every queue full at most {}",
            size(memory.expected_bytes),
            size(memory.most_bytes)
        ),
    )?;
    for part in &memory.parts {
        let at_most = if part.limit { "at most " } else { "" };
        writeln!(out, "    {:<38} {:>17}", part.name, format!("{at_most}{}", size(part.bytes)))?;
    }
    Ok(())
}

/// How many sessions the rates ask for, and whether they have to hurry.
fn sessions(load: &LoadOutlook, population: &PopulationPlan) -> String {
    let there = load.sessions_there;
    let most = load.phases.iter().max_by(|one, other| one.hurry.total_cmp(&other.hurry));
    let needed = load.phases.iter().map(|phase| phase.sessions_needed).fold(0.0, f64::max);
    let room = format!("{needed:.0} are needed at the highest rate, {there} are possible");
    match most.filter(|phase| phase.hurry > 1.0) {
        Some(phase) => format!(
            "{room}: in {} they run {:.1} times as fast as configured; {} users{} would do",
            phase.name,
            phase.hurry,
            (phase.sessions_needed / 0.75).ceil(),
            if f64::from(population.sessions_max) < needed { " and as many sessions" } else { "" }
        ),
        None => format!("{room}: each keeps its pace"),
    }
}

/// What is special about the population, where something is.
fn crowds(plan: &Plan, out: &mut String) -> std::fmt::Result {
    for phase in &plan.load.phases {
        if let Some(hot) = phase.hot {
            let users = hot.users;
            let text = format!("{users} users send {:.1} % of {}", hot.share * 100.0, phase.name);
            row(out, "hot keys", text)?;
        }
        if let Some(sale) = phase.sale {
            let (share, product) = (sale.share * 100.0, sale.product + 1);
            let name = &phase.name;
            row(out, "sale", format_args!("{share:.1} % of {name} is about PROD-{product:03}"))?;
        }
    }
    let planted: Vec<String> = FraudKind::ALL
        .into_iter()
        .map(|kind| (kind.name(), plan.population.fraud[kind.index()] * 100.0))
        .filter(|(_, percent)| *percent > 0.0)
        .map(|(name, percent)| format!("{name} {}", (percent * 1e6).round() / 1e6))
        .collect();
    if !planted.is_empty() {
        row(out, "planted", format_args!("fraud, in percent of sessions: {}", planted.join(", ")))?;
    }
    if let Some(padding) = plan.event.padding {
        row(
            out,
            "padding",
            format_args!(
                "events are padded to a median of {:.0} bytes, at most {}",
                padding.median_bytes, padding.max_bytes
            ),
        )?;
    }
    Ok(())
}

/// Bytes as a person says them.
pub(crate) fn size(bytes: f64) -> String {
    match bytes {
        b if b >= 1e10 => format!("{:.0} GB", b / 1e9),
        b if b >= 1e9 => format!("{:.1} GB", b / 1e9),
        b if b >= 1e7 => format!("{:.0} MB", b / 1e6),
        b if b >= 1e6 => format!("{:.1} MB", b / 1e6),
        b => format!("{:.0} kB", b / 1e3),
    }
}

fn row(out: &mut String, name: &str, value: impl std::fmt::Display) -> std::fmt::Result {
    writeln!(out, "  {name:<9} {value}")
}

/// `1 worker`, `2 workers`.
fn counted(count: u16, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

#[cfg(test)]
mod tests;
