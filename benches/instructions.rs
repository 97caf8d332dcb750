//! Each hot path, a fixed number of times: what `dev/instructions` counts under callgrind.
//!
//! The work of each lies in [`measured`], which callgrind knows by its name; what is around it is
//! set-up, and small, since all of it runs thirty times slower there. By itself the program only
//! prints the paths, in their order: what one is counted by, how often it was done, and its name.

// Standard output is what it says to `dev/instructions`.
#![allow(clippy::print_stdout)]

use std::hint::black_box;
use std::sync::Arc;

use kbench::apps;
use kbench::base::clock::{Clock, ManualClock};
use kbench::base::record_batch::{
    BatchCodec, BatchWalker, BatchWriter, Compressor, ProducerSequence,
};
use kbench::event::format::PayloadFormat;
use kbench::event::{Arrival, Outcome, Stamp};
use kbench::load::generate::Generator;
use kbench::load::schedule::Schedule;
use kbench::measure::latency::Recorder;
use kbench::measure::ledger::{Ledger, PartitionTracker};
use kbench::plan::{Arrivals, LoadPlan, PhasePlan, PopulationPlan, RateSegment, Shape};
use kbench::workers::consume::AppGroup;
use kbench::workers::produce::Batch;

#[path = "shared/events.rs"]
mod events;

use events::{START_US, payloads, plan, step_us, warm};

/// How many events each path has.
const EVENTS: u64 = 10_000;
/// How many events a batch of the native client has: 128 KiB of some 610 bytes each.
const BATCH: usize = 210;
const USERS: u64 = 1_000;
/// The time between two events of the producing side: 100,000/s.
const STEP_NS: u64 = 10_000;

/// What is counted, and nothing else.
#[inline(never)]
fn measured(work: &mut dyn FnMut()) {
    work();
    // The call above is not the last thing: it would become a jump, and this its beginning only.
    black_box(());
}

/// Has a path counted: so many of `unit`, under that name.
fn path(unit: &str, count: u64, name: &str, mut work: impl FnMut()) {
    measured(&mut work);
    println!("{unit}\t{count}\t{name}");
}

fn stamp(seq: u64) -> Stamp {
    Stamp { run: 1, shard: 0, seq, due_wall_us: START_US + (seq * STEP_NS / 1_000) as i64 }
}

/// When, who and what, and its bytes.
fn producing() {
    let shape = Shape::Linear { from_per_s: 1e5, to_per_s: 1e5 };
    let segments = vec![RateSegment { duration_ns: 3_600_000_000_000, shape }];
    let name = "instructions".to_owned();
    let phases = vec![PhasePlan { name, warmup: false, segments, hot: None, sale: None }];
    let load =
        LoadPlan { producers: 1, arrivals: Arrivals::Poisson, tick_ns: 0, phases, replay: None };
    let mut slots = Schedule::new(&load, 42).shard(0);
    path("event", EVENTS, "a slot of the schedule, poisson", || {
        black_box(slots.by_ref().take(EVENTS as usize).map(|slot| slot.due_ns).sum::<u64>());
    });
    let population =
        PopulationPlan { users: 10_000_000, sessions_max: 1_000, ..PopulationPlan::small() };
    let mut generator = Generator::new(&population, 500_000.0, 42, 0, 1);
    // The pool of sessions is full before it counts.
    let mut seq = 0;
    while seq < 2 * u64::from(population.sessions_max) {
        generator.next(seq * STEP_NS);
        seq += 1;
    }
    let mut batch = Batch::new(PayloadFormat::Json.codec());
    let mut fill = || {
        batch.clear();
        for _ in 0..64 {
            batch.push(stamp(seq), seq * STEP_NS, &generator.next(seq * STEP_NS));
            seq += 1;
        }
    };
    fill();
    let rounds = EVENTS / 64;
    path("event", rounds * 64, "generate and encode", || (0..rounds).for_each(|_| fill()));
}

/// Stamp, parser, ledger and applications.
fn consuming(payloads: &[Vec<u8>]) {
    let codec = PayloadFormat::Json.codec();
    path("event", EVENTS, "read a stamp", || {
        for bytes in payloads {
            black_box(codec.stamp(None, Some(bytes)));
        }
    });
    let mut parser = codec.parser();
    path("event", EVENTS, "parse", || {
        for bytes in payloads {
            black_box(parser.parse(bytes).is_ok());
        }
    });
    for kind in apps::ALL {
        let mut first = codec.parser();
        let Ok(template) = first.parse(&payloads[0]) else { continue };
        let mut state = warm(kind, USERS, &template);
        let mut due_us = START_US;
        path("event", EVENTS, &format!("parse and observe, {}", kind.schema.name), || {
            for bytes in payloads {
                due_us += step_us(USERS);
                if let Ok(event) = parser.parse(bytes) {
                    state.observe(black_box(&event), due_us);
                }
            }
        });
    }
}

/// A ledger that knows of so many events, all acknowledged.
fn ledger(events: u64) -> Ledger {
    let ledger = Ledger::new(1, 1, 1);
    ledger.offered(0, events);
    (0..events).for_each(|seq| ledger.outcome(&stamp(seq), Outcome::Acked));
    ledger
}

/// What the ledger does for an event, and all that a worker does for a record.
fn ticking(payloads: &[Vec<u8>]) {
    let book = ledger(EVENTS);
    let mut tracker = PartitionTracker::default();
    path("event", EVENTS, "the ledger's tick", || {
        for seq in 0..EVENTS {
            black_box(tracker.tick(&book, 0, seq as i64, Some(&stamp(seq))));
        }
    });
    let book = Ledger::new(1, 1, 1);
    book.offered(0, EVENTS);
    path("event", EVENTS, "the ledger's outcome", || {
        (0..EVENTS).for_each(|seq| book.outcome(&stamp(seq), Outcome::Acked));
    });
    let codec = PayloadFormat::Json.codec();
    let clock = ManualClock::new(START_US);
    for (partitions, name) in [
        (1, "a worker's record: stamp, ledger, parser, application, recorder"),
        (1_000, "hand-over: a record of another partition each"),
    ] {
        let kind = &apps::ALL[0];
        let book = Arc::new(ledger(EVENTS));
        let group = AppGroup::new(0, 1, partitions, codec, book, || (kind.new)(&plan(kind)));
        let mut parser = group.parser();
        let mut recorder = Recorder::new(0..u64::MAX, 1_000_000_000);
        let mut read = |round: u64, payloads: &[Vec<u8>]| {
            for (index, payload) in payloads.iter().enumerate() {
                let (partition, offset) = (index % partitions, index / partitions);
                let arrival = Arrival {
                    partition: partition as i32,
                    offset: (round * EVENTS) as i64 + offset as i64,
                    key: None,
                    header: None,
                    payload: Some(payload),
                    at_us: None,
                };
                clock.advance_ns(STEP_NS);
                group.observe(&arrival, clock.now_ns(), &mut *parser, &mut recorder, &clock);
            }
        };
        // Each state is there before it counts, and knows somebody.
        let known = if partitions == 1 { payloads.len() / 2 } else { partitions };
        let rest = &payloads[known..];
        read(0, &payloads[..known]);
        path("event", rest.len() as u64, name, || read(1, rest));
    }
}

/// The native client's batches.
fn batching(payloads: &[Vec<u8>]) {
    let records = &payloads[..payloads.len() / BATCH * BATCH];
    let (batches, count) = ((records.len() / BATCH) as u64, records.len() as u64);
    let mut writer = BatchWriter::with_capacity(256 << 10);
    let append = |writer: &mut BatchWriter, payloads: &[Vec<u8>]| {
        for payload in payloads {
            writer.append(START_US / 1_000, Some(b"user-00042"), None, Some(payload));
        }
    };
    path("event", count, "native: append to an open batch", || {
        for payloads in records.chunks(BATCH) {
            writer.reset();
            append(&mut writer, payloads);
        }
    });
    for codec in [BatchCodec::None, BatchCodec::Lz4] {
        let Ok(mut compressor) = Compressor::new(codec, None) else { continue };
        let mut open: Vec<BatchWriter> = records
            .chunks(BATCH)
            .map(|payloads| {
                let mut writer = BatchWriter::with_capacity(256 << 10);
                append(&mut writer, payloads);
                writer
            })
            .collect();
        let mut sealed = vec![Vec::new(); open.len()];
        let name = codec.name();
        path("batch", batches, &format!("native: seal a batch of {BATCH} events, {name}"), || {
            for (writer, sealed) in open.iter_mut().zip(&mut sealed) {
                let header = writer.seal(&mut compressor, ProducerSequence::NONE, sealed);
                let _ = black_box(header);
            }
        });
        let mut walker = BatchWalker::new(true);
        path("event", count, &format!("native: walk a fetched batch, {name}"), || {
            for set in &sealed {
                walker.begin(0, &[]);
                while let Ok(Some(record)) = walker.next(set) {
                    black_box(record);
                }
            }
        });
    }
}

fn main() {
    let payloads = payloads(USERS, EVENTS);
    producing();
    consuming(&payloads);
    ticking(&payloads);
    batching(&payloads);
}
