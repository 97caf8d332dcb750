//! Faults at random, from a seed, thousands of times: whatever happens, the receipts agree with the
//! log. A sequence takes some milliseconds: many share a broker of this process, back-offs are
//! short, and the log is read by requests of the test's own.
//!
//! ```text
//! KBENCH_FAULT_SEQUENCES=10000 cargo test --release --lib sequences -- --nocapture
//! KBENCH_FAULT_SEQUENCES=417..418 cargo test …    one that failed, by its seed
//! ```

use std::collections::HashMap;
use std::ops::Range;

use super::*;
use crate::broker::hooks::WireFault;
use crate::client::native::raw::{RawConnection, RawRecord, run_sequences};

/// How many sequences, where nobody asks for more.
const SEQUENCES: u64 = 300;

/// The protocol's numbers of what is asked while a producer connects.
const PRODUCE: i16 = 0;
const OF_CONNECTING: [i16; 3] = [3, 18, 22];

/// What a sequence promises.
#[derive(Debug, Clone, Copy)]
struct Promise {
    /// Each event lies there once, and in order.
    is_idempotent: bool,
    is_confirmed: bool,
}

/// A broker for some sequences.
struct Lab {
    broker: Broker,
    /// Gives the facts of events, which no client looks at.
    users: Generator,
    drafts: u64,
}

impl Lab {
    fn new() -> Self {
        let broker = Broker::start(&BrokerConfig::default()).unwrap();
        Self { broker, users: Generator::new(&population(), 1_000.0, 1, 0, 1), drafts: 0 }
    }

    /// Whoever makes topics and looks at their log. No fault is planted for it.
    fn raw(&self) -> RawConnection {
        self.broker.faults().clear();
        RawConnection::open(self.broker.address())
    }

    /// One sequence; how many events ended how.
    fn sequence(&mut self, seed: u64) -> BTreeMap<Outcome, u64> {
        let mut random = Random::new(seed, 0, 0);
        let topic = format!("s{seed}");
        let partitions = 1 + i32::try_from(random.below(3)).unwrap();
        self.raw().create_topic(&topic, partitions);
        let (set, promise) = settings(&mut random);
        let heard = Arc::new(Heard::default());
        let clock = Arc::new(SystemClock::start());
        let bootstrap = self.broker.address().to_string();
        let sink = NativeSink::new(&bootstrap, &set, &topic, clock, heard.clone()).unwrap();
        let mut load = HandedOver { sink, seq: 0, taken: HashMap::new() };
        for _ in 0..10 {
            self.plant(&mut random);
            let count = 1 + random.below(8);
            load.offer(&mut self.users, self.drafts..self.drafts + count);
            self.drafts += count;
            if random.below(3) == 0 {
                thread::sleep(Duration::from_micros(random.below(1_500)));
            }
        }
        self.broker.faults().release();
        load.settle(&heard);
        let HandedOver { sink, taken, .. } = load;
        drop(sink);
        let mut raw = self.raw();
        let log: Vec<_> = (0..partitions).map(|it| raw.read(&topic, it)).collect();
        let told = heard.told.lock().unwrap().clone();
        agree(&told, &taken, &log, promise)
    }

    /// Plants one fault, or none.
    fn plant(&self, random: &mut Random) {
        let faults = self.broker.faults();
        let few = 1 + usize::try_from(random.below(2)).unwrap();
        match random.below(20) {
            0 => faults.lose_produce_answers(few),
            1 => faults.refuse_produce(few, NOT_LEADER),
            2 => faults.drop_connections(),
            3 => faults.refuse_produce(1, [2, 3, 7, 19, 20][random.below(5) as usize]),
            4 => faults.refuse_produce(1, OUT_OF_ORDER),
            5 => faults.refuse_produce(1, UNKNOWN_PRODUCER_ID),
            6 => faults.refuse_produce(1, MESSAGE_TOO_LARGE),
            7 => {
                faults.freeze();
                // Now and then for longer than an event may take.
                let ms = if random.below(8) == 0 { 120 } else { random.below(8) };
                thread::sleep(Duration::from_millis(ms));
                faults.release();
            }
            8 => faults.cut_requests(few),
            9 => faults.throttle(u16::try_from(random.below(6)).unwrap()),
            10 => {
                // What is asked when it connects again.
                let api = OF_CONNECTING[random.below(3) as usize];
                let fault = match on_wire(random) {
                    // An answer that no broker gives ends a producer in words.
                    WireFault::Shortened(_) => WireFault::CutWithinAnswer,
                    fault => fault,
                };
                faults.spoil(api, fault);
                faults.drop_connections();
            }
            11..=13 => faults.spoil(PRODUCE, on_wire(random)),
            _ => {}
        }
    }
}

/// What can happen on the wire that an answer's reader can notice.
fn on_wire(random: &mut Random) -> WireFault {
    match random.below(8) {
        0 => WireFault::Unserved,
        1 => WireFault::CutBeforeAnswer,
        2 => WireFault::CutWithinAnswer,
        3 => WireFault::CutAfterAnswer,
        4 => WireFault::OtherId,
        5 => WireFault::Shortened(1 + usize::try_from(random.below(40)).unwrap()),
        // None of Kafka's, and one whose end never comes.
        _ => WireFault::Length([-1, 0, 3, i32::MAX, 5_000][random.below(5) as usize]),
    }
}

/// A producer's properties, and what it promises with them.
fn settings(random: &mut Random) -> (BTreeMap<String, String>, Promise) {
    let is_idempotent = random.below(4) > 0;
    let acks = match random.below(8) {
        _ if is_idempotent => "all",
        0..3 => "0",
        3..6 => "1",
        _ => "all",
    };
    let is_hasty = random.below(3) == 0;
    let one_of = |random: &mut Random, all: &[&str]| {
        all[usize::try_from(random.below(all.len() as u64)).unwrap()].to_owned()
    };
    let set = [
        ("enable.idempotence", is_idempotent.to_string()),
        ("acks", acks.to_owned()),
        ("linger.ms", one_of(random, &["0", "1"])),
        ("batch.size", one_of(random, &["400", "1500", "16384"])),
        ("max.in.flight.requests.per.connection", one_of(random, &["1", "2", "5"])),
        ("retries", one_of(random, &["0", "2", "1000000", "1000000"])),
        ("message.timeout.ms", if is_hasty { "100" } else { "60000" }.to_owned()),
        ("request.timeout.ms", "300".to_owned()),
        ("retry.backoff.ms", "1".to_owned()),
        ("retry.backoff.max.ms", "4".to_owned()),
        ("reconnect.backoff.ms", "1".to_owned()),
        ("reconnect.backoff.max.ms", "4".to_owned()),
    ];
    let set = set.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    (set, Promise { is_idempotent, is_confirmed: acks != "0" })
}

/// What is handed over.
struct HandedOver {
    sink: NativeSink,
    seq: u64,
    taken: HashMap<u64, RawRecord>,
}

impl HandedOver {
    /// Hands so many events over.
    fn offer(&mut self, users: &mut Generator, drafts: Range<u64>) {
        let mut batch = Batch::new(JSON);
        for (seq, draft) in (self.seq..).zip(drafts) {
            let stamp = Stamp { run: 3, shard: 0, seq, due_wall_us: 1_700_000_000_000_000 };
            batch.push(stamp, 0, &users.next(draft));
        }
        self.seq += batch.len() as u64;
        let handover = self.sink.send(&batch, 0..batch.len()).unwrap();
        assert_eq!(handover.refusal, None);
        for index in 0..batch.len() {
            let event = (batch.key(index).to_owned(), batch.payload(index).to_owned());
            self.taken.insert(batch.stamp(index).seq, event);
        }
    }

    /// Waits until every event has its receipt.
    fn settle(&self, heard: &Heard) {
        let until = Instant::now() + PATIENCE;
        loop {
            let told = heard.told.lock().unwrap().len();
            if told == self.taken.len() {
                return;
            }
            assert!(Instant::now() < until, "{told} of {} receipts", self.taken.len());
            thread::sleep(Duration::from_micros(300));
        }
    }
}

/// What is acknowledged lies where it was said, what failed lies nowhere, and whatever lies there
/// is what was sent; once and in order, where that is promised.
fn agree(
    told: &BTreeMap<u64, Told>,
    taken: &HashMap<u64, RawRecord>,
    log: &[Vec<RawRecord>],
    promise: Promise,
) -> BTreeMap<Outcome, u64> {
    let mut places: HashMap<u64, Vec<(i32, i64)>> = HashMap::new();
    for (partition, records) in (0_i32..).zip(log) {
        let mut last = None;
        for (offset, (key, value)) in (0_i64..).zip(records) {
            let seq = JSON.stamp(None, Some(value)).expect("a stamp").seq;
            assert_eq!(taken[&seq], (key.clone(), value.clone()), "event {seq}");
            let is_in_order = last < Some(seq) || !promise.is_idempotent;
            assert!(is_in_order, "event {seq} lies behind {last:?}");
            last = Some(seq);
            places.entry(seq).or_default().push((partition, offset));
        }
    }
    let once = places.values().all(|places| places.len() == 1);
    assert!(once || !promise.is_idempotent, "doubled: {places:?}");
    let mut counts = BTreeMap::new();
    for (seq, (outcome, partition, offset, reason)) in told {
        *counts.entry(*outcome).or_insert(0) += 1;
        let places = places.get(seq).map_or(&[][..], Vec::as_slice);
        match outcome {
            Outcome::Acked => {
                assert!(promise.is_confirmed && reason.is_empty(), "event {seq}: {reason}");
                let is_there = places.contains(&(*partition, *offset));
                assert!(is_there, "event {seq}: {partition}/{offset}, and it is at {places:?}");
            }
            Outcome::Failed => assert!(places.is_empty(), "event {seq}: {reason}; {places:?}"),
            Outcome::Unknown => {}
        }
    }
    counts
}

#[test]
fn the_account_agrees_with_the_log_after_every_one_of_many_sequences_of_faults() {
    let counts = run_sequences(SEQUENCES, Lab::new, Lab::sequence);
    let total: u64 = counts.values().sum();
    let of = |outcome| counts.get(&outcome).copied().unwrap_or(0);
    // The faults are what is tried here, and most events come through all the same.
    assert!(of(Outcome::Acked) * 2 > total && of(Outcome::Failed) > 0 && of(Outcome::Unknown) > 0);
}
