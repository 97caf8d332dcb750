//! In steady state an event allocates nothing in kbench's own client, from the schedule to the open
//! batch and from the fetched bytes to the application's answer.
//!
//! Two whole runs of one length are counted, the second with twice the events in as many sessions:
//! what a run, an interval, a request, a batch or a session allocates is in both, and only what an
//! event allocates is in the difference. Carts are left out of the mix: the generator allocates
//! each cart, twice, which with the specification's mix comes to 0.05 an event. Each thread is
//! counted by its name. Alone in a program of its own: the count is everybody's.

// Helpers outside `#[test]` functions are tests all the same: they fail loudly, and they tell
// what was counted.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use kbench::apps;
use kbench::broker::Broker;
use kbench::broker::config::BrokerConfig;
use kbench::output::progress::Progress;
use kbench::plan::scenario;
use kbench::plan::toml::environment::Environment;
use kbench::plan::toml::overrides::Overrides;
use kbench::plan::toml::source::ScenarioSource;
use kbench::run::{self, RunOptions};

/// How the names of the threads begin that are counted; all others are counted together.
const THREADS: [&str; 7] =
    ["producer-", "analytics-", "fraud-", "dashboard-", "behavior-", "kbench-sender", ""];

/// Where the sending thread is among them: it works by the batch.
const SENDER: usize = 5;

/// The rate of the first run, in events a second, and the length of both.
const RATE_PER_S: u64 = 8_000;
const SECONDS: u64 = 4;

/// Events in a session of the first run.
const SESSION_LENGTH: u64 = 12;

/// Most allocations for each event more: an event in fifty. Below lies what larger batches bring.
const EACH_MAX: f64 = 0.02;

/// The system's allocator, with a count by thread.
struct Counting;

static COUNTS: [AtomicU64; THREADS.len()] = [const { AtomicU64::new(0) }; THREADS.len()];

/// Counts one for this thread. Asks the kernel for its name each time: nothing here may allocate.
fn count() {
    let mut name = [0_u8; 16];
    // SAFETY: the kernel writes at most 16 bytes, with the zero at the end.
    unsafe { libc::prctl(libc::PR_GET_NAME, name.as_mut_ptr()) };
    let place = THREADS.iter().position(|thread| name.starts_with(thread.as_bytes()));
    if let Some(place) = place {
        COUNTS[place].fetch_add(1, Ordering::Relaxed);
    }
}

// SAFETY: everything is the system allocator's; the count is beside it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: handed on as it came.
        unsafe { System.alloc(layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        count();
        // SAFETY: handed on as it came.
        unsafe { System.realloc(place, layout, bytes) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: handed on as it came.
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// What one run allocates, by thread, and how many events it sends: `times` those of the first.
fn allocations(times: u64) -> ([u64; THREADS.len()], u64) {
    let (rate_per_s, session_length) = (times * RATE_PER_S, times * SESSION_LENGTH);
    let config = BrokerConfig {
        partitions_default: 4,
        initial_rebalance_delay_ms: 0,
        ..BrokerConfig::default()
    };
    let broker = Broker::start(&config).unwrap();
    let text = format!(
        "seed = 7\n[topic]\npartitions = 4\n[load]\nrate_per_s = {rate_per_s}\n\
         duration = \"{SECONDS}s\"\nwarmup = \"1s\"\n\
         [population]\nusers = 2_000\nsessions_max = 200\n\
         session_length = {session_length}\n\
         [population.mix]\npage_view = 60\nclick = 27\nsearch = 13\nadd_to_cart = 0\n\
         purchase = 0\n\
         [kafka]\nclient = \"native\"\n[kafka.producer]\n\"linger.ms\" = 20\n\
         \"batch.size\" = 262144\n"
    );
    let overrides =
        Overrides { bootstrap_servers: Some(broker.address().to_string()), ..Overrides::default() };
    let plan = scenario::plan(
        &ScenarioSource::new("allocations.toml", text),
        &overrides,
        &Environment::from_pairs::<String, String>([]),
        &apps::schemas(),
        kbench::client::CHECKERS,
    );
    let plan = plan.unwrap_or_else(|error| panic!("{error}"));
    let folder = tempfile::tempdir().unwrap();
    let options = RunOptions {
        program: PathBuf::from("nothing is started"),
        results_dir: folder.path().to_owned(),
        ..RunOptions::default()
    };
    let counted = || COUNTS.each_ref().map(|count| count.load(Ordering::Relaxed));
    let before = counted();
    let finished = run::run(&plan, "# a test\n", options, &mut Progress::Quiet).unwrap();
    let mut during = counted();
    for (during, before) in during.iter_mut().zip(before) {
        *during -= before;
    }
    let result = serde_json::to_value(&finished.result).unwrap();
    let sent = result["ledger"]["acked"].as_u64().unwrap();
    (during, sent)
}

#[test]
fn an_event_allocates_nothing_from_schedule_to_batch_and_from_bytes_to_answer() {
    // What the process does once is done, and is not the first run's.
    allocations(1);
    let (few, few_events) = allocations(1);
    let (many, many_events) = allocations(2);
    let more = (many_events - few_events) as f64;
    println!("{few_events} and {many_events} events; allocations of a thread, and for each event");
    let mut most: Vec<String> = Vec::new();
    for (place, thread) in THREADS.into_iter().enumerate() {
        let each = (many[place] as f64 - few[place] as f64) / more;
        let name = if thread.is_empty() { "all others" } else { thread };
        println!("{name}: {} and {}: {each:.4}", few[place], many[place]);
        assert!(thread.is_empty() || few[place] > 0, "no thread is called {name}");
        if place <= SENDER && each > EACH_MAX {
            most.push(format!("{name} {each:.3}"));
        }
    }
    assert!(most.is_empty(), "allocations for each event: {most:?}; expected none");
}
