//! A plan in words: what a run would do, before anything is opened.

use std::fmt::Write;

use crate::pace::Schedule;
use crate::plan::{Arrivals, Plan};

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
    let schedule = Schedule::new(&plan.load, plan.seed);
    let events = schedule.expected_total();
    let bytes = events * EVENT_BYTES;
    let arrivals = match plan.load.arrivals {
        Arrivals::Uniform => "uniform",
        Arrivals::Poisson => "Poisson",
    };
    writeln!(out, "{} (seed {})", plan.name, plan.seed)?;
    writeln!(
        out,
        "  broker    {}",
        plan.kafka.bootstrap_servers.as_deref().unwrap_or("embedded, started for the run")
    )?;
    writeln!(
        out,
        "  topic     {}{}: {} partitions, replication {}, key user_id",
        plan.topic.name,
        if plan.topic.reuse { "" } else { "-<run>" },
        plan.topic.partitions,
        plan.topic.replication_factor
    )?;
    writeln!(
        out,
        "  load      {:.0} events (about {:.0} MB) in {:.0} s, {arrivals} arrivals, {} producer{}",
        events,
        bytes / 1e6,
        plan.load.duration_ns() as f64 / 1e9,
        plan.load.producers,
        if plan.load.producers == 1 { "" } else { "s" }
    )?;
    let mut from_ns = 0;
    for (index, phase) in plan.load.phases.iter().enumerate() {
        let to_ns = from_ns + phase.duration_ns();
        writeln!(
            out,
            "    {:<10} {:>6.1} s  {:>9.0} events  {:>9.0}/s to {:.0}/s{}",
            phase.name,
            phase.duration_ns() as f64 / 1e9,
            schedule.expected_in(index),
            schedule.rate_at(from_ns),
            schedule.rate_at(to_ns.saturating_sub(1_000)),
            if phase.warmup { "  (not measured)" } else { "" }
        )?;
        from_ns = to_ns;
    }
    writeln!(
        out,
        "  users     {}, up to {} sessions at once",
        plan.population.users, plan.population.sessions_max
    )?;
    for app in &plan.apps {
        writeln!(
            out,
            "  {:<9} group {}, {} worker{}",
            app.name,
            app.group,
            app.workers,
            if app.workers == 1 { "" } else { "s" }
        )?;
    }
    for (side, properties) in
        [("producer", &plan.kafka.producer), ("consumer", &plan.kafka.consumer)]
    {
        let list: Vec<String> = properties
            .iter()
            .map(|(key, value)| format!("{key}={}", masked(key, value)))
            .collect();
        writeln!(out, "  {side:<9} {}", list.join(" "))?;
    }
    Ok(())
}

/// Secrets are never shown nor saved.
#[must_use]
pub fn masked<'a>(key: &str, value: &'a str) -> &'a str {
    let secret = ["password", "secret", "token", "jaas", "key.pem"];
    if secret.iter().any(|word| key.contains(word)) { "***" } else { value }
}
