//! What measuring costs: recorders and ledger, for each event.

use std::hint::black_box;
use std::ops::Range;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};

use kbench::event::{Outcome, Stamp};
use kbench::measure::latency::window::Stage;
use kbench::measure::latency::{
    Breakdown, Latency, Recorder, Sends, StageTimes, StallView, Stalls,
};
use kbench::measure::ledger::{Ledger, PartitionTracker};

const EVERYTHING: Range<u64> = 0..u64::MAX;
const SECOND_NS: u64 = 1_000_000_000;

fn record(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("record");
    group.throughput(Throughput::Elements(1));
    let sends = Arc::new(Sends::new(1));
    let mut recorder = Recorder::new(EVERYTHING, SECOND_NS).with_sends(sends.clone());
    let mut value = 1_u64;
    group.bench_function("one stage", |bench| {
        bench.iter(|| {
            value = value.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            recorder.record(Stage::Ack, 1, black_box((value >> 40).cast_signed()));
        });
    });
    group.bench_function("arrival, service and end to end", |bench| {
        bench.iter(|| {
            value = value.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let polled_ns = 1 + (value >> 40);
            recorder.consumed((0, value >> 40), 1, black_box(polled_ns), polled_ns + 900);
        });
    });
    let mut seq = 0;
    group.bench_function("note a send", |bench| {
        bench.iter(|| {
            seq += 1;
            recorder.sending(0, black_box(seq), 1, 900);
        });
    });
    let mut stack = Breakdown::default();
    group.bench_function("stack the stages", |bench| {
        bench.iter(|| {
            value = value.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let arrival_ns = (value >> 40).cast_signed();
            let (delay_ns, service_ns, still) = (Some(900), 900, None);
            stack.record(black_box(StageTimes { delay_ns, still, arrival_ns, service_ns }));
        });
    });
    // Events of 3 ms at 100,000/s on 16 cores, whose watchers wake every millisecond.
    let stalls = Arc::new(Stalls::new(16));
    let mut view = StallView::new(stalls.clone());
    let mut now_ns = 0_u64;
    group.bench_function("ask whether the host stood still", |bench| {
        bench.iter(|| {
            now_ns += 10_000;
            if now_ns.is_multiple_of(1_000_000) {
                (0..16).for_each(|core| {
                    stalls.woke(core, now_ns, now_ns + 60_000, now_ns + 1_060_000);
                });
            }
            view.overlap_ns(black_box(now_ns.saturating_sub(3_000_000)), now_ns)
        });
    });
    let mut whole = Latency::default();
    let part = {
        let mut part = Latency::default();
        (1..10_000).for_each(|value| part.record(value * 997));
        part
    };
    group.bench_function("merge a histogram", |bench| {
        bench.iter(|| whole.merge(&part));
    });
    group.finish();
}

fn ledger(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("ledger");
    group.throughput(Throughput::Elements(1));
    let ledger = Ledger::new(1, 1, 1);
    ledger.offered(0, u64::MAX);
    let stamp = |seq| Stamp { run: 1, shard: 0, seq, due_wall_us: 0 };
    let mut seq = 0;
    group.bench_function("an outcome", |bench| {
        bench.iter(|| {
            ledger.outcome(&stamp(seq), Outcome::Acked);
            seq += 1;
        });
    });
    let mut lane = PartitionTracker::default();
    let mut seq = 0;
    group.bench_function("a tick", |bench| {
        bench.iter(|| {
            let offset = seq as i64;
            black_box(lane.tick(&ledger, 0, offset, Some(&stamp(seq))));
            seq += 1;
        });
    });
    group.finish();
}

criterion_group!(benches, record, ledger);
criterion_main!(benches);
