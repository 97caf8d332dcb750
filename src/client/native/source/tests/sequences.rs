//! Faults at random, from a seed, hundreds of times: whatever happens on the wire, no record is
//! left out, none is handed out that is not what was written, and none twice but for what was read
//! since the last commit of a membership that was lost.
//!
//! `KBENCH_FAULT_SEQUENCES` says how many, as for the producer's sequences.

use std::collections::HashMap;

use super::*;
use crate::base::random::Random;
use crate::broker::hooks::WireFault;
use crate::client::native::raw::{RawConnection, run_sequences};

/// The protocol's numbers.
const FETCH: i16 = 1;
const OF_A_GROUP: [i16; 8] = [2, 3, 8, 9, 10, 11, 12, 14];

/// How many sequences, where nobody asks for more.
const SEQUENCES: u64 = 150;

fn broker() -> Broker {
    // A member whose connection breaks while it joins is dead for the group: not for long.
    let config = BrokerConfig {
        session_timeout_min_ms: 100,
        initial_rebalance_delay_ms: 0,
        ..BrokerConfig::default()
    };
    Broker::start(&config).unwrap()
}

/// What a fault on the wire may be: whether the bytes of records may be others, too.
fn on_wire(random: &mut Random, api: i16) -> WireFault {
    match random.below(if api == FETCH { 9 } else { 7 }) {
        0 => WireFault::Unserved,
        1 => WireFault::CutBeforeAnswer,
        2 => WireFault::CutWithinAnswer,
        3 => WireFault::CutAfterAnswer,
        4 => WireFault::OtherId,
        5 => WireFault::Shortened(1 + usize::try_from(random.below(60)).unwrap()),
        6 => WireFault::Length([-1, 0, 3, i32::MAX, 5_000][random.below(5) as usize]),
        // Behind the records are the tags of three lists: it falls into the last record.
        _ => WireFault::FlippedBit(3 + usize::try_from(random.below(12)).unwrap()),
    }
}

/// A reader of one sequence, and what it has to come to.
struct Reader {
    source: Option<NativeSource>,
    bootstrap: String,
    topic: String,
    /// The next offset by partition.
    next: HashMap<i32, i64>,
    /// Records that came again.
    again: usize,
    /// Memberships that ended.
    lost: usize,
}

impl Reader {
    fn open(&mut self) {
        let set = [
            ("auto.offset.reset", "earliest"),
            ("session.timeout.ms", "400"),
            // Whose connection breaks while it joins is waited for so long.
            ("max.poll.interval.ms", "1000"),
            ("heartbeat.interval.ms", "10"),
            ("auto.commit.interval.ms", "10"),
            ("retry.backoff.ms", "1"),
            ("retry.backoff.max.ms", "4"),
            ("reconnect.backoff.ms", "1"),
            ("reconnect.backoff.max.ms", "4"),
            ("request.timeout.ms", "300"),
            ("fetch.wait.max.ms", "5"),
        ];
        let set = set.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let settings = NativeSettings::consumer(&self.bootstrap, &BTreeMap::from(set)).unwrap();
        let read = (self.topic.as_str(), StampPlace::Payload);
        self.source =
            Some(NativeSource::new(settings, read, &self.topic, &TargetNotes::default()).unwrap());
    }

    /// Polls once; false where the source ended with an error, and another took its place.
    fn poll(&mut self, ms: u64) -> bool {
        let Self { source, next, again, .. } = self;
        let polled = source.as_mut().unwrap().poll(50, Duration::from_millis(ms), &mut |it| {
            let expected = next.entry(it.partition).or_insert(0);
            let Arrival { partition, offset, .. } = *it;
            assert!(offset <= *expected, "{partition}/{expected} is left out: {offset}");
            let value = format!("{partition}/{offset} {}", "x".repeat(20));
            assert_eq!(it.payload, Some(value.as_bytes()), "{partition}/{offset}");
            *again += usize::from(offset < *expected);
            *expected = (*expected).max(offset + 1);
        });
        if polled.is_ok() {
            return true;
        }
        self.lost += self.source.take().map_or(0, |source| lost_of(&source)) + 1;
        self.open();
        false
    }
}

/// How often a source lost what it had.
fn lost_of(source: &NativeSource) -> usize {
    source.membership().history(i64::MAX).0.len().saturating_sub(1)
}

/// Plants one fault, or none; true where it makes an answer one that no broker gives, which ends a
/// source in words.
fn plant(broker: &Broker, random: &mut Random) -> bool {
    let faults = broker.faults();
    let is_foreign = |fault| matches!(fault, WireFault::FlippedBit(_) | WireFault::Shortened(_));
    match random.below(10) {
        0 => faults.drop_connections(),
        1 => faults.cut_requests(1),
        2 => faults.move_coordinator(1 + usize::try_from(random.below(3)).unwrap()),
        3..=4 => {
            let api = OF_A_GROUP[random.below(8) as usize];
            let fault = on_wire(random, api);
            faults.spoil(api, fault);
            return is_foreign(fault);
        }
        5..=7 => {
            let fault = on_wire(random, FETCH);
            faults.spoil(FETCH, fault);
            return is_foreign(fault);
        }
        _ => {}
    }
    false
}

/// One sequence; how many records came, came again, and how often a source ended.
fn sequence(broker: &mut Broker, seed: u64) -> BTreeMap<&'static str, u64> {
    let mut random = Random::new(seed, 2, 0);
    let (topic, partitions) = (format!("r{seed}"), 1 + i32::try_from(random.below(3)).unwrap());
    let open = || RawConnection::open(broker.address());
    broker.faults().clear();
    open().create_topic(&topic, partitions);
    let bootstrap = broker.address().to_string();
    let (next, again, lost) = (HashMap::new(), 0, 0);
    let mut reader = Reader { source: None, bootstrap, topic, next, again, lost };
    reader.open();
    let (mut written, mut errors, mut is_foreign) = (vec![0_i64; partitions as usize], 0, false);
    for _ in 0..8 {
        // What nobody has met yet is not to meet the one who writes.
        broker.faults().clear();
        for (partition, end) in (0..).zip(&mut written) {
            let count = i64::try_from(random.below(6)).unwrap();
            open().write(&reader.topic, partition, *end..*end + count, |offset| {
                format!("{partition}/{offset} {}", "x".repeat(20))
            });
            *end += count;
        }
        is_foreign |= plant(broker, &mut random);
        let polls = 1 + random.below(4);
        (0..polls).for_each(|_| errors += u64::from(!reader.poll(random.below(6))));
    }
    let until = Instant::now() + PATIENCE;
    let is_read = |reader: &Reader| {
        let ends = (0..).zip(&written);
        ends.into_iter().all(|(it, end)| reader.next.get(&it).copied().unwrap_or(0) >= *end)
    };
    while !is_read(&reader) {
        let why = reader.source.as_ref().and_then(NativeSource::why);
        assert!(Instant::now() < until, "{:?} of {written:?}: {why:?}", reader.next);
        errors += u64::from(!reader.poll(10));
    }
    assert!(errors == 0 || is_foreign, "it ended, and all can be read");
    let lost = reader.lost + reader.source.as_ref().map_or(0, lost_of);
    assert!(reader.again == 0 || lost > 0, "{} came again to one member", reader.again);
    let came = written.iter().sum::<i64>().unsigned_abs();
    BTreeMap::from([("read", came), ("again", reader.again as u64), ("ended", errors)])
}

#[test]
fn every_record_comes_and_is_what_was_written_after_every_one_of_many_sequences_of_faults() {
    let counts = run_sequences(SEQUENCES, broker, sequence);
    assert!(counts["read"] > 0 && counts["ended"] > 0, "no checksum was wrong: {counts:?}");
    assert!(counts["again"] * 4 < counts["read"], "{counts:?}");
}
