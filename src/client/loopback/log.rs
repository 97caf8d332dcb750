//! The topic of a loopback.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::groups::GroupMembers;
use super::hooks::LoopbackHooks;
use crate::base::clock::Clock;
use crate::event::Stamp;
use crate::event::codec::Codec;

#[derive(Debug)]
pub(super) struct LoopbackTopic {
    pub(super) clock: Arc<dyn Clock>,
    /// What reads the stamps of its records.
    pub(super) codec: &'static dyn Codec,
    pub(super) faults: LoopbackHooks,
    pub(super) log: Mutex<LoopbackLog>,
    pub(super) grown: Condvar,
    /// Whether all is kept, so that it can be looked at in the end.
    pub(super) keep: bool,
}

/// Everything behind one lock: simple, and still far faster than a network.
#[derive(Debug)]
pub(super) struct LoopbackLog {
    pub(super) partitions: Vec<LoopbackPartition>,
    pub(super) groups: BTreeMap<String, GroupMembers>,
}

/// What was written of a record: its header's value, if its format has one, and its own.
#[derive(Debug, Clone)]
pub(super) struct LoopbackBytes {
    pub(super) header: Option<Arc<[u8]>>,
    pub(super) payload: Arc<[u8]>,
}

impl LoopbackBytes {
    /// The stamp as this codec reads it.
    pub(super) fn stamp(&self, codec: &dyn Codec) -> Option<Stamp> {
        codec.stamp(self.header.as_deref(), Some(&self.payload))
    }
}

/// A record, and when a group can get it: on the run's clock.
#[derive(Debug)]
pub(super) struct LoopbackRecord {
    pub(super) bytes: LoopbackBytes,
    pub(super) visible_ns: u64,
}

#[derive(Debug, Default)]
pub(super) struct LoopbackPartition {
    /// The offset of the first record that is still kept.
    pub(super) start: i64,
    pub(super) records: VecDeque<LoopbackRecord>,
    /// A swapped event, until the next one is written.
    pub(super) held: Option<LoopbackBytes>,
}

impl LoopbackPartition {
    pub(super) fn append(&mut self, bytes: LoopbackBytes, visible_ns: u64) -> i64 {
        self.records.push_back(LoopbackRecord { bytes, visible_ns });
        if let Some(bytes) = self.held.take() {
            self.records.push_back(LoopbackRecord { bytes, visible_ns });
        }
        self.end() - 1
    }

    pub(super) fn end(&self) -> i64 {
        self.start + i64::try_from(self.records.len()).unwrap_or(i64::MAX)
    }

    pub(super) fn get(&self, offset: i64) -> Option<&LoopbackRecord> {
        self.records.get(usize::try_from(offset - self.start).ok()?)
    }

    /// Forgets what lies before `offset`.
    pub(super) fn trim(&mut self, offset: i64) {
        while self.start < offset && self.records.pop_front().is_some() {
            self.start += 1;
        }
    }
}

impl LoopbackTopic {
    /// When a group can get what is written now.
    pub(super) fn visible_ns(&self) -> u64 {
        let hold = self.faults.delays.hold;
        if hold.is_none() { 0 } else { hold.end_ns(self.clock.now_ns()) }
    }

    /// Writes one record.
    pub(super) fn append(&self, place: usize, bytes: LoopbackBytes) {
        let visible_ns = self.visible_ns();
        if let Some(partition) = self.lock().partitions.get_mut(place) {
            partition.append(bytes, visible_ns);
        }
        self.grown.notify_all();
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, LoopbackLog> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
