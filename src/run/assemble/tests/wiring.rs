//! What was seen of a run reaches its verdict, and what a person reads.

use std::path::Path;

use super::super::*;
use super::nothing_seen;
use crate::client::loopback;
use crate::client::tests::planned;
use crate::measure::latency::Recorder;
use crate::output::summary::markdown;
use crate::output::table::terminal;
use crate::plan::toml::source::ScenarioSource;
use crate::result::Check;
use crate::result::end_lag::EndLag;
use crate::result::load_all;
use crate::result::self_watch::{Growth, ThreadShare};
use crate::run::merge::verdict;

/// What a healthy run of 1,000 events leaves, for a test to spoil.
struct Left {
    end: End,
    ledger: LedgerReport,
    /// By how much each event was sent late, in ns.
    delays_ns: Vec<i64>,
    checks: Vec<Check>,
    strangers: Vec<String>,
}

impl Left {
    fn healthy() -> Self {
        let end = End { cpu_s: 1.0, ..End::default() };
        let ledger =
            LedgerReport { offered: 1_000, acked: 1_000, closes: true, ..LedgerReport::default() };
        let (checks, strangers) = (Vec::new(), Vec::new());
        Self { end, ledger, delays_ns: vec![100_000; 1_000], checks, strangers }
    }

    /// The verdict as a run's end makes it, and the self-watch behind it.
    fn judge(&self) -> (Verdict, SelfWatch) {
        let text = "seed = 1\n[load]\nrate_per_s = 10\nduration = \"5s\"\n".to_owned();
        let source = ScenarioSource { name: "test.toml".to_owned(), text };
        let plan = planned(&source);
        let clock = Arc::new(SystemClock::start());
        let hooks = loopback::hooks::LoopbackHooks::default();
        let cluster = loopback::Cluster::new(1, plan.event.codec(), clock, hooks);
        let (mut collector, _channels) = Collector::new(&plan, &cluster);
        let mut recorder = Recorder::new(0..u64::MAX, 1_000_000_000);
        self.delays_ns.iter().for_each(|delay| recorder.record(Stage::SendDelay, 0, *delay));
        collector.sent.add(&recorder.flush(0));
        let clock = SystemClock::start();
        let watch = self_watch(&clock, &collector, &self.end, &self.ledger);
        // A test is built without optimisation, and no run.
        let watch = SelfWatch { debug_build: false, ..watch };
        let run = RunResult {
            ledger: self.ledger.clone(),
            checks: self.checks.clone(),
            end_lag: self.end.end_lag.clone(),
            verdict: Verdict { reasons: self.end.faults.clone(), ..Verdict::default() },
            watch,
            ..nothing_seen()
        };
        (verdict(&run, &[], &self.strangers), run.watch)
    }
}

/// Spoils one thing, up to its limit and just beyond; the flag that the latter must raise.
type Case = (fn(&mut Left), fn(&mut Left), &'static str);

fn late(left: &mut Left, ns: i64) {
    left.delays_ns[..11].fill(ns);
}

fn share(of_time: f64) -> Option<ThreadShare> {
    Some(ThreadShare { thread: "x".to_owned(), share: of_time, wait_mean_ns: Some(1e6) })
}

fn growth(left_bytes: u64) -> Option<Growth> {
    Some(Growth { bytes_per_s: 1e6, low_bytes_per_s: 1.0, left_bytes })
}

#[test]
fn whatever_was_seen_beyond_its_limit_reaches_the_verdict_and_the_reader() {
    let cases: [Case; 9] = [
        (|left| late(left, 1_000_000), |left| late(left, 1_002_000), "late or more (limit 1 ms)"),
        // A histogram's step beyond: 0.1 %.
        (|_| {}, |left| late(left, 10_020_000), "over 10 ms late"),
        (
            |left| left.end.seen.steal_share = Some(0.01),
            |left| left.end.seen.steal_share = Some(0.0101),
            "hypervisor took",
        ),
        (
            |left| left.end.seen.throttled_share = Some(0.01),
            |left| left.end.seen.throttled_share = Some(0.0101),
            "CPU quota ran out",
        ),
        (
            |left| left.end.seen.memory_growth = growth(3_600_000_000),
            |left| left.end.seen.memory_growth = growth(3_599_000_000),
            "memory: grew",
        ),
        (
            |left| left.end.seen.busiest = share(0.85),
            |left| left.end.seen.busiest = share(0.8501),
            "busy",
        ),
        (
            |left| left.end.seen.most_waiting = share(0.05),
            |left| left.end.seen.most_waiting = share(0.0501),
            "for a core",
        ),
        (
            |left| left.end.seen.wall_step_max_us = -50_000,
            |left| left.end.seen.wall_step_max_us = -50_001,
            "wall clock stepped",
        ),
        (|left| left.ledger.unsent = 0, |left| left.ledger.unsent = 1, "client limited"),
    ];
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("results/recorded/aa/embedded/a");
    let mut run = load_all(&folder).unwrap().remove(0).result;
    let mut faults = Vec::new();
    let flags_of = |spoil: fn(&mut Left)| {
        let mut left = Left::healthy();
        spoil(&mut left);
        left.judge().0.flags
    };
    for (at_limit, beyond, words) in cases {
        let (none, flags) = (flags_of(at_limit), flags_of(beyond));
        if !(none.is_empty() && flags.len() == 1 && flags[0].contains(words)) {
            faults.push(format!("{words}: at {none:?}, beyond {flags:?}"));
            continue;
        }
        run.verdict.flags.clone_from(&flags);
        assert!(terminal(&run, false).contains(&format!("  ! {}\n", flags[0])), "{words}");
        assert!(markdown(&run).contains(&format!("- flag: {}\n", flags[0])), "{words}");
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn ten_milliseconds_are_not_late_and_one_event_in_a_hundred_is_not_many() {
    let mut left = Left::healthy();
    late(&mut left, 9_980_000);
    assert!((left.judge().1.late_share - 0.0).abs() < 1e-9);
    late(&mut left, 10_020_000);
    assert!((left.judge().1.late_share - 0.011).abs() < 1e-9);
    left.delays_ns[0] = 100_000;
    assert_eq!(left.judge().0.flags, Vec::<String>::new(), "1.0 %");
}

#[test]
fn what_the_broker_lost_and_what_the_loops_report_make_a_run_invalid() {
    let lost = EndLag { acked_ends: vec![10, 7], broker_ends: vec![10, 6], ..EndLag::default() };
    let kept = EndLag { acked_ends: vec![10, 6], broker_ends: vec![10, 6], ..EndLag::default() };
    let judge = |end_lag| {
        let mut left = Left::healthy();
        left.end.end_lag = Some(end_lag);
        left.judge().0
    };
    assert!(judge(kept.clone()).valid);
    let verdict = judge(lost);
    assert!(!verdict.valid && verdict.reasons[0].contains("partition 1 ends at 6"), "{verdict:?}");
    let beyond = judge(EndLag { broker_ends: vec![10, 9], ..kept });
    assert!(beyond.valid && beyond.flags[0].contains("the broker holds 3 records"), "{beyond:?}");
    let mut left = Left::healthy();
    left.end.faults.push("producer-0 panicked".to_owned());
    assert_eq!(left.judge().0.reasons, ["producer-0 panicked"]);
    let mut left = Left::healthy();
    left.checks.push(Check::new("events", 9, vec![Some(8)]));
    assert!(
        left.judge().0.reasons[0].starts_with("events: the books have 9"),
        "{:?}",
        left.judge().0
    );
}

#[test]
fn what_an_event_costs_is_that_of_the_measured_part() {
    let mut left = Left::healthy();
    // Whatever the whole run took.
    (left.end.cpu_s, left.end.seen.cost.us_per_event) = (77.0, Some(41.5));
    left.end.seen.cost.measured_s = Some(3.0);
    left.end.seen.cost.idle_ms_per_s = Some(12.0);
    left.end.seen.cost.us_per_event_more = Some(Ok(33.0));
    let watch = left.judge().1;
    assert_eq!((watch.cpu_s, watch.cpu_us_per_event), (77.0, Some(41.5)));
    assert_eq!((watch.cpu_measured_s, watch.cpu_idle_ms_per_s), (Some(3.0), Some(12.0)));
    assert_eq!(
        (watch.cpu_us_per_event_more, watch.cpu_us_per_event_more_unknown),
        (Some(33.0), None)
    );
    left.end.seen.cost.us_per_event_more = Some(Err("one rate".to_owned()));
    let watch = left.judge().1;
    assert_eq!(watch.cpu_us_per_event_more_unknown.as_deref(), Some("one rate"));
}

#[test]
fn a_stranger_is_named_among_the_reasons_where_something_is_missing_and_as_a_flag_elsewhere() {
    let who = "group g has a member that is not this run's";
    let mut left = Left { strangers: vec![who.to_owned()], ..Left::healthy() };
    let (verdict, _) = left.judge();
    assert!(verdict.valid && verdict.reasons.is_empty());
    assert_eq!(verdict.flags.first().map(String::as_str), Some(who));
    left.ledger.lost = 1;
    let (verdict, _) = left.judge();
    assert_eq!(verdict.reasons.first().map(String::as_str), Some(who));
    assert!(
        verdict.reasons[1].contains("never in the log") && !verdict.flags.contains(&who.into())
    );
}
