//! What is said about memory, by `kbench plan` and by a client's buffer, held against every byte
//! that is really allocated.

// Helpers outside `#[test]` functions are tests all the same: they fail loudly, and they tell
// what was counted.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use std::sync::{Arc, Mutex};

use kbench::apps;
use kbench::base::clock::SystemClock;
use kbench::broker::Broker;
use kbench::broker::config::BrokerConfig;
use kbench::client::native::NativeSink;
use kbench::event::{Receipt, Stamp};
use kbench::load::generate::Generator;
use kbench::load::preview::Preview;
use kbench::load::preview::outline::Outline;
use kbench::plan::Plan;
use kbench::plan::scenario;
use kbench::plan::toml::environment::Environment;
use kbench::plan::toml::overrides::Overrides;
use kbench::plan::toml::source::ScenarioSource;
use kbench::workers::produce::{Batch, Receiver, Refusal, Sink};

/// The system's allocator, with a count of the bytes in use.
struct Counting;

static IN_USE_BYTES: AtomicI64 = AtomicI64::new(0);

// SAFETY: everything is the system allocator's; the count is beside it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        IN_USE_BYTES.fetch_add(layout.size() as i64, Ordering::Relaxed);
        // SAFETY: handed on as it came.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        IN_USE_BYTES.fetch_sub(layout.size() as i64, Ordering::Relaxed);
        // SAFETY: handed on as it came.
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// Held by the test that counts: the count is everybody's.
static ALONE: Mutex<()> = Mutex::new(());

const START_WALL_US: i64 = 1_705_314_645_000_000;

fn plan(text: &str) -> Plan {
    let environment = Environment::from_pairs::<String, String>([]);
    let source = ScenarioSource::new("case.toml", text);
    scenario::plan(
        &source,
        &Overrides::default(),
        &environment,
        &apps::schemas(),
        kbench::client::CHECKERS,
    )
    .unwrap()
}

fn in_use_bytes() -> i64 {
    IN_USE_BYTES.load(Ordering::Relaxed)
}

/// A load of so many events in ten seconds, on one partition.
fn load(events: u64, population: &str) -> String {
    let rate_per_s = events / 10;
    format!(
        "seed = 1\n[topic]\npartitions = 1\n[load]\nrate_per_s = {rate_per_s}\n\
         duration = \"10s\"\nwarmup = \"0s\"\n[population]\n{population}"
    )
}

/// The sum of the estimate's parts whose names begin with one of `names`.
fn estimated_bytes(plan: &Plan, names: &[&str]) -> f64 {
    let outline = Outline::new(plan, START_WALL_US).unwrap();
    let parts = &outline.outlook.memory.parts;
    let wanted = parts.iter().filter(|part| names.iter().any(|name| part.name.starts_with(name)));
    wanted.map(|part| part.bytes).sum()
}

fn assert_near(what: &str, estimated: f64, measured: f64, tolerance: f64) {
    println!("{what}: estimated {:.2} MB, allocated {:.2} MB", estimated / 1e6, measured / 1e6);
    let off = estimated / measured - 1.0;
    assert!(off.abs() < tolerance, "{what}: {estimated:.0} bytes for {measured:.0}");
}

#[test]
fn a_generator_allocates_what_the_plan_says() {
    let _alone = ALONE.lock().unwrap();
    for (events, population) in [
        (200_000, "users = 10_000_000\nsessions_max = 100\nproducts = 20_000\n"),
        (600_000, "users = 10_000_000\nsessions_max = 30_000\n"),
        (1_200_000, "users = 10_000_000\nsessions_max = 60_000\n"),
        (1_200_000, "users = 10_000\nsessions_max = 10_000\n"),
        (2_400_000, "users = 10_000_000\nsessions_max = 120_000\n"),
    ] {
        let plan = plan(&load(events, population));
        let estimated = estimated_bytes(&plan, &["live sessions", "products"]);
        let before = in_use_bytes();
        let mut preview = Preview::new(&plan, 0, START_WALL_US).unwrap();
        let mut out = Vec::with_capacity(1 << 16);
        while preview.append(&mut out).is_some() {
            out.clear();
        }
        let measured = (in_use_bytes() - before) as f64;
        assert_near(population.trim(), estimated, measured, 0.1);
        let sessions = f64::from(plan.population.sessions_max);
        // The products have their own.
        assert!(sessions < 1e5 || measured < 200.0 * sessions, "{measured} for {sessions}");
    }
}

#[test]
fn the_applications_allocate_what_the_plan_says() {
    let _alone = ALONE.lock().unwrap();
    let apps = ["analytics", "fraud", "dashboard", "behavior"];
    // Tables that have just doubled, and others.
    for (app, users) in apps.into_iter().flat_map(|app| [(app, 30_000), (app, 50_000)]) {
        let text = load(users * 20, &format!("users = {users}\nuser_skew = 0\n"));
        let plan = plan(&format!("{text}[apps]\nrun = [\"{app}\"]\n"));
        let estimated = estimated_bytes(&plan, &["applications"]);
        let mut preview = Preview::new(&plan, 0, START_WALL_US).unwrap();
        let (mut parser, mut out) = (plan.event.codec().parser(), Vec::new());
        let mut state = (apps::kind(app).unwrap().new)(&plan.apps[0]);
        while let Some(event) = preview.append(&mut out) {
            let due_us = event.stamp.due_wall_us;
            state.observe(&parser.parse(&out).unwrap(), due_us);
            out.clear();
        }
        let with_state = in_use_bytes();
        drop(state);
        let measured = (with_state - in_use_bytes()) as f64;
        assert_near(&format!("{app}, {users} users"), estimated, measured, 0.2);
    }
}

/// Counts receipts.
#[derive(Default)]
struct Receipts(AtomicI64);

impl Receiver for Receipts {
    fn receive(&self, _: &Receipt<'_>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(60);

/// Makes the topic `t`, which the native client does not do by itself.
fn make_topic(broker: &Broker) {
    let reader: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", broker.address().to_string())
        .set("allow.auto.create.topics", "true")
        .create()
        .unwrap();
    let began = Instant::now();
    while reader.fetch_metadata(Some("t"), PATIENCE).unwrap().topics()[0].partitions().is_empty() {
        assert!(began.elapsed() < PATIENCE);
    }
}

/// A broker that answers nothing lets the native client's buffer run full: what is really allocated
/// is what `buffer.memory` allows, and all of it is free again once the client is gone.
#[test]
fn the_native_producer_allocates_what_its_buffer_allows() {
    const BUFFER: i64 = 8 << 20;
    let _alone = ALONE.lock().unwrap();
    let plan = plan(&load(200_000, "users = 10_000\n"));
    let broker = Broker::start(&BrokerConfig::default()).unwrap();
    make_topic(&broker);
    let clock = Arc::new(SystemClock::start());
    let receipts = Arc::new(Receipts::default());
    let set = [("buffer.memory", BUFFER.to_string()), ("linger.ms", "0".to_owned())];
    let set = set.map(|(name, value)| (name.to_owned(), value));
    let before = in_use_bytes();
    let address = broker.address().to_string();
    let sink = NativeSink::new(&address, &set.into(), "t", clock, receipts.clone());
    let mut sink = sink.unwrap();
    sink.get_ready(Instant::now() + PATIENCE);
    broker.faults().freeze();
    let mut users = Generator::new(&plan.population, 1_000.0, 1, 0, 1);
    let mut batch = Batch::new(plan.event.codec());
    for seq in 0..64 {
        let stamp = Stamp { run: 1, shard: 0, seq, due_wall_us: START_WALL_US };
        batch.push(stamp, 0, &users.next(seq));
    }
    let (beside, mut most, mut taken, mut refused) = (in_use_bytes(), 0, 0, 0);
    while refused < 1_000 {
        let handover = sink.send(&batch, 0..batch.len()).unwrap();
        taken += handover.taken as i64;
        refused += usize::from(handover.refusal == Some(Refusal::QueueFull));
        most = most.max(in_use_bytes() - beside);
    }
    println!("{taken} events: {most} bytes allocated for a buffer of {BUFFER}");
    assert!(most > BUFFER / 2 && most < BUFFER * 5 / 4, "{most} for {BUFFER}");
    drop((sink, batch, users));
    assert_eq!(receipts.0.load(Ordering::Relaxed), taken);
    drop(broker);
    let left = in_use_bytes() - before;
    assert!(left < BUFFER / 8, "{left} bytes are left");
}
