//! A broker without a network, in this process: the harness's own ceiling, and a place where
//! faults are planted on purpose to see whether the ledger finds them.

mod answers;
mod delay;
mod group;
pub mod groups;
pub mod hooks;
pub mod log;
mod sink;
mod target;
mod topic_log;

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex};

use crate::apps::App;
use crate::base::clock::Clock;
use crate::event::codec::Codec;
use crate::workers::consume::Source;
use crate::workers::produce::{Receiver, Sink};

use delay::Working;
pub use delay::{Delays, Ticks};
use groups::GroupMembers;
use hooks::LoopbackHooks;
use log::{LoopbackBytes, LoopbackLog, LoopbackPartition, LoopbackTopic};

/// A cluster of one topic.
#[derive(Debug, Clone)]
pub struct Cluster {
    topic: Arc<LoopbackTopic>,
}

impl Cluster {
    /// A topic of so many partitions for this codec's events, with planted faults.
    #[must_use]
    pub fn new(
        partitions: usize,
        codec: &'static dyn Codec,
        clock: Arc<dyn Clock>,
        faults: LoopbackHooks,
    ) -> Self {
        let log = LoopbackLog {
            partitions: (0..partitions).map(|_| LoopbackPartition::default()).collect(),
            groups: BTreeMap::new(),
        };
        // Without a fault nothing can be in doubt, and a long run may not hold all it has sent.
        let keep = !faults.write.is_empty() || !faults.hide.is_empty();
        let (log, grown) = (Mutex::new(log), Condvar::new());
        let topic = LoopbackTopic { clock, codec, faults, log, grown, keep };
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
    pub fn probe(&self, partition: usize, header: Option<&[u8]>, payload: &[u8]) {
        let bytes = LoopbackBytes { header: header.map(Arc::from), payload: payload.into() };
        self.topic.append(partition, bytes);
    }

    /// Where each partition ends.
    #[must_use]
    pub fn ends(&self) -> Vec<i64> {
        self.topic.lock().partitions.iter().map(LoopbackPartition::end).collect()
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
        self.topic
            .lock()
            .groups
            .entry(group.to_owned())
            .or_insert_with(|| GroupMembers::new(partitions));
    }
}
