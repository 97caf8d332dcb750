//! Whatever is read is hostile: every leaf of a result, of a sweep and of recorded parts is
//! changed, one at a time, to what a broken disk, a bug or an enemy would make of it. What comes of
//! it is a clear line or a sound output: no panic, nothing above a second or 200 MB, nothing
//! hidden on a terminal, and never `VALID` above sums that don't close.
//!
//! ```text
//! cargo test --release --test hostile_files                        all 20,000 cases
//! KBENCH_CASE=parts:17 cargo test --release --test hostile_files   one by itself, told in full
//! ```

// Helpers outside `#[test]` functions are tests all the same: they fail loudly.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

#[path = "hostile_files/changes.rs"]
mod changes;
#[path = "hostile_files/limits.rs"]
mod limits;
#[path = "hostile_files/recording.rs"]
mod recording;
#[path = "hostile_files/subjects.rs"]
mod subjects;
#[allow(dead_code, reason = "each binary takes what it needs")]
#[path = "suite/turn.rs"]
mod turn;

use std::ops::Range;
use std::panic::{self, AssertUnwindSafe};
use std::time::{Duration, Instant};

use changes::{Change, Changes};
use subjects::{Parts, Results, Subject, Sweeps};

#[global_allocator]
static COUNTING: limits::Counting = limits::Counting;

/// Decides which of several equal places a case changes.
const SEED: u64 = 20_261_126;

/// The longest that one case may take, of its thread's CPU: others run beside it. And the most
/// memory.
const CASE_TIME_MAX: Duration = Duration::from_secs(1);
const CASE_BYTES_MAX: i64 = 200 << 20;

const RESULT_CASES: usize = 12_000;
const SWEEP_CASES: usize = 2_000;
const PART_CASES: usize = 6_000;

/// Failures that are told; more of them have the same few causes.
const TOLD_MAX: usize = 20;

/// The case that is asked for alone, as `parts:17`.
fn alone(kind: &str) -> Option<usize> {
    let asked = std::env::var("KBENCH_CASE").ok()?;
    let (name, number) = asked.split_once(':').expect("KBENCH_CASE is KIND:NUMBER");
    Some(if name == kind { number.parse().unwrap() } else { usize::MAX })
}

/// Runs so many cases of a subject, or the one that is asked for.
fn run(kind: &str, subject: &mut dyn Subject, cases: Range<usize>) -> Vec<String> {
    subject.accepts_what_was_not_changed();
    let changes = Changes::of(&subject.documents(), SEED);
    let began = Instant::now();
    let mut failures = Vec::new();
    let (mut refused, mut slowest) = (0, (Duration::ZERO, 0));
    let asked = alone(kind);
    for number in cases.clone().filter(|number| asked.is_none_or(|asked| asked == *number)) {
        let change = changes.number(number);
        let (outcome, took) = case(subject, &change, number);
        match outcome {
            Ok(is_refused) => refused += usize::from(is_refused),
            Err(why) => failures.push(format!("{kind}:{number}: {change}: {why}")),
        }
        slowest = slowest.max((took, number));
        if alone(kind).is_some() {
            println!("{kind}:{number}: {change}: refused {refused}, {} ms", took.as_millis());
        }
    }
    println!(
        "{kind}: seed {SEED}, cases {} to {} over {} places in {:.1} s, {refused} refused, the \
         slowest {} ms ({kind}:{})",
        cases.start,
        cases.end,
        changes.places(),
        began.elapsed().as_secs_f64(),
        slowest.0.as_millis(),
        slowest.1
    );
    failures
}

/// One case: whether it was refused in a clear line, or what is wrong; and how long it took.
fn case(
    subject: &mut dyn Subject,
    change: &Change,
    number: usize,
) -> (Result<bool, String>, Duration) {
    limits::begin();
    let began = limits::cpu();
    let caught = panic::catch_unwind(AssertUnwindSafe(|| subject.tried(change, number)));
    let (bytes, took) = (limits::most_bytes(), limits::cpu().saturating_sub(began));
    let outcome = match caught {
        Err(_) => Err(format!("panics: {}", limits::last_panic())),
        Ok(outcome) => outcome,
    };
    let outcome =
        outcome.and_then(|refused| match (took > CASE_TIME_MAX, bytes > CASE_BYTES_MAX) {
            (true, _) => Err(format!("takes {} ms", took.as_millis())),
            (_, true) => Err(format!("takes {} MB", bytes >> 20)),
            (false, false) => Ok(refused),
        });
    (outcome, took)
}

#[test]
fn whatever_one_value_of_a_file_is_the_answer_is_a_clear_line_or_a_sound_output() {
    let _turn = turn::Turn::shared();
    limits::listen();
    // The recording mostly waits: meanwhile the others are tried. Half of the results each.
    let half = RESULT_CASES / 2;
    let recording = std::thread::spawn(recording::Recording::made);
    let first = std::thread::spawn(move || {
        let mut failures = run("results", &mut Results::recorded(), 0..half);
        failures.extend(run("sweeps", &mut Sweeps::recorded(), 0..SWEEP_CASES));
        failures
    });
    let mut failures = run("results", &mut Results::recorded(), half..RESULT_CASES);
    let recording = recording.join().unwrap();
    failures.extend(run("parts", &mut Parts::of(&recording), 0..PART_CASES));
    failures.extend(first.join().unwrap());
    let told = failures.iter().take(TOLD_MAX).map(String::as_str).collect::<Vec<_>>().join("\n");
    assert!(failures.is_empty(), "{} cases fail:\n{told}", failures.len());
}
