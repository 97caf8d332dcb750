//! From the scenario's tables to a plan. What is faulty gets its default, so that the checks go
//! on; the caller throws the plan away if any fault was found.

use std::time::Duration;

use super::inputs::Inputs;
use super::toml::names::{NAME_CHARS_MAX, is_name_char};
use super::toml::reader::TomlTable;
use super::toml::units::whole_ms;
use super::{
    MeasurePlan, Plan, apps, crowd, event, kafka, load, population, replay, threshold, topic,
};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

/// Resolves a whole scenario.
pub(crate) fn scenario(root: TomlTable<'_>, inputs: &Inputs<'_>) -> Plan {
    let seed = root.whole("seed", 0..=i64::MAX as u64, "");
    let seed = root.require("seed", seed, "expected a whole number, such as seed = 42");
    let name = name(&root, inputs.stem);
    let description = root.text("description").unwrap_or_default();
    let (topic, topic_limit) = topic::resolve(root.table("topic"), inputs.environment);
    let load = load::resolve(root.table("load"));
    let population = population::resolve(root.table("population"), &load);
    let event = event::resolve(root.table("event"));
    let apps = apps::resolve(root.table("apps"), inputs, topic.partitions);
    let (kafka, client_limit) = kafka::resolve(root.table("kafka"), inputs);
    let measure = measure(root.table("measure"));
    let running: Vec<&str> = apps.iter().map(|app| app.name.as_str()).collect();
    let thresholds = threshold::resolve(&root.table("thresholds"), &running);
    check_producers(&root, load.producers, population.users);
    crowd::check(&root.table("load"), &load.phases, load.producers, &population);
    // How large recorded events are, only the recording can say.
    if load.replay.is_none() {
        let is_read = !apps.is_empty();
        let limits = event::SizeLimits { client: client_limit, topic: topic_limit, is_read };
        event::check(&root.table("event"), &event, &limits);
    }
    let servers = kafka.bootstrap_servers.is_some();
    replay::check(&root, &load, servers);
    // Read by itself: what is planned here is the scenario without it, or one of its points.
    root.pass("sweep");
    root.finish();
    let seed = seed.unwrap_or_default();
    let (actions, warnings) = (Vec::new(), Vec::new());
    Plan {
        name,
        description,
        seed,
        topic,
        load,
        population,
        event,
        apps,
        kafka,
        measure,
        actions,
        thresholds,
        warnings,
    }
}

fn name(root: &TomlTable<'_>, stem: &str) -> String {
    let Some(name) = root.text("name") else {
        return stem.to_owned();
    };
    let fits = (1..=NAME_CHARS_MAX).contains(&name.len()) && name.chars().all(is_name_char);
    if !fits || name.starts_with('.') {
        let what = format!(
            "{name:?} can't name a folder; expected up to {NAME_CHARS_MAX} letters, digits, '-', \
             '_' and '.'"
        );
        root.fault("name", &what);
    }
    name
}

fn measure(table: TomlTable<'_>) -> MeasurePlan {
    let interval = table.duration("interval", SECOND / 10, HOUR);
    let ready = table.duration("ready_timeout", SECOND, HOUR);
    let drain = table.duration("drain_timeout", SECOND, 24 * HOUR);
    let ack = table.duration("ack_timeout", SECOND, 24 * HOUR);
    table.finish();
    MeasurePlan {
        interval_ms: whole_ms(interval.unwrap_or(SECOND)),
        ready_timeout_ms: whole_ms(ready.unwrap_or(60 * SECOND)),
        drain_timeout_ms: whole_ms(drain.unwrap_or(30 * SECOND)),
        ack_timeout_ms: whole_ms(ack.unwrap_or(30 * SECOND)),
    }
}

/// Every shard of the schedule has users of its own.
fn check_producers(root: &TomlTable<'_>, producers: u16, users: u64) {
    if u64::from(producers) > users {
        let what =
            format!("{producers} producers for {users} users; expected at least one user for each");
        root.table("load").fault("producers", &what);
    }
}
