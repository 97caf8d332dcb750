//! Groups on the loopback: members share the partitions, and a change moves them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::delay::{ns, wait_until};
use super::groups::GroupMembers;
use super::log::{LoopbackBytes, LoopbackLog, LoopbackTopic};
use crate::base::error::Result;
use crate::event::Arrival;
use crate::workers::consume::{Membership, Source};

pub(super) struct LoopbackSource {
    topic: Arc<LoopbackTopic>,
    group: String,
    member: Option<u64>,
    joins_at: Instant,
    seat: Option<(usize, usize)>,
    membership: Membership,
    batch: Vec<(usize, i64, LoopbackBytes)>,
    batches: u64,
}

impl LoopbackSource {
    pub(super) fn new(topic: Arc<LoopbackTopic>, group: &str) -> Self {
        let delay = topic.faults.join_after.get(group).copied().unwrap_or_default();
        Self {
            topic,
            group: group.to_owned(),
            member: None,
            joins_at: Instant::now() + delay,
            seat: None,
            membership: Membership::default(),
            batch: Vec::new(),
            batches: 0,
        }
    }

    /// Takes up to `max` records of the member's partitions; gives the time at which the next of
    /// those can be had that are written and can't yet.
    fn take(&mut self, log: &mut LoopbackLog, max: usize) -> Option<u64> {
        let now_ns = self.topic.clock.now_ns();
        let mut next_ns = None;
        let partitions = log.partitions.len();
        let group =
            log.groups.entry(self.group.clone()).or_insert_with(|| GroupMembers::new(partitions));
        let member = *self.member.get_or_insert_with(|| group.join());
        let seat = group.seat(member);
        if self.seat != Some(seat) {
            if self.seat.is_some() {
                self.membership.lost(usize::MAX);
            }
            self.membership.gained(group.share(seat).count());
            self.seat = Some(seat);
        }
        for place in group.share(seat) {
            let mut offset = group.committed[place];
            while self.batch.len() < max
                && let Some(record) = log.partitions[place].get(offset)
            {
                if record.visible_ns > now_ns {
                    next_ns = Some(next_ns.unwrap_or(u64::MAX).min(record.visible_ns));
                    break;
                }
                self.batch.push((place, offset, record.bytes.clone()));
                offset += 1;
            }
        }
        next_ns
    }

    fn hidden(&self, bytes: &LoopbackBytes) -> bool {
        let Some(hidden) = self.topic.faults.hide.get(&self.group) else {
            return false;
        };
        bytes
            .stamp(self.topic.codec)
            .is_some_and(|stamp| hidden.contains(&(stamp.shard, stamp.seq)))
    }

    /// Sleeps where the batch holds the event that was planted for it.
    fn nap(&self) {
        if let Some((event, length)) = self.topic.faults.nap.get(&self.group)
            && self.batch.iter().any(|(_, _, bytes)| {
                let stamp = bytes.stamp(self.topic.codec);
                stamp.is_some_and(|stamp| (stamp.shard, stamp.seq) == *event)
            })
        {
            std::thread::sleep(*length);
        }
    }

    /// Commits the batch, and forgets what every group has read.
    fn commit(&mut self) {
        let mut log = self.topic.lock();
        let LoopbackLog { partitions, groups } = &mut *log;
        if let Some(group) = groups.get_mut(&self.group) {
            for (place, offset, _) in self.batch.drain(..) {
                group.committed[place] = group.committed[place].max(offset + 1);
            }
        }
        if self.topic.keep {
            return;
        }
        for (place, partition) in partitions.iter_mut().enumerate() {
            let read = groups.values().map(|group| group.committed[place]).min();
            partition.trim(read.unwrap_or(0));
        }
    }
}

impl LoopbackSource {
    /// Leaves without committing; the next poll joins as a new member.
    fn die(&mut self) {
        self.leave();
        self.batch.clear();
        self.batches = 0;
    }

    fn leave(&mut self) {
        if self.seat.take().is_some() {
            self.membership.lost(usize::MAX);
        }
        if let (Some(member), Some(group)) =
            (self.member.take(), self.topic.lock().groups.get_mut(&self.group))
        {
            group.members.retain(|&other| other != member);
        }
    }
}

impl Source for LoopbackSource {
    fn poll(
        &mut self,
        max: usize,
        wait: Duration,
        each: &mut dyn FnMut(&Arrival<'_>),
    ) -> Result<usize> {
        let now = Instant::now();
        if self.joins_at > now {
            std::thread::sleep(wait.min(self.joins_at - now));
            return Ok(0);
        }
        let topic = self.topic.clone();
        let mut log = topic.lock();
        let next_ns = self.take(&mut log, max);
        let until_ns = topic.clock.now_ns() + ns(wait);
        if let Some(next_ns) = next_ns.filter(|&next_ns| next_ns < until_ns)
            && self.batch.is_empty()
        {
            drop(log);
            wait_until(&*topic.clock, next_ns);
            log = topic.lock();
            self.take(&mut log, max);
        } else if self.batch.is_empty() {
            let waited = topic.grown.wait_timeout(log, wait);
            log = waited.unwrap_or_else(std::sync::PoisonError::into_inner).0;
            self.take(&mut log, max);
        }
        drop(log);
        self.nap();
        for (place, offset, bytes) in &self.batch {
            if !self.hidden(bytes) {
                let partition = i32::try_from(*place).unwrap_or(i32::MAX);
                let (header, payload) = (bytes.header.as_deref(), Some(&*bytes.payload));
                let offset = *offset;
                each(&Arrival { partition, offset, key: None, header, payload, at_us: None });
            }
        }
        let count = self.batch.len();
        self.batches += u64::from(count > 0);
        if self.topic.faults.die_after.get(&self.group).is_some_and(|&most| self.batches >= most) {
            self.die();
        } else {
            self.commit();
        }
        Ok(count)
    }

    fn membership(&self) -> &Membership {
        &self.membership
    }
}

impl Drop for LoopbackSource {
    fn drop(&mut self) {
        self.leave();
    }
}
