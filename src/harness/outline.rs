//! A plan in words: what a run would do, before anything is opened.

use std::fmt::Write;

use crate::pace::Schedule;
use crate::plan::{Arrivals, PhasePlan, Plan, Shape, masked};

/// Typical size of an event with its key on the wire, in bytes; for estimates only.
const EVENT_BYTES: f64 = 640.0;

/// The plan as lines for a person.
#[must_use]
pub fn text(plan: &Plan) -> String {
    let mut out = String::new();
    // Writing to a string can't fail.
    let _ = write(plan, &mut out);
    out
}

fn write(plan: &Plan, out: &mut String) -> std::fmt::Result {
    writeln!(out, "{} (seed {})", plan.name, plan.seed)?;
    let broker = plan.kafka.bootstrap_servers.as_deref();
    row(out, "broker", broker.unwrap_or("embedded, started for the run"))?;
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
    load(plan, out)?;
    row(
        out,
        "users",
        format_args!(
            "{}, up to {} sessions at once",
            plan.population.users, plan.population.sessions_max
        ),
    )?;
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
    Ok(())
}

fn load(plan: &Plan, out: &mut String) -> std::fmt::Result {
    let schedule = Schedule::new(&plan.load, plan.seed);
    let events = schedule.expected_total();
    let arrivals = match plan.load.arrivals {
        Arrivals::Uniform => "uniform",
        Arrivals::Poisson => "Poisson",
    };
    row(
        out,
        "load",
        format_args!(
            "{events:.0} events (about {:.0} MB) in {:.0} s, {arrivals} arrivals, {}",
            events * EVENT_BYTES / 1e6,
            plan.load.duration_ns() as f64 / 1e9,
            counted(plan.load.producers, "producer")
        ),
    )?;
    for (place, phase) in plan.load.phases.iter().enumerate() {
        writeln!(
            out,
            "    {:<12} {:>6.1} s {:>10.0} events  {}{}",
            phase.name,
            phase.duration_ns() as f64 / 1e9,
            schedule.expected_in(place),
            rates(phase),
            if phase.warmup { "  (not measured)" } else { "" }
        )?;
    }
    Ok(())
}

/// The least and the greatest rate of a phase: a spike's ends alone would hide it.
fn rates(phase: &PhasePlan) -> String {
    let (least, greatest) = phase
        .segments
        .iter()
        .flat_map(|segment| match segment.shape {
            Shape::Linear { from_per_s, to_per_s } => [from_per_s, to_per_s],
            Shape::Sine { mean_per_s, amplitude_per_s, .. } => {
                [mean_per_s - amplitude_per_s, mean_per_s + amplitude_per_s]
            }
        })
        .fold((f64::INFINITY, 0.0), |(least, greatest), rate| {
            (rate.min(least), rate.max(greatest))
        });
    if least < greatest { format!("{least}/s to {greatest}/s") } else { format!("{greatest}/s") }
}

fn row(out: &mut String, name: &str, value: impl std::fmt::Display) -> std::fmt::Result {
    writeln!(out, "  {name:<9} {value}")
}

/// `1 worker`, `2 workers`.
fn counted(count: u16, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}
