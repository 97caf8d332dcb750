//! What a run needs of this machine's memory, part by part.
//!
//! The sizes of things that are private to other modules are constants here; a test holds them
//! against what is really allocated (`tests/footprint.rs`).

use std::collections::BTreeMap;

use serde::Serialize;

use super::expected::LoadOutlook;
use crate::plan::{AppPlan, EMBEDDED_MEMORY_LIMIT_BYTES, Plan};

/// A live session with its place in the queue and what is in its cart, where lists grow by an
/// eighth when they are full.
const SESSION_BYTES: f64 = 126.0;
/// Whether a user is here.
const HERE_BYTES: f64 = 1.0 / 8.0;
/// A product with all its texts.
const PRODUCT_BYTES: f64 = 430.0;
/// What every generator has, however small: tables of pauses, cities and devices.
const GENERATOR_BYTES: f64 = 160e3;
/// Events that a producer encodes ahead, and what is noted of each besides its bytes.
const BATCH: (f64, f64) = (64.0, 160.0);
/// Slots of a piece of the ledger, and its bytes.
const LEDGER: (f64, f64) = (1_048_576.0, 131_072.0);
/// One latency histogram: three digits, up to an hour.
const HISTOGRAM_BYTES: f64 = 270e3;
/// A user with some twenty events in the state of an application: a slot of its table, and what
/// stands elsewhere.
const USER_BYTES: [(&str, [f64; 2]); 4] = [
    ("analytics", [80.0, 85.0]),
    ("fraud", [128.0, 125.0]),
    ("dashboard", [40.0, 0.0]),
    ("behavior", [128.0, 85.0]),
];
/// Slots for each user when such a table is as full as it gets.
const SLOTS_PER_USER: f64 = 4.0 / 3.0;
/// Users from which on a table is one of shards, and how many.
const SHARDS: (f64, u32) = (4_096.0, 8);
/// From twice this on, memory for tables is whole pages of this size.
const HUGE_PAGE_BYTES: f64 = 2_097_152.0;
/// A row of a table by name.
const NAME_BYTES: f64 = 100.0;
/// Names that a product gives to a partition's tables: its page, four queries, itself.
const NAMES_PER_PRODUCT: f64 = 6.0;
/// The program and its libraries, and one client with its threads, as they stay in memory beside
/// all the rest; measured on runs of one to 24 workers and of one to four producers.
const PROGRAM_BYTES: f64 = 18e6;
const CLIENT_BYTES: f64 = 2.4e6;
/// Clients besides producers and workers: for administration, for probes, for reading the topic
/// once more.
const OTHER_CLIENTS: u64 = 3;
/// librdkafka's own limits, in KiB and events, where the plan sets none (its CONFIGURATION.md).
const PRODUCER_KIB: f64 = 1_048_576.0;
const PRODUCER_EVENTS: f64 = 100_000.0;
const CONSUMER_KIB: f64 = 65_536.0;

/// What a run needs of this machine's memory.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MemoryEstimate {
    /// What it comes to when the brokers and the applications keep up.
    pub expected_bytes: f64,
    /// What it comes to at most, when every queue is full.
    pub most_bytes: f64,
    /// Part by part.
    pub parts: Vec<Part>,
}

/// One part of the memory.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Part {
    /// What it is for.
    pub name: &'static str,
    /// How much.
    pub bytes: f64,
    /// Whether it is a limit, which is not reached while everybody keeps up.
    pub limit: bool,
}

/// The clients of a run.
pub(crate) fn clients(plan: &Plan) -> u64 {
    let workers: u64 = plan.apps.iter().map(|app| u64::from(app.workers)).sum();
    u64::from(plan.load.producers) + workers + OTHER_CLIENTS
}

/// The estimate for a plan; a replay has no generator, and its ledger grows with the recording.
pub(super) fn estimate(plan: &Plan, load: Option<&LoadOutlook>) -> MemoryEstimate {
    let expected = |name, bytes| Part { name, bytes, limit: false };
    let limit = |name, bytes| Part { name, bytes, limit: true };
    let own = PROGRAM_BYTES + clients(plan) as f64 * CLIENT_BYTES;
    let mut parts = vec![expected("program and clients", own)];
    if let Some(load) = load {
        let (sessions, catalogue) = generator_bytes(plan, load);
        parts.push(expected("live sessions", sessions));
        parts.push(expected("products and tables of the generator", catalogue));
        parts.push(expected("batches", batches_bytes(plan, load.event_bytes)));
        parts.push(expected("ledger", ledger_bytes(plan, load.events)));
        let users: f64 = plan.apps.iter().map(|app| users_bytes(plan, app, load.events)).sum();
        parts.push(expected("applications: users", users));
    }
    let tables: f64 = plan.apps.iter().map(|app| tables_bytes(plan, app)).sum();
    parts.push(expected("applications: other tables", tables));
    parts.push(expected("histograms", histograms_bytes(plan)));
    let event_bytes = load.map_or(f64::INFINITY, |load| load.event_bytes);
    parts.push(limit("producers' queues", producer_queues_bytes(plan, event_bytes)));
    parts.push(limit("consumers' queues", consumer_queues_bytes(plan)));
    if plan.kafka.bootstrap_servers.is_none() {
        let bytes = EMBEDDED_MEMORY_LIMIT_BYTES as f64;
        parts.push(limit("embedded broker, a process of its own", bytes));
    }
    let sum = |all: bool| {
        parts.iter().filter(|part| all || !part.limit).map(|part| part.bytes).sum::<f64>()
    };
    MemoryEstimate { expected_bytes: sum(false), most_bytes: sum(true), parts }
}

/// Sessions, and everything else, of all generators.
fn generator_bytes(plan: &Plan, load: &LoadOutlook) -> (f64, f64) {
    let population = &plan.population;
    let producers = f64::from(plan.load.producers);
    let needed = load.phases.iter().map(|phase| phase.sessions_needed).fold(0.0, f64::max);
    let there = needed.min(load.sessions_there as f64);
    // Nobody has a session without an event.
    let there = there.min(load.events);
    let users = population.users as f64 * HERE_BYTES;
    let products = f64::from(population.products) * PRODUCT_BYTES;
    (there * SESSION_BYTES + users, producers * (products + GENERATOR_BYTES))
}

/// The next power of two.
fn doubled(count: f64) -> f64 {
    (count.max(1.0) as u64).next_power_of_two() as f64
}

fn batches_bytes(plan: &Plan, event_bytes: f64) -> f64 {
    f64::from(plan.load.producers) * BATCH.0 * (event_bytes + BATCH.1)
}

/// A bit for each slot: one for the acknowledgement, one for each application.
fn ledger_bytes(plan: &Plan, events: f64) -> f64 {
    let producers = f64::from(plan.load.producers);
    let pieces = (events / producers / LEDGER.0).ceil();
    producers * (1.0 + plan.apps.len() as f64) * pieces * LEDGER.1
}

fn users_bytes(plan: &Plan, app: &AppPlan, events: f64) -> f64 {
    let partitions = f64::from(plan.topic.partitions);
    let limit = option(app, "users_max").map_or(f64::INFINITY, |most| most * partitions);
    let sessions = events / plan.population.session_length.max(1.0);
    let users = (plan.population.users as f64).min(sessions).min(limit);
    let bytes = |[slot, elsewhere]: [f64; 2]| {
        partitions * table_bytes(users / partitions, slot) + users * elsewhere
    };
    let known = USER_BYTES.iter().find(|(name, _)| *name == app.name);
    // An application of somebody's own is taken to keep as much as the largest.
    let most = || USER_BYTES.iter().map(|(_, each)| bytes(*each)).fold(0.0, f64::max);
    known.map_or_else(most, |(_, each)| bytes(*each))
}

/// The slots of one partition's users; each shard is full at another share of its slots.
fn table_bytes(users: f64, slot_bytes: f64) -> f64 {
    let of = |users: f64, scale: f64| {
        let bytes = doubled((users * SLOTS_PER_USER * scale).ceil()) * slot_bytes;
        if bytes < 2.0 * HUGE_PAGE_BYTES {
            return bytes;
        }
        (bytes / HUGE_PAGE_BYTES).ceil() * HUGE_PAGE_BYTES
    };
    let (from, shards) = SHARDS;
    if users <= from {
        return of(users, 1.0);
    }
    let shards = f64::from(shards);
    let scales = (0..SHARDS.1).map(|number| f64::exp2(f64::from(number) / shards));
    scales.map(|scale| of(users / shards, scale)).sum()
}

/// Names of pages, products and queries in every partition, and a dashboard's seconds.
fn tables_bytes(plan: &Plan, app: &AppPlan) -> f64 {
    let partitions = f64::from(plan.topic.partitions);
    let names = f64::from(plan.population.products) * NAMES_PER_PRODUCT;
    let most = option(app, "names_max").or_else(|| option(app, "pages_max"));
    let rows = most.map_or(0.0, |most| names.min(most * NAMES_PER_PRODUCT));
    // The window and the one before it, with a counter for each page in each second.
    let pages = f64::from(plan.population.products).min(most.unwrap_or(0.0));
    let seconds = option(app, "window_ms").map_or(0.0, |window_ms| 2.0 * window_ms / 1e3);
    partitions * (rows * NAME_BYTES + seconds * pages * 8.0)
}

/// Those that are being filled, and for each side those that were put together.
fn histograms_bytes(plan: &Plan) -> f64 {
    const STAGES: f64 = 3.0;
    const OPEN: f64 = 5.0;
    let workers: f64 = plan.apps.iter().map(|app| f64::from(app.workers)).sum();
    let filling = 2.0 * f64::from(plan.load.producers) + STAGES * workers;
    let together = (2.0 + plan.apps.len() as f64) * (STAGES + OPEN);
    (filling + together) * HISTOGRAM_BYTES
}

/// Whichever limit comes first: events, or their bytes; without what the client adds to each.
fn producer_queues_bytes(plan: &Plan, event_bytes: f64) -> f64 {
    let properties = &plan.kafka.producer;
    let bytes = number(properties, "queue.buffering.max.kbytes").unwrap_or(PRODUCER_KIB) * 1_024.0;
    let events = number(properties, "queue.buffering.max.messages").unwrap_or(PRODUCER_EVENTS);
    // 0 means any number.
    let by_events = if events > 0.0 { events * event_bytes } else { f64::INFINITY };
    f64::from(plan.load.producers) * bytes.min(by_events)
}

fn consumer_queues_bytes(plan: &Plan) -> f64 {
    let workers: f64 = plan.apps.iter().map(|app| f64::from(app.workers)).sum();
    let kib = number(&plan.kafka.consumer, "queued.max.messages.kbytes").unwrap_or(CONSUMER_KIB);
    workers * kib * 1_024.0
}

fn option(app: &AppPlan, key: &str) -> Option<f64> {
    app.options.get(key).copied()
}

fn number(properties: &BTreeMap<String, String>, key: &str) -> Option<f64> {
    properties.get(key)?.parse().ok()
}
