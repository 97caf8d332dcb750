//! A broker with a topic, a sink on it, and the log held against the receipts.

use super::*;

/// Longest wait for anything.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// Kafka's codes of the errors that are planted.
pub(super) const NOT_LEADER: i16 = 6;
pub(super) const MESSAGE_TOO_LARGE: i16 = 10;
pub(super) const NOT_ENOUGH_REPLICAS: i16 = 19;
pub(super) const OUT_OF_ORDER: i16 = 45;
pub(super) const UNKNOWN_PRODUCER_ID: i16 = 59;

/// An event's receipt: how it ended, where it lies, and why not.
pub(super) type Told = (Outcome, i32, i64, String);

/// What a sink said of each event, by number; and of how many batches.
#[derive(Debug, Default)]
pub(super) struct Heard {
    pub(super) told: Mutex<BTreeMap<u64, Told>>,
    pub(super) batches: Mutex<usize>,
}

impl Receiver for Heard {
    fn receive(&self, receipt: &Receipt<'_>) {
        let Receipt { stamp, outcome, partition, offset, reason, .. } = *receipt;
        let before = self
            .told
            .lock()
            .unwrap()
            .insert(stamp.seq, (outcome, partition, offset, reason.into()));
        assert_eq!(before, None, "a second receipt for {}", stamp.seq);
    }

    fn receive_batch(&self, batch: &BatchReceipt<'_>) {
        *self.batches.lock().unwrap() += 1;
        batch.each().for_each(|receipt| self.receive(&receipt));
    }
}

/// A broker with one topic, a sink on it, and what it is told.
pub(super) struct Bench {
    pub(super) broker: Broker,
    pub(super) bootstrap: String,
    pub(super) heard: Arc<Heard>,
    pub(super) sink: Option<NativeSink>,
    pub(super) users: Box<Generator>,
    pub(super) seq: u64,
    /// The key and the value of each event that the sink took.
    pub(super) taken: BTreeMap<u64, (Vec<u8>, Vec<u8>)>,
}

pub(super) fn properties(set: &[(&str, &str)]) -> BTreeMap<String, String> {
    let quick = [
        ("linger.ms", "1"),
        ("reconnect.backoff.ms", "2"),
        ("reconnect.backoff.max.ms", "20"),
        ("retry.backoff.ms", "2"),
        ("retry.backoff.max.ms", "20"),
        ("message.timeout.ms", "60000"),
    ];
    let all = quick.iter().chain(set);
    all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// A broker that makes topics of so many partitions.
pub(super) fn broker(partitions: i32) -> (Broker, String) {
    let config = BrokerConfig { partitions_default: partitions, ..BrokerConfig::default() };
    let broker = Broker::start(&config).unwrap();
    let bootstrap = broker.address().to_string();
    let reader: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", &bootstrap)
        .set("allow.auto.create.topics", "true")
        .create()
        .unwrap();
    let until = Instant::now() + PATIENCE;
    while reader.fetch_metadata(Some("t"), PATIENCE).unwrap().topics()[0].partitions().is_empty() {
        assert!(Instant::now() < until, "no topic");
    }
    (broker, bootstrap)
}

impl Bench {
    pub(super) fn new(partitions: i32, set: &[(&str, &str)]) -> Self {
        let (broker, bootstrap) = broker(partitions);
        Self::at(broker, &bootstrap, set)
    }

    pub(super) fn at(broker: Broker, bootstrap: &str, set: &[(&str, &str)]) -> Self {
        let heard = Arc::new(Heard::default());
        let clock = Arc::new(SystemClock::start());
        let sink = NativeSink::new(bootstrap, &properties(set), "t", clock, heard.clone()).unwrap();
        let users = Box::new(Generator::new(&population(), 1_000.0, 1, 0, 1));
        let (bootstrap, taken) = (bootstrap.to_owned(), BTreeMap::new());
        Self { broker, bootstrap, heard, sink: Some(sink), users, seq: 0, taken }
    }

    pub(super) fn ready(mut self) -> Self {
        let sink = self.sink.as_mut().unwrap();
        sink.get_ready(Instant::now() + PATIENCE);
        assert_eq!(sink.shared.state(), SinkState::Ready);
        self
    }

    pub(super) fn batch(&mut self, count: u64) -> Batch {
        let mut batch = Batch::new(JSON);
        for seq in self.seq..self.seq + count {
            let stamp = Stamp { run: 3, shard: 0, seq, due_wall_us: 1_700_000_000_000_000 };
            batch.push(stamp, 0, &self.users.next(seq));
        }
        self.seq += count;
        batch
    }

    /// Hands so many events over; gives what the sink said.
    pub(super) fn offer(&mut self, count: u64) -> Handover {
        let batch = self.batch(count);
        let handover = self.sink.as_mut().unwrap().send(&batch, 0..batch.len()).unwrap();
        for index in 0..handover.taken {
            let event = (batch.key(index).to_owned(), batch.payload(index).to_owned());
            self.taken.insert(batch.stamp(index).seq, event);
        }
        handover
    }

    /// Hands so many events over, all of which are taken.
    pub(super) fn send(&mut self, count: u64) {
        assert_eq!(self.offer(count).refusal, None);
    }

    pub(super) fn told(&self) -> BTreeMap<u64, Told> {
        self.heard.told.lock().unwrap().clone()
    }

    /// Waits until every event that was taken has its receipt.
    pub(super) fn settle(&self) -> BTreeMap<u64, Told> {
        let until = Instant::now() + PATIENCE;
        while self.told().len() < self.taken.len() {
            assert!(Instant::now() < until, "{} of {}", self.told().len(), self.taken.len());
            thread::sleep(Duration::from_millis(2));
        }
        let told = self.told();
        assert!(told.keys().eq(self.taken.keys()));
        told
    }

    /// The log by partition, as librdkafka reads it: key and value in the order of offsets.
    pub(super) fn log(&self) -> Vec<Vec<(Vec<u8>, Vec<u8>)>> {
        let reader: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", &self.bootstrap)
            .set("group.id", "it")
            .set("check.crcs", "true")
            .set("enable.auto.commit", "false")
            .create()
            .unwrap();
        let topic = reader.fetch_metadata(Some("t"), PATIENCE).unwrap();
        let count = topic.topics()[0].partitions().len();
        let mut log = vec![Vec::new(); count];
        let mut list = TopicPartitionList::new();
        let mut left = 0;
        for partition in 0..i32::try_from(count).unwrap() {
            left += reader.fetch_watermarks("t", partition, PATIENCE).unwrap().1;
            list.add_partition_offset("t", partition, Offset::Beginning).unwrap();
        }
        reader.assign(&list).unwrap();
        while left > 0 {
            let message = reader.poll(PATIENCE).unwrap().unwrap();
            let partition = &mut log[usize::try_from(message.partition()).unwrap()];
            assert_eq!(message.offset(), i64::try_from(partition.len()).unwrap());
            let owned = |bytes: Option<&[u8]>| bytes.unwrap().to_owned();
            partition.push((owned(message.key()), owned(message.payload())));
            left -= 1;
        }
        log
    }

    /// The account: what is acknowledged lies where it was said, what failed lies nowhere, and
    /// nothing lies there twice, nor behind what was sent after it. Gives how many ended how.
    pub(super) fn check(&self) -> BTreeMap<Outcome, usize> {
        let told = self.settle();
        let log = self.log();
        let mut places = BTreeMap::new();
        for (partition, records) in (0_i32..).zip(&log) {
            let mut last = None;
            for (offset, (key, value)) in (0_i64..).zip(records) {
                let seq = JSON.stamp(None, Some(value)).unwrap().seq;
                assert_eq!(self.taken[&seq], (key.clone(), value.clone()), "event {seq}");
                assert!(last < Some(seq), "event {seq} lies behind {last:?}");
                last = Some(seq);
                let before = places.insert(seq, (partition, offset));
                assert_eq!(before, None, "event {seq} lies there twice");
            }
        }
        let mut counts = BTreeMap::new();
        for (seq, (outcome, partition, offset, reason)) in &told {
            *counts.entry(*outcome).or_insert(0) += 1;
            match (outcome, places.get(seq)) {
                (Outcome::Acked, place) => {
                    assert_eq!((place, reason.as_str()), (Some(&(*partition, *offset)), ""));
                }
                (Outcome::Failed, place) => assert_eq!(place, None, "event {seq}: {reason}"),
                (Outcome::Unknown, _) => {}
            }
        }
        counts
    }
}

pub(super) fn all(outcome: Outcome, count: usize) -> BTreeMap<Outcome, usize> {
    BTreeMap::from([(outcome, count)])
}

/// The codecs that this build has.
pub(super) fn codecs() -> Vec<&'static str> {
    let all = ["none", "gzip", "snappy", "lz4", "zstd"];
    all.into_iter().filter(|codec| cfg!(feature = "zstd") || *codec != "zstd").collect()
}
