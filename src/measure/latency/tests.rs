use super::*;

#[test]
fn warm_up_is_cut_by_due_time_and_not_by_the_time_of_recording() {
    let mut recorder = Recorder::new(1_000..2_000, 1_000_000);
    recorder.consumed((0, 0), 999, 1_500, 1_600);
    recorder.consumed((0, 0), 1_000, 5_000, 5_100);
    recorder.consumed((0, 0), 1_999, 9_000, 9_100);
    recorder.consumed((0, 0), 2_000, 9_000, 9_100);
    let window = recorder.flush(0);
    assert_eq!(window.events, 4);
    let latency = window.latency(Stage::EndToEnd).unwrap();
    assert_eq!(latency.count(), 2);
    assert_eq!(latency.min(), Some(4_100));
    assert_eq!(latency.max(), Some(7_101));
}

#[test]
fn a_window_is_given_away_once_its_time_is_over() {
    let mut recorder = Recorder::new(0..u64::MAX, 1_000);
    assert!(recorder.roll(5).is_none(), "nothing was recorded before");
    recorder.record(Stage::Ack, 10, 50);
    assert!(recorder.roll(999).is_none());
    let window = recorder.roll(3_500).unwrap();
    assert_eq!((window.index, window.events), (0, 1));
    assert!(recorder.roll(4_200).is_none(), "nothing was recorded in between");
    recorder.record(Stage::Ack, 10, 50);
    assert_eq!(recorder.flush(4_300).index, 4);
}

#[test]
fn a_window_is_over_at_the_first_nanosecond_behind_it() {
    let mut recorder = Recorder::new(0..u64::MAX, 1_000);
    recorder.flush(2_000);
    recorder.record(Stage::Ack, 10, 50);
    assert!(recorder.roll(2_999).is_none());
    assert_eq!(recorder.roll(3_000).map(|window| window.index), Some(2));
}

#[test]
fn samples_of_one_interval_are_together_whatever_came_between_them() {
    let mut recorder = Recorder::new(0..u64::MAX, 1_000);
    for due_ns in [5_999, 5_000, 4_999, 6_000, 5_500] {
        recorder.record(Stage::Ack, due_ns, 1);
    }
    let window = recorder.flush(0);
    let found: Vec<_> = window.dated().map(|(_, due, latency)| (due, latency.count())).collect();
    assert_eq!(found, [(5, 3), (4, 1), (6, 1)]);
}

#[test]
fn what_is_measured_may_be_known_later_than_the_recorder() {
    let mut recorder = Recorder::new(0..0, 1_000);
    recorder.set_measured(10..20);
    assert_eq!(
        [9, 10, 19, 20].map(|due_ns| recorder.is_measured(due_ns)),
        [false, true, true, false]
    );
    for due_ns in [9, 10, 19, 20] {
        recorder.acked(0, 0, due_ns, 5);
    }
    let window = recorder.flush(0);
    assert_eq!((window.events, window.latency(Stage::Ack).unwrap().count()), (4, 2));
    assert_eq!(window.stack().unwrap().slowest().unwrap().arrival_ns as u64, 5);
}

/// Law 11, and what bounds the memory: the backlog of an outage is due in many intervals.
#[test]
fn samples_stand_in_the_interval_in_which_they_were_due() {
    let mut recorder = Recorder::new(0..u64::MAX, 1_000);
    recorder.flush(100_000);
    let mut windows = Vec::new();
    for due_ns in (0..100_000).step_by(250) {
        windows.extend(recorder.roll(100_500));
        recorder.consumed((0, 0), due_ns, 100_500, 100_510);
    }
    windows.push(recorder.flush(0));
    assert!(windows.len() > 5, "given away before their time");
    let mut by_due = [0; 100];
    for window in &windows {
        assert!(window.index == 100 && window.dated.len() <= DATED_MAX);
        for (stage, due, latency) in window.dated() {
            assert_eq!(stage, Stage::EndToEnd);
            by_due[due as usize] += latency.count();
            let longest_ns = 100_510 - due.cast_signed() * 1_000;
            assert!(latency.max() <= Some(longest_ns), "{due}: {latency:?}");
            assert!(latency.min() > Some(longest_ns - 1_000), "{due}: {latency:?}");
        }
    }
    assert_eq!(by_due, [4; 100]);
    assert_eq!(windows.iter().map(|window| window.events).sum::<u64>(), 400);
}

/// Samples are counted together: as many as wait, and in which order, makes no difference.
#[test]
fn each_sample_is_counted_once_however_many_there_are() {
    let dated = Stage::ALL.into_iter().filter(|stage| stage.is_dated()).count();
    assert_eq!(dated, Stage::DATED);
    for events in [1, 63, 64, 65, 128, 129, 1_000_u64] {
        let mut recorder = Recorder::new(0..u64::MAX, 1_000);
        let mut expected = Latency::default();
        for event in 0..events {
            recorder.consumed((0, 0), event % 300, event + 400, event + 401);
            expected.record((event + 401 - event % 300).cast_signed());
        }
        let window = recorder.flush(0);
        let whole = |it: &Latency| (it.encoded(), it.sum_ns, it.min_ns, it.max_ns);
        let found = window.latency(Stage::EndToEnd).unwrap();
        assert_eq!(whole(&found), whole(&expected), "{events}");
        for stage in [Stage::Arrival, Stage::Service] {
            assert_eq!(window.latency(stage).map(|latency| latency.count()), Some(events));
        }
        assert!(recorder.flush(0).latency(Stage::Service).is_none(), "counted again");
    }
}

#[test]
fn the_stages_of_one_event_add_up() {
    let mut recorder = Recorder::new(0..100, 1_000);
    recorder.consumed((0, 0), 10, 30, 37);
    let window = recorder.flush(0);
    let max = |stage| window.latency(stage).and_then(|latency| latency.max());
    assert_eq!(max(Stage::Arrival), Some(20));
    assert_eq!(max(Stage::Service), Some(7));
    assert_eq!(max(Stage::EndToEnd), Some(27));
    assert!(window.latency(Stage::Ack).is_none());
    let slice = window.stack().unwrap().slowest().unwrap();
    assert_eq!((slice.delay_ns, slice.arrival_ns, slice.service_ns), (None, 20.0, 7.0));
}

/// A stall of 40 ms from 10 ms on: what lies before the hand-over is send delay already.
#[test]
fn what_the_host_stood_still_counts_from_the_due_time_and_from_the_send() {
    const MS: u64 = 1_000_000;
    let (sends, stalls) = (Arc::new(Sends::new(1)), Arc::new(Stalls::new(1)));
    stalls.woke(0, 10 * MS, 50 * MS, 60 * MS);
    let mut recorder = Recorder::new(0..u64::MAX, MS).with_sends(sends).with_stalls(stalls.clone());
    recorder.sending(0, 7, 20 * MS, 45 * MS);
    recorder.acked(0, 7, 20 * MS, 31 * MS as i64);
    let slice = |window: &Window| window.stack().unwrap().slowest().unwrap();
    let acked = slice(&recorder.flush(0));
    assert_eq!((acked.arrival_ns, acked.stalled_ns, acked.host_ns), (31e6, Some(30e6), Some(5e6)));
    recorder.consumed((0, 7), 20 * MS, 52 * MS, 53 * MS);
    let seen = slice(&recorder.flush(0));
    assert_eq!((seen.stalled_ns, seen.host_ns), (Some(30e6), Some(5e6)));
    // Forgotten when it was sent: all of it.
    recorder.consumed((0, 8), 20 * MS, 52 * MS, 53 * MS);
    assert_eq!(slice(&recorder.flush(0)).host_ns, Some(30e6));
    recorder.consumed((0, 9), 51 * MS, 52 * MS, 53 * MS);
    assert_eq!(slice(&recorder.flush(0)).host_ns, Some(0.0), "due after it");
}

#[test]
fn what_is_uncorrected_counts_from_the_send_and_knows_no_late_sender() {
    let sends = Arc::new(Sends::new(1));
    let mut recorder = Recorder::new(0..u64::MAX, 1_000).with_sends(sends);
    recorder.sending(0, 7, 1_000, 501_000);
    recorder.acked(0, 7, 1_000, 500_300);
    recorder.consumed((0, 7), 1_000, 501_900, 502_000);
    let window = recorder.flush(0);
    let max = |stage| window.latency(stage).and_then(|latency| latency.max());
    assert_eq!((max(Stage::Ack), max(Stage::AckUncorrected)), (Some(500_300), Some(300)));
    assert_eq!(max(Stage::EndToEnd), Some(501_000));
    assert_eq!(max(Stage::EndToEndUncorrected), Some(1_000));
    let slice = window.stack().unwrap().slowest().unwrap();
    assert_eq!(slice.delay_ns, Some(500_000.0));
    // An event whose send is forgotten is in the corrected figures only.
    recorder.acked(0, 8, 1_000, 5);
    let window = recorder.flush(0);
    assert_eq!(window.latency(Stage::Ack).map(|ack| ack.count()), Some(1));
    assert!(window.latency(Stage::AckUncorrected).is_none());
}
