//! `[load] replay`: a recorded topic is the load.

use std::time::Duration;

use super::rates;
use super::toml::names::is_name_char;
use super::toml::reader::{TomlTable, range};
use super::{Arrivals, LoadPlan, ReplayPlan};

/// Kafka's limit for a topic's name, in characters.
const NAME_CHARS_MAX: usize = 249;

/// What a recording decides by itself.
const CONTRADICTIONS: [&str; 5] = ["rate_per_s", "duration", "phase", "scale", "arrivals"];

/// What is wrong with them.
const CONTRADICTS: &str =
    "contradicts load.replay: the recording decides that; expected it left out";

/// Whether Kafka takes it for the name of a topic.
#[must_use]
pub fn is_topic_name(name: &str) -> bool {
    let sized = (1..=NAME_CHARS_MAX).contains(&name.len());
    sized && name.chars().all(is_name_char) && name != "." && name != ".."
}

/// The load of a scenario that replays.
pub(crate) fn resolve(table: &TomlTable<'_>, producers: u16, warmup: Duration) -> LoadPlan {
    let typed = table.text("replay");
    if let Some(topic) = typed.as_deref().filter(|topic| !is_topic_name(topic)) {
        let what = format!(
            "{topic:?} is not a topic name; expected up to {NAME_CHARS_MAX} letters, digits, '.', \
             '_' and '-'"
        );
        table.fault("replay", &what);
    }
    for key in CONTRADICTIONS {
        table.pass(key);
        if table.has(key) {
            table.fault(key, CONTRADICTS);
        }
    }
    let speed = table.number("replay_speed", range(0.001, 1_000.0, "")).unwrap_or(1.0);
    let topic = typed.unwrap_or_default();
    let replay = ReplayPlan { topic, speed, warmup_ns: rates::ns(warmup) };
    let (arrivals, phases) = (Arrivals::Uniform, Vec::new());
    LoadPlan { producers, arrivals, tick_ns: 0, phases, replay: Some(replay) }
}

/// What else a replay contradicts, and what it needs.
pub(crate) fn check(root: &TomlTable<'_>, load: &LoadPlan, servers: bool) {
    if load.replay.is_none() {
        return;
    }
    for key in ["population", "event"] {
        if root.has(key) {
            root.fault(key, CONTRADICTS);
        }
    }
    let table = root.table("load");
    if !servers {
        let what = "a recording is on a Kafka; expected kafka.bootstrap_servers, \
                    KAFKA_BOOTSTRAP_SERVERS or -b";
        table.fault("replay", what);
    }
}
