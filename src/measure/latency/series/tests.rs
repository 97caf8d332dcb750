use super::*;
use crate::measure::latency::Recorder;

/// A window at `index` with `count` samples of `value_ns` that were due in interval `due`.
fn window(index: u64, due: u64, count: u64, value_ns: i64) -> Box<Window> {
    let mut recorder = Recorder::new(0..1_000_000, 1_000);
    recorder.flush(index * 1_000);
    for _ in 0..count {
        recorder.record(Stage::Ack, due * 1_000 + 7, value_ns);
    }
    recorder.flush(0)
}

#[test]
fn windows_of_several_threads_make_one_row() {
    let mut series = Series::new(Stage::Ack, 1);
    series.add(&window(3, 3, 500, 1_000));
    series.add(&window(3, 3, 500, 9_000));
    series.add(&window(4, 4, 1, 5));
    assert_eq!(series.total(Stage::Ack).unwrap().count(), 1_001);
    let rows = series.rows();
    assert_eq!(rows.len(), 2);
    assert_eq!((rows[&3].events, rows[&3].max_ns), (1_000, Some(9_000)));
    assert!(rows[&3].p99_ns.unwrap() > 8_900);
    assert_eq!(rows[&4].p99_ns, None);
}

/// Law 11. What came through late is slow in the interval in which it was due, and counts in
/// the one in which it came through.
#[test]
fn a_latency_stands_where_its_event_was_due_and_its_event_where_it_came_through() {
    let mut series = Series::new(Stage::Ack, 1);
    for index in 0..40 {
        series.add(&window(index, index, 1_000, 10));
    }
    // Long after their interval was packed: they count in its ranks all the same.
    series.add(&window(40, 2, 1_000, 38_000));
    let rows = series.rows();
    let is_slow = |(_, row): &(&u64, &IntervalRow)| row.max_ns > Some(1_000);
    assert_eq!(rows.iter().filter(is_slow).map(|(at, _)| *at).collect::<Vec<_>>(), [2]);
    assert_eq!((rows[&2].events, rows[&2].count), (1_000, 2_000));
    assert!(rows[&2].p99_ns > Some(37_900) && rows[&2].p50_ns == Some(10), "{:?}", rows[&2]);
    assert_eq!((rows[&40].events, rows[&40].count), (1_000, 0));
}

#[test]
fn what_was_never_delivered_is_in_the_ranks_of_its_interval() {
    // At the end of a run: some intervals are open and most are packed.
    let mut series = Series::new(Stage::Ack, 1);
    for index in 0..20 {
        series.add(&window(index, index, 990, 10));
    }
    for due in [3, 19, 25] {
        series.never(Stage::Ack, due, 11, 500);
    }
    assert_eq!(series.total(Stage::Ack).unwrap().never_delivered(), 33);
    let rows = series.rows();
    for due in [3, 19] {
        let row = rows[&due];
        assert_eq!((row.count, row.never_delivered), (1_001, 11));
        assert_eq!((row.p50_ns, row.p99_ns, row.max_ns), (Some(10), None, None));
        assert_eq!(row.endless_ns, Some(500));
    }
    assert_eq!((rows[&25].count, rows[&25].never_delivered, rows[&25].events), (11, 11, 0));
    assert_eq!((rows[&4].p99_ns, rows[&4].never_delivered), (Some(10), 0));
}

/// What a percentile rests on is seen by due time, in the log's stretches, and what was never
/// delivered takes part.
#[test]
fn the_samples_above_a_percentile_are_counted_where_they_were_due() {
    for log_width in [1, 2] {
        let mut series = Series::new(Stage::Ack, log_width);
        for index in 0..40 {
            series.add(&window(index, index, 985, 10 + index.cast_signed()));
        }
        // One stall, whose events come through one by one, each at another time.
        for late in 0..300 {
            series.add(&window(20 + late % 20, 12, 1, 500_000));
        }
        let [p99, p99_9, p99_99] = series.footings([0.99, 0.999, 0.9999]);
        let p99 = p99.unwrap();
        assert_eq!(p99.above, 300);
        assert!(p99.episodes < 1.1 && !p99.is_enough, "{p99:?}");
        assert_eq!((p99_9, p99_99), (None, None), "none above, and too few samples");
        // Events that were never delivered, here and there.
        (0..40).for_each(|due| series.never(Stage::Ack, due, 20, 500));
        let p99 = series.footings([0.99])[0].unwrap();
        assert_eq!(p99.above, 800);
        assert!(p99.is_enough && p99.episodes > 8.0, "{p99:?}");
    }
    assert_eq!(Series::new(Stage::Ack, 1).footings([0.5]), [None]);
}

/// In a run of more intervals than histograms are kept for, the ranks of the old are lost;
/// what comes late may not make them look better than they were.
#[test]
fn an_interval_that_was_boiled_down_is_never_made_faster() {
    let mut series = Series::new(Stage::Ack, 2);
    series.add(&window(0, 0, 985, 10));
    series.add(&window(0, 0, 5, 70));
    for index in 1..700 {
        series.add(&window(index, index, 1, 10));
    }
    let before = series.total(Stage::Ack).unwrap().count();
    series.never(Stage::Ack, 0, 5, 500);
    let row = series.rows()[&0];
    assert_eq!((row.count, row.p50_ns, row.p99_ns), (995, Some(70), Some(70)), "no more");
    assert_eq!((row.max_ns, row.endless_ns), (None, Some(500)));
    assert_eq!(series.total(Stage::Ack).unwrap().count(), before + 5);
    series.never(Stage::Ack, 0, 6, 500);
    assert_eq!(series.rows()[&0].p99_ns, None);
    // Late ones that were delivered count, and are seen in the maximum.
    series.add(&window(700, 1, 5, 70_000));
    let row = series.rows()[&1];
    assert_eq!((row.count, row.max_ns), (6, Some(70_000)));
    assert_eq!(series.rows().values().map(|row| row.count).sum::<u64>(), before + 16);
}

#[test]
fn the_log_has_every_sample_once_in_stretches_of_its_width() {
    use hdrhistogram::serialization::Deserializer;
    let mut counts = [1, 3].map(|width| {
        let mut series = Series::new(Stage::Ack, width);
        for index in 0..10_u64 {
            let value_ns = 1_000 * (1 + index.cast_signed());
            series.add(&window(index, index, 10 + index, value_ns));
        }
        series.add(&window(9, 1, 5, 70_000));
        // It has no place in a histogram.
        series.never(Stage::Ack, 1, 5, 70_000);
        series.never(Stage::Ack, 30, 5, 70_000);
        let mut counts = Vec::new();
        for (from, width, mut encoded) in series.log().entries() {
            let histogram: hdrhistogram::Histogram<u64> =
                Deserializer::new().deserialize(&mut encoded).unwrap();
            counts.push((from, width, histogram.len()));
        }
        counts
    });
    assert_eq!(counts[1], [(0, 3, 38), (3, 3, 42), (6, 3, 51), (9, 3, 19)]);
    let single = counts[0].split_off(1);
    assert_eq!((counts[0][0], single[0], single.len()), ((0, 1, 10), (1, 1, 16), 9));
}

#[test]
fn a_sample_is_in_the_rows_where_its_stage_is_the_one_shown() {
    let mut series = Series::new(Stage::Ack, 1);
    assert_eq!(series.newest(), None);
    series.record(Stage::Ack, 3, 50);
    series.record(Stage::Arrival, 4, 70);
    series.never(Stage::Arrival, 5, 2, 90);
    series.never(Stage::Service, 6, 0, 90);
    // Nothing came through in it.
    series.add(&window(9, 9, 0, 0));
    assert_eq!(series.newest().map(|row| (row.count, row.max_ns)), Some((1, Some(50))));
    assert_eq!(series.rows().keys().copied().collect::<Vec<_>>(), [3]);
    let count = |stage| series.total(stage).map(Latency::count);
    assert_eq!([Stage::Ack, Stage::Arrival, Stage::Service].map(count), [Some(1), Some(3), None]);
}

#[test]
fn the_stages_of_all_windows_are_put_together() {
    let mut series = Series::new(Stage::EndToEnd, 1);
    for processed_ns in [37, 97, 47] {
        let mut recorder = Recorder::new(0..1_000, 1_000);
        recorder.consumed((0, 0), 10, 30, processed_ns);
        series.add(&recorder.flush(0));
    }
    let slowest = series.stack().slowest().unwrap();
    assert_eq!((slowest.arrival_ns, slowest.service_ns), (20.0, 67.0));
}

/// A row of 99 that were all delivered, and what comes for it when its ranks are lost.
#[test]
fn late_samples_push_a_percentile_up_to_the_greatest_or_beyond_all() {
    let own = IntervalRow {
        events: 7,
        count: 99,
        p50_ns: Some(10),
        p99_ns: Some(20),
        max_ns: Some(50),
        ..IntervalRow::default()
    };
    let late =
        IntervalRow { count: 5, p50_ns: Some(60), max_ns: Some(70), ..IntervalRow::default() };
    assert_eq!(own.with_late(late), IntervalRow { count: 104, max_ns: Some(70), ..own });
    let never = |events| {
        let (count, never_delivered, endless_ns) = (events, events, Some(500));
        own.with_late(IntervalRow { count, never_delivered, endless_ns, ..IntervalRow::default() })
    };
    // The 99th of 100 is the last that was delivered; of 101 there is none at the 100th place.
    let (max_ns, endless_ns, greatest) = (None, Some(500), Some(50));
    let (p50_ns, p99_ns) = (greatest, greatest);
    let one =
        IntervalRow { count: 100, never_delivered: 1, max_ns, endless_ns, p50_ns, p99_ns, ..own };
    assert_eq!(never(1), one);
    let two = IntervalRow { count: 101, never_delivered: 2, p99_ns: None, ..one };
    assert_eq!(never(2), two);
    assert_eq!((never(99).p50_ns, never(100).p50_ns), (greatest, None));
    // What comes later and was delivered leaves the percentiles that there are.
    assert_eq!(two.with_late(late), IntervalRow { count: 106, ..two });
}
