//! The producing loop on a clock that moves only when somebody sleeps on it or takes his time.

use std::sync::Mutex;
use std::sync::atomic::AtomicU64;
use std::sync::mpsc::{Receiver as Windows, channel};

use super::*;
use crate::base::clock::ManualClock;
use crate::load::generate::Generator;
use crate::load::generate::tests::population;
use crate::load::schedule::Schedule;
use crate::measure::ledger::SparseBitmap;
use crate::plan::{Arrivals, LoadPlan, PhasePlan, RateSegment, Shape};

const MS: u64 = 1_000_000;

/// Evenly so many a second, for ten seconds: with 100 a second the first is due at 5 ms, and each
/// of the others 10 ms later.
pub(super) fn load(per_s: f64, producers: u16) -> LoadPlan {
    let shape = Shape::Linear { from_per_s: per_s, to_per_s: per_s };
    let segments = vec![RateSegment { duration_ns: 10_000 * MS, shape }];
    let name = "steady".to_owned();
    let phases = vec![PhasePlan { name, warmup: false, segments, hot: None, sale: None }];
    LoadPlan { producers, arrivals: Arrivals::Uniform, tick_ns: 0, phases, replay: None }
}

/// The shard's users.
pub(super) fn generator() -> Box<Generator> {
    Box::new(Generator::new(&population(), 1_000.0, 1, 0, 1))
}

fn made(per_s: f64, events: usize) -> Workload {
    let slots = Schedule::new(&load(per_s, 1), 1).shard(0).take(events);
    Workload::Made { slots, generator: generator() }
}

fn unpaced(left: u64) -> Workload {
    Workload::Unpaced { generator: generator(), seq: 0, left, until_ns: 1_000 * MS }
}

/// Keeps until when it was slept on, and ends a loop that turns without end.
#[derive(Debug, Default)]
struct Watched {
    clock: ManualClock,
    looks: AtomicU64,
    slept_ns: Mutex<Vec<u64>>,
}

impl Clock for Watched {
    fn now_ns(&self) -> u64 {
        assert!(self.looks.fetch_add(1, Ordering::Relaxed) < 100_000, "the loop has no end");
        self.clock.now_ns()
    }

    fn sleep_until_ns(&self, at_ns: u64) {
        self.slept_ns.lock().unwrap().push(at_ns);
        self.clock.sleep_until_ns(at_ns);
    }

    fn origin_wall_us(&self) -> i64 {
        self.clock.origin_wall_us()
    }
}

/// A client that answers as it is told to.
struct Client<F>(F);

impl<F: FnMut(&Batch, Range<usize>) -> Handover + Send> Sink for Client<F> {
    fn send(&mut self, batch: &Batch, range: Range<usize>) -> Result<Handover> {
        Ok((self.0)(batch, range))
    }
}

fn took(taken: usize) -> Handover {
    Handover { taken, refusal: None }
}

fn full(taken: usize) -> Handover {
    Handover { taken, refusal: Some(Refusal::QueueFull) }
}

fn rejected(taken: usize) -> Handover {
    Handover { taken, refusal: Some(Refusal::Rejected("too large".to_owned())) }
}

/// What a loop leaves: its parts, and the numbers and times of each hand-over.
struct Left {
    done: ShardResult,
    clock: Arc<Watched>,
    ledger: Arc<Ledger>,
    receipts: Arc<ReceiptBook>,
    windows: Windows<(Stage, Box<Window>)>,
    handed: Vec<(Range<u64>, u64)>,
}

impl Left {
    /// Until when the loop slept each time, in µs.
    fn slept_us(&self) -> Vec<u64> {
        self.clock.slept_ns.lock().unwrap().iter().map(|ns| ns / 1_000).collect()
    }
}

/// Runs a loop from `start_ns` on, with intervals of 10 ms; measured is what is due 10 ms after the
/// start or later. `answer` is the client's word on each hand-over of so many events.
fn run_loop(
    script: Workload,
    start_ns: u64,
    answer: impl FnMut(usize, &Watched, &AtomicBool) -> Handover + Send + 'static,
) -> Left {
    run_ticking(0, script, start_ns, answer)
}

/// The same with a tick.
fn run_ticking(
    tick_ns: u64,
    script: Workload,
    start_ns: u64,
    mut answer: impl FnMut(usize, &Watched, &AtomicBool) -> Handover + Send + 'static,
) -> Left {
    let clock = Arc::new(Watched::default());
    clock.clock.advance_ns(start_ns);
    let ledger = Arc::new(Ledger::new(1, 1, 0));
    let receipts = Arc::new(ReceiptBook::new(1));
    let stop = Arc::<AtomicBool>::default();
    let handed = Arc::<Mutex<Vec<(Range<u64>, u64)>>>::default();
    let (sender, windows) = channel();
    let sink = {
        let (handed, clock, stop) = (handed.clone(), clock.clone(), stop.clone());
        Client(move |batch: &Batch, range: Range<usize>| {
            let seqs = batch.stamp(range.start).seq..batch.stamp(range.end - 1).seq + 1;
            handed.lock().unwrap().push((seqs, clock.clock.now_ns()));
            answer(range.len(), &clock, &stop)
        })
    };
    let shift = ProducerTask {
        shard: 0,
        run: 1,
        start_ns,
        script,
        sink: Box::new(sink),
        recorder: Recorder::new(start_ns + 10 * MS..u64::MAX, 10 * MS),
        clock: clock.clone(),
        ledger: ledger.clone(),
        receipts: receipts.clone(),
        stop,
        tick_ns,
        interval_ns: 10 * MS,
        windows: sender,
    };
    let done = run(shift).unwrap();
    let handed = handed.lock().unwrap().clone();
    Left { done, clock, ledger, receipts, windows, handed }
}

#[test]
fn the_loop_sleeps_until_an_event_is_due_and_looks_up_every_20_ms() {
    let left = run_loop(made(20.0, 2), MS, |events, _, _| took(events));
    assert_eq!(left.handed, [(0..1, 26 * MS), (1..2, 76 * MS)]);
    assert_eq!(left.slept_us(), [21_000, 26_000, 46_000, 66_000, 76_000]);
}

/// When the loop hands over how many, in µs, with a tick of half a millisecond.
fn ticks(per_s: f64, events: usize) -> Vec<(u64, u64)> {
    let left = run_ticking(MS / 2, made(per_s, events), 0, |events, _, _| took(events));
    let times: Vec<u64> = left.handed.iter().map(|(_, at_ns)| at_ns / 1_000).collect();
    let mut slept = left.slept_us();
    // A batch of 64 that ends within a tick is handed over in two pieces, and wakes nobody.
    slept.retain(|at_us| *at_us % 20_000 != 0);
    let mut woke = times.clone();
    woke.dedup();
    assert_eq!(slept, woke, "it wakes for events, and for nothing else");
    left.handed.iter().map(|(seqs, _)| seqs.end - seqs.start).zip(times).collect()
}

#[test]
fn what_comes_due_within_a_tick_is_handed_over_at_its_end() {
    assert_eq!(ticks(10_000.0, 12), [(1, 50), (5, 550), (5, 1_050), (1, 1_550)]);
    // The 64th event is not the end of a tick.
    let many = ticks(10_000.0, 80);
    assert_eq!(many[12..16], [(5, 6_050), (3, 6_550), (2, 6_550), (5, 7_050)]);
}

#[test]
fn a_tick_that_brings_fewer_than_two_is_not_waited_for() {
    assert_eq!(ticks(4_000.0, 5), [(1, 125), (2, 625), (2, 1_125)]);
    let own = ticks(3_900.0, 4);
    assert_eq!(own.iter().map(|(events, _)| *events).collect::<Vec<_>>(), [1, 1, 1, 1]);
    assert_eq!(ticks(100.0, 3), [(1, 5_000), (1, 15_000), (1, 25_000)]);
}

/// The loop looks up every 20 ms; what has come due by then is not its business before the tick.
#[test]
fn a_tick_may_be_longer_than_the_loop_sleeps_at_once() {
    let left = run_ticking(50 * MS, made(100.0, 12), 0, |events, _, _| took(events));
    assert_eq!(
        left.handed,
        [(0..1, 5 * MS), (1..6, 55 * MS), (6..11, 105 * MS), (11..12, 155 * MS)]
    );
    assert_eq!(left.slept_us()[..4], [5_000, 25_000, 45_000, 55_000]);
}

#[test]
fn a_loop_that_is_behind_waits_for_no_tick() {
    let left = run_ticking(MS / 2, made(10_000.0, 200), 0, |events, clock, _| {
        clock.clock.advance_ns(6 * MS);
        took(events)
    });
    assert_eq!(seqs(&left)[..4], [0..1, 1..61, 61..64, 64..128]);
    let slept = left.slept_us();
    // It has caught up at the end of its 64th event, and the tick began when it last woke.
    assert_eq!(slept[0], 50);
    assert!(slept[1..].iter().all(|at_us| at_us % 100 == 50), "{slept:?}");
}

/// What it hands over without having slept is of the tick in which it last woke: the event behind
/// that one waits for no tick of its own.
#[test]
fn a_loop_that_has_caught_up_begins_its_next_tick_with_what_it_wakes_for() {
    let mut stalls = [6 * MS].into_iter();
    let left = run_ticking(MS / 2, made(10_000.0, 200), 0, move |events, clock, _| {
        clock.clock.advance_ns(stalls.next().unwrap_or(0));
        took(events)
    });
    assert_eq!(seqs(&left)[..3], [0..1, 1..61, 61..62]);
    assert_eq!(left.slept_us()[..3], [50, 6_150, 6_650]);
}

#[test]
fn what_is_overdue_is_sent_at_once_and_in_pieces_of_64() {
    let left = run_loop(made(10_000.0, 200), 0, |events, clock, _| {
        clock.clock.advance_ns(100 * MS);
        took(events)
    });
    assert_eq!(seqs(&left), [0..1, 1..64, 64..128, 128..192, 192..200]);
    assert_eq!(left.slept_us(), [50]);
    assert_eq!((left.done.books.events, left.receipts.accepted()), (200, 200));
    assert_eq!(left.ledger.outcomes().shards[0].offered, 200);
}

#[test]
fn send_delay_is_from_the_due_time_to_the_end_of_the_hand_over() {
    let left = run_loop(made(100.0, 4), 0, |events, clock, _| {
        clock.clock.advance_ns(3 * MS);
        took(events)
    });
    let windows: Vec<_> = left.windows.try_iter().collect();
    // Each in the interval in which it was sent; the first was due in the warm-up.
    let found: Vec<_> = windows
        .iter()
        .map(|(stage, window)| {
            let delay = window.latency(*stage);
            (window.index, window.events, delay.and_then(|delay| delay.max()))
        })
        .collect();
    let late = Some(3 * MS as i64);
    assert_eq!(found, [(0, 1, None), (1, 1, late), (2, 1, late), (3, 1, late)]);
    assert!(windows.iter().all(|(stage, _)| *stage == Stage::SendDelay));
}

#[test]
fn what_came_due_is_counted_from_the_start_by_interval_and_by_what_is_measured() {
    // Due at 2.5, 7.5, 12.5, 17.5 and 22.5 ms.
    let left = run_loop(made(200.0, 5), 7 * MS, |events, _, _| took(events));
    let dues = &left.ledger.outcomes().shards[0].dues;
    assert_eq!((&dues.by_interval[..], dues.measured.clone()), (&[2, 2, 1][..], 2..5));
}

/// The numbers of each hand-over.
fn seqs(left: &Left) -> Vec<Range<u64>> {
    left.handed.iter().map(|(seqs, _)| seqs.clone()).collect()
}

fn reasons(left: &Left) -> Vec<(String, u64)> {
    left.receipts.reasons().into_iter().collect()
}

#[test]
fn what_a_client_refuses_is_passed_over_where_there_is_a_schedule() {
    let mut answers = [took(1), full(1), rejected(0), took(1)].into_iter();
    let left = run_loop(made(10_000.0, 5), 0, move |_, clock, _| {
        clock.clock.advance_ns(10 * MS);
        answers.next().unwrap()
    });
    assert_eq!(seqs(&left), [0..1, 1..5, 3..5, 4..5]);
    assert_eq!(left.slept_us(), [50]);
    let refused = [("the client's queue was full", 1), ("too large", 1)];
    assert_eq!(reasons(&left), refused.map(|(why, count)| (why.to_owned(), count)));
    assert_eq!((left.done.books.events, left.receipts.accepted()), (3, 3));
    let shard = &left.ledger.outcomes().shards[0];
    let only = |seq| {
        let mut plane = SparseBitmap::default();
        plane.set(seq);
        plane
    };
    assert_eq!((shard.offered, &shard.unsent, &shard.failed), (5, &only(2), &only(3)));
    let recorded: u64 = left.windows.try_iter().map(|(_, window)| window.events).sum();
    assert_eq!(recorded, 3);
}

#[test]
fn a_full_client_is_tried_again_after_half_a_millisecond_where_there_is_no_schedule() {
    let mut answers = [full(1), full(0), took(2)].into_iter();
    let left = run_loop(unpaced(3), 5 * MS, move |_, _, _| answers.next().unwrap());
    let (now, half) = (5 * MS, MS / 2);
    assert_eq!(left.handed, [(0..3, now), (1..3, now + half), (1..3, now + 2 * half)]);
    assert_eq!(left.slept_us(), [5_500, 6_000]);
    assert_eq!((left.done.books.events, reasons(&left)), (3, vec![]));
    assert_eq!(left.ledger.outcomes().shards[0].unsent.count(), 0);
}

#[test]
fn nobody_waits_for_a_client_that_will_never_take_an_event() {
    let mut answers = [rejected(1), took(1)].into_iter();
    let left = run_loop(unpaced(3), 5 * MS, move |_, _, _| answers.next().unwrap());
    assert_eq!((seqs(&left), left.slept_us()), (vec![0..3, 2..3], vec![]));
    assert_eq!(left.ledger.outcomes().shards[0].failed.count(), 1);
}

#[test]
fn nobody_waits_for_a_full_client_once_the_run_shall_stop() {
    let left = run_loop(unpaced(3), 5 * MS, |_, _, stop| {
        stop.store(true, Ordering::Relaxed);
        full(0)
    });
    assert_eq!((seqs(&left), left.slept_us()), (vec![0..3, 1..3, 2..3], vec![]));
    assert_eq!(left.ledger.outcomes().shards[0].unsent.count(), 3);
}

#[test]
fn what_clients_sent_adds_up_and_the_ratio_is_payload_over_wire() {
    let mut all = WireBytes { records: 1, payload_bytes: 10, wire_bytes: 5 };
    assert_eq!(all.ratio(), Some(2.0));
    all.add(WireBytes { records: 2, payload_bytes: 50, wire_bytes: 20 });
    assert_eq!(all, WireBytes { records: 3, payload_bytes: 60, wire_bytes: 25 });
    assert_eq!((all.ratio(), WireBytes::default().ratio()), (Some(2.4), None));
}

#[test]
fn a_sink_that_says_nothing_of_a_wire_has_none() {
    let sink = Client(|_: &Batch, _| took(0));
    assert!(!sink.has_wire() && sink.wire().is_none());
}
