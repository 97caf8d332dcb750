//! A broker without a network, in this process: the harness's own ceiling, and a place where
//! faults are planted on purpose to see whether the ledger finds them.

mod answers;
mod delay;
mod group;
mod sink;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::apps::App;
use crate::base::clock::Clock;
use crate::workers::consume::Source;
use crate::workers::produce::{Receiver, Sink};

use delay::Working;
use group::Groups;

pub use delay::{Delays, Ticks};

/// A fault planted at one event when it is written, by its shard and sequence number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteFault {
    /// Acknowledged, but not written.
    Drop,
    /// Written twice, at two offsets.
    Double,
    /// Written after the next event of its partition.
    Swap,
    /// Written cut in half.
    Cut,
    /// Written as a purchase, whatever it was.
    Forge,
    /// Not written, and said so.
    Fail,
    /// Written, but the answer got lost.
    Lose,
    /// Written only so long after the answer got lost.
    Late(Duration),
    /// Written, and never answered in any way.
    Mute,
    /// Refused as if the client's queue were full.
    Full,
    /// Refused as an event that the client would never take.
    Reject,
}

/// What is planted.
#[derive(Debug, Default)]
pub struct Faults {
    /// At writing, by shard and sequence number.
    pub write: HashMap<(u16, u64), WriteFault>,
    /// Never shown to the group of this name.
    pub hide: HashMap<String, Vec<(u16, u64)>>,
    /// Before this event (shard, sequence number) is written, the sink sleeps so many ns.
    pub stall: Option<((u16, u64), u64)>,
    /// Before the group of this name is given this event (shard, sequence number), the member that
    /// would get it sleeps for so long, once.
    pub nap: HashMap<String, ((u16, u64), Duration)>,
    /// The members of the group of this name join only after this time.
    pub join_after: HashMap<String, Duration>,
    /// After so many batches each member of the group of this name dies: its last batch is not
    /// committed, and a new member joins in its place.
    pub die_after: HashMap<String, u64>,
    /// How long everything takes.
    pub delays: Delays,
}

/// A cluster of one topic.
#[derive(Debug, Clone)]
pub struct Cluster {
    topic: Arc<Topic>,
}

#[derive(Debug)]
struct Topic {
    clock: Arc<dyn Clock>,
    faults: Faults,
    log: Mutex<Log>,
    grown: Condvar,
    /// Whether all is kept, so that it can be looked at in the end.
    keep: bool,
}

/// Everything behind one lock: simple, and still far faster than a network.
#[derive(Debug)]
struct Log {
    partitions: Vec<Partition>,
    groups: BTreeMap<String, Groups>,
}

/// A record, and when a group can get it: on the run's clock.
#[derive(Debug)]
struct Record {
    payload: Arc<[u8]>,
    visible_ns: u64,
}

#[derive(Debug, Default)]
struct Partition {
    /// The offset of the first record that is still kept.
    start: i64,
    records: VecDeque<Record>,
    /// A swapped event, until the next one is written.
    held: Option<Arc<[u8]>>,
}

impl Partition {
    fn append(&mut self, payload: Arc<[u8]>, visible_ns: u64) -> i64 {
        self.records.push_back(Record { payload, visible_ns });
        if let Some(payload) = self.held.take() {
            self.records.push_back(Record { payload, visible_ns });
        }
        self.end() - 1
    }

    fn end(&self) -> i64 {
        self.start + i64::try_from(self.records.len()).unwrap_or(i64::MAX)
    }

    fn get(&self, offset: i64) -> Option<&Record> {
        self.records.get(usize::try_from(offset - self.start).ok()?)
    }

    /// Forgets what lies before `offset`.
    fn trim(&mut self, offset: i64) {
        while self.start < offset && self.records.pop_front().is_some() {
            self.start += 1;
        }
    }
}

impl Cluster {
    /// A topic of so many partitions, with planted faults.
    #[must_use]
    pub fn new(partitions: usize, clock: Arc<dyn Clock>, faults: Faults) -> Self {
        let log = Log {
            partitions: (0..partitions).map(|_| Partition::default()).collect(),
            groups: BTreeMap::new(),
        };
        // Without a fault nothing can be in doubt, and a long run may not hold all it has sent.
        let keep = !faults.write.is_empty() || !faults.hide.is_empty();
        let topic = Topic { clock, faults, log: Mutex::new(log), grown: Condvar::new(), keep };
        Self { topic: Arc::new(topic) }
    }

    /// A producer whose receipts go to `receiver`, on the sending thread.
    #[must_use]
    pub fn sink(&self, receiver: Arc<dyn Receiver>) -> Box<dyn Sink> {
        Box::new(sink::LoopbackSink::new(self.topic.clone(), receiver))
    }

    /// A new member of a group. It joins when it polls first, and leaves when it is dropped.
    #[must_use]
    pub fn source(&self, group: &str) -> Box<dyn Source> {
        Box::new(group::LoopbackSource::new(self.topic.clone(), group))
    }

    /// Writes one record straight into a partition.
    pub fn probe(&self, partition: usize, payload: &[u8]) {
        self.topic.append(partition, payload.into());
    }

    /// Reads the whole log, and gives each record to `each`. Returns why something was not read,
    /// if so.
    pub fn scan(&self, each: &mut dyn FnMut(Option<&[u8]>)) -> Option<String> {
        let log = self.topic.lock();
        for record in log.partitions.iter().flat_map(|partition| &partition.records) {
            each(Some(&record.payload));
        }
        let gone: i64 = log.partitions.iter().map(|partition| partition.start).sum();
        (gone > 0).then(|| format!("{gone} records that every group had read were forgotten"))
    }

    /// Where each partition ends.
    #[must_use]
    pub fn ends(&self) -> Vec<i64> {
        self.topic.lock().partitions.iter().map(Partition::end).collect()
    }

    /// The state of a group's application, which works for as long as was planted.
    #[must_use]
    pub fn at_work(&self, group: &str, app: Box<dyn App>) -> Box<dyn App> {
        match self.topic.faults.delays.work.get(group) {
            Some(work) => Box::new(Working::new(app, *work, self.topic.clock.clone())),
            None => app,
        }
    }

    /// Makes sure that a group exists, so that nothing is forgotten before it has read it.
    pub fn expect_group(&self, group: &str) {
        let partitions = self.topic.lock().partitions.len();
        self.topic.lock().groups.entry(group.to_owned()).or_insert_with(|| Groups::new(partitions));
    }
}

impl Topic {
    /// When a group can get what is written now.
    fn visible_ns(&self) -> u64 {
        let hold = self.faults.delays.hold;
        if hold.is_none() { 0 } else { hold.end_ns(self.clock.now_ns()) }
    }

    /// Writes one record.
    fn append(&self, place: usize, payload: Arc<[u8]>) {
        let visible_ns = self.visible_ns();
        if let Some(partition) = self.lock().partitions.get_mut(place) {
            partition.append(payload, visible_ns);
        }
        self.grown.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
