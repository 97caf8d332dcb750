//! What goes wrong on the way, an application that is slow, and what is bounded.

use super::*;

/// A bit that flips on its way: the records are fetched again, and none is skipped.
#[test]
fn a_broken_record_set_is_fetched_again_and_in_the_end_an_error() {
    let place = Place::new();
    let Some(broker) = &place.broker else { return };
    place.writer("lz4").write(0, 60);
    broker.faults().corrupt_fetches(3);
    let mut source = place.member("g", &[]);
    assert_eq!(sorted(read(&mut source, 60)), written(0, 60));
    assert_eq!(broker.faults().corrupt_fetches_left(), 0);
    broker.faults().corrupt_fetches(usize::MAX);
    place.writer("lz4").write(60, 60);
    let began = Instant::now();
    let error = loop {
        assert!(began.elapsed() < PATIENCE, "{:?}", source.why());
        // Those of the partitions that are whole in an answer are read.
        if let Err(error) = source.poll(10, Duration::from_millis(50), &mut |it| {
            assert!(it.offset >= 10);
        }) {
            break error.to_string();
        }
    };
    let topic = &place.topic;
    assert!(error.contains(&format!("reading {topic}, partition ")), "{error}");
    assert!(error.contains("at offset 10: ") && error.contains("fetched 5 times"), "{error}");
}

/// What has arrived and is not read is never more than `queued.max.messages.kbytes`, but for what
/// is around the records in an answer.
#[test]
fn what_lies_unread_is_bounded_in_bytes() {
    const LIMIT: usize = 16 << 10;
    const AROUND: usize = 1 << 10;
    let place = Place::new();
    let writer = place.writer("none");
    for from in (0..3_000).step_by(60) {
        writer.write(from, 60);
    }
    let unread = |limit: &str| {
        let properties = [("queued.max.messages.kbytes", limit)];
        let mut source = place.member(limit, &properties);
        let (mut count, mut most, began) = (0, 0, Instant::now());
        // All that may come is there before the first is read: however slow the broker is today.
        let mut grew = Instant::now();
        while most == 0 || grew.elapsed() < Duration::from_secs(1) {
            assert!(began.elapsed() < PATIENCE, "{:?}", source.why());
            assert_eq!(source.poll(0, Duration::from_millis(20), &mut |_| {}).unwrap(), 0);
            if source.fetcher.unread_bytes() > most {
                most = source.fetcher.unread_bytes();
                grew = Instant::now();
            }
        }
        while count < 3_000 {
            assert!(began.elapsed() < PATIENCE, "{:?}", source.why());
            count += source.poll(7, Duration::from_millis(50), &mut |_| {}).unwrap();
            most = most.max(source.fetcher.unread_bytes());
        }
        most
    };
    let most = unread("16");
    assert!((LIMIT / 2..=LIMIT + AROUND).contains(&most), "{most}");
    // Without the limit they all come at once.
    let most = unread("65536");
    assert!(most > 10 * LIMIT, "{most}");
    // Less than a batch, which has some 2,300 bytes here: one answer with one batch.
    let most = unread("1");
    assert!(most < 3_500, "{most}");
}

/// A nap within a hand-over that is longer than the session's time-out: the member is still one,
/// and what it read is committed as its own.
#[test]
fn a_slow_application_stays_a_member_until_it_takes_too_long() {
    let place = Place::impatient();
    place.writer("none").write(0, 60);
    let slow = [
        ("session.timeout.ms", "1000"),
        ("heartbeat.interval.ms", "200"),
        ("enable.auto.commit", "false"),
    ];
    for (poll_max, stays) in [("60000", true), ("1500", false)] {
        let mut properties = slow.to_vec();
        properties.push(("max.poll.interval.ms", poll_max));
        let mut source = place.member(poll_max, &properties);
        let (mut count, began) = (0, Instant::now());
        while count == 0 {
            assert!(began.elapsed() < PATIENCE, "{:?}", source.why());
            let mut is_rested = false;
            let nap = &mut |_: &Arrival<'_>| {
                if !std::mem::replace(&mut is_rested, true) {
                    thread::sleep(Duration::from_secs(3));
                }
            };
            count = source.poll(100, Duration::from_millis(50), nap).unwrap();
        }
        if stays {
            assert_eq!(read(&mut source, 60 - count).len(), 60 - count);
            source.commit().unwrap();
        } else {
            // It has left, and joins again: what it had not committed comes again.
            assert_eq!(sorted(read(&mut source, 60)), written(0, 60));
        }
        let changes = source.membership().history(i64::MAX).0.len();
        assert_eq!(changes, if stays { 1 } else { 3 }, "{poll_max}");
        assert_eq!(source.assigned(), Some(6));
    }
}

#[test]
fn a_broker_without_groups_of_that_protocol_is_named() {
    let place = Place::new();
    if place.broker.is_none() {
        return;
    }
    place.writer("none").write(0, 6);
    let mut source = place.member("g", &[("group.protocol", "consumer")]);
    let began = Instant::now();
    let error = loop {
        assert!(began.elapsed() < PATIENCE, "{:?}", source.why());
        if let Err(error) = source.poll(10, Duration::from_millis(50), &mut |_| {}) {
            break error.to_string();
        }
    };
    let wanted = "does not speak ConsumerGroupHeartbeat; expected version 0 or later";
    assert!(error.contains("group.protocol=consumer: ") && error.contains(wanted), "{error}");
}
