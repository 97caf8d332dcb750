//! One partition at the sending thread: which batch goes next, with which sequence, and what has to
//! wait until the fate of others is known.
//!
//! Order and idempotence rest on three rules. After anything went wrong nothing of the partition is
//! sent before everything under way is answered; then it goes again, in order. Nothing new goes
//! behind that before its fate is known: a broker that has it already knows it again as long as it
//! is among the last few batches, and a second fault must not find it gone. And a batch whose
//! sequence is lost for good (given up, or refused) leaves a gap that no broker lets pass, so the
//! partition begins a new epoch at sequence 0: what may be in the log already can't go into that,
//! since no broker would know it again, and is given up as unknown.

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;

use super::super::backoff::Backoff;
use super::super::network::LinkId;
use crate::base::record_batch::{ProducerSequence, restamp};
use crate::event::Stamp;

/// How many batches of one partition and producer a broker remembers, and so the most that may be
/// under way with idempotence (KIP-98).
pub(super) const IN_FLIGHT_OF_PARTITION: usize = 5;

/// A batch as it is sent.
#[derive(Debug)]
pub(super) struct SealedBatch {
    /// Counts the partition's batches.
    pub(super) ordinal: u64,
    pub(super) bytes: Bytes,
    pub(super) stamps: Vec<Stamp>,
    pub(super) base_sequence: i32,
    /// When it is given up.
    pub(super) expires: Instant,
    /// How often it was sent.
    pub(super) tries: u32,
    /// Some try may have been written.
    pub(super) is_perhaps_written: bool,
    /// Its receipts are given, though its answer may still come.
    pub(super) is_settled: bool,
    /// What it counts in the buffer.
    pub(super) reserved: usize,
}

/// A producer id and its epoch; of one partition, since brokers keep them by partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ProducerIdentity {
    pub(super) id: i64,
    pub(super) epoch: i16,
}

/// What a partition's next step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LaneStep {
    /// Nothing may go now.
    Wait,
    /// Nothing may go before this.
    WaitUntil(Instant),
    /// A batch that was sent before goes again.
    Again,
    /// A new batch may go.
    New,
}

/// One partition.
#[derive(Debug)]
pub(super) struct Lane {
    /// Where its leader is.
    pub(super) leader: Option<LinkId>,
    /// To be sent again, in order.
    waiting: VecDeque<SealedBatch>,
    /// Ordinals of batches under way or waiting, rising.
    unresolved: VecDeque<u64>,
    /// The newest batch that had to go again.
    newest_again: Option<u64>,
    in_flight: usize,
    in_flight_max: usize,
    /// Where what is under way went.
    sent_to: Option<LinkId>,
    /// Nothing goes before all that is under way is answered.
    is_held: bool,
    not_before: Option<Instant>,
    backoff: Backoff,
    /// `None` without idempotence, and before the broker gave one.
    identity: Option<ProducerIdentity>,
    /// Its sequence has a gap, or the broker does not know it.
    is_broken: bool,
    /// A broker has a batch of this identity. Before that it takes any sequence for the first, so
    /// that of several batches under way a later one could come to lie before one sent again.
    is_established: bool,
    next_sequence: i32,
    next_ordinal: u64,
}

impl Lane {
    pub(super) fn new(in_flight_max: usize, backoff: Backoff) -> Self {
        Self {
            leader: None,
            waiting: VecDeque::new(),
            unresolved: VecDeque::new(),
            newest_again: None,
            in_flight: 0,
            in_flight_max,
            sent_to: None,
            is_held: false,
            not_before: None,
            backoff,
            identity: None,
            is_broken: false,
            is_established: false,
            next_sequence: 0,
            next_ordinal: 0,
        }
    }

    /// What it may do now.
    pub(super) fn step(&self, now: Instant) -> LaneStep {
        let is_elsewhere = self.in_flight > 0 && self.sent_to != self.leader;
        let is_new = self.identity.is_some() && !self.is_established;
        let most = if is_new { 1 } else { self.in_flight_max };
        if self.is_held || is_elsewhere || self.in_flight >= most {
            return LaneStep::Wait;
        }
        match self.not_before {
            Some(at) if at > now => LaneStep::WaitUntil(at),
            _ if !self.waiting.is_empty() => LaneStep::Again,
            _ if self.goes_again() => LaneStep::Wait,
            _ => LaneStep::New,
        }
    }

    /// Whether the fate is open of a batch that had to go again.
    fn goes_again(&self) -> bool {
        self.unresolved.front().is_some_and(|first| self.newest_again >= Some(*first))
    }

    /// Gets ready to send after a fault, when nothing is under way: with `identity`, the one that
    /// the client has, where a new one is needed. Gives what can't be sent again.
    pub(super) fn recover(&mut self, identity: Option<ProducerIdentity>) -> Vec<SealedBatch> {
        if !self.is_held || self.in_flight > 0 {
            return Vec::new();
        }
        let Some(current) = self.identity.filter(|_| self.is_broken) else {
            (self.is_held, self.is_broken) = (false, false);
            return Vec::new();
        };
        // The client may have got a new id meanwhile; else the next epoch of the old one will do.
        let next = match identity {
            Some(new) if new.id != current.id => Some(new),
            _ => current.epoch.checked_add(1).map(|epoch| ProducerIdentity { epoch, ..current }),
        };
        if next.is_none() {
            return Vec::new();
        }
        self.identity = next;
        (self.is_held, self.is_broken, self.is_established) = (false, false, false);
        self.next_sequence = 0;
        let mut lost = Vec::new();
        for mut batch in std::mem::take(&mut self.waiting) {
            if batch.is_perhaps_written {
                self.unresolved.retain(|ordinal| *ordinal != batch.ordinal);
                lost.push(batch);
                continue;
            }
            self.restamp(&mut batch);
            self.waiting.push_back(batch);
        }
        lost
    }

    /// Gives a batch the next sequence of the partition.
    fn restamp(&mut self, batch: &mut SealedBatch) {
        let sequence = self.take_sequence(batch.stamps.len());
        batch.base_sequence = sequence.base_sequence;
        let mut bytes = Vec::from(std::mem::take(&mut batch.bytes));
        restamp(&mut bytes, sequence);
        batch.bytes = Bytes::from(bytes);
    }

    /// Whether it has a producer id.
    pub(super) fn is_known(&self) -> bool {
        self.identity.is_some()
    }

    /// Whether it has used up all epochs of its producer id, and needs another one.
    pub(super) fn needs_new_id(&self) -> bool {
        let is_last = |identity: ProducerIdentity| identity.epoch == i16::MAX;
        self.is_broken && self.in_flight == 0 && self.identity.is_some_and(is_last)
    }

    /// The client has a producer id now.
    pub(super) fn identify(&mut self, identity: ProducerIdentity) {
        if self.identity.is_none() {
            self.identity = Some(identity);
            self.next_sequence = 0;
        }
    }

    /// The sequence of a batch of so many records, which is used up by that.
    pub(super) fn take_sequence(&mut self, records: usize) -> ProducerSequence {
        let Some(ProducerIdentity { id, epoch }) = self.identity else {
            return ProducerSequence::NONE;
        };
        let base_sequence = self.next_sequence;
        // Modulo 2^31 (KIP-98): the sum of two such numbers fits in 32 bits.
        let next = base_sequence.cast_unsigned().wrapping_add(records as u32) & 0x7fff_ffff;
        self.next_sequence = next.cast_signed();
        ProducerSequence { producer_id: id, epoch, base_sequence }
    }

    /// The number of the next new batch.
    pub(super) fn take_ordinal(&mut self) -> u64 {
        let ordinal = self.next_ordinal;
        self.next_ordinal += 1;
        self.unresolved.push_back(ordinal);
        ordinal
    }

    /// The batch that goes again.
    pub(super) fn take_waiting(&mut self) -> Option<SealedBatch> {
        self.waiting.pop_front()
    }

    /// The size of the batch that goes again.
    pub(super) fn waiting_bytes(&self) -> usize {
        self.waiting.front().map_or(0, |batch| batch.bytes.len())
    }

    /// A batch left for a broker.
    pub(super) fn sent(&mut self, link: LinkId) {
        self.in_flight += 1;
        self.sent_to = Some(link);
    }

    /// A batch under way was answered, or will not be.
    pub(super) fn answered(&mut self) {
        self.in_flight -= 1;
    }

    /// A batch is over: acknowledged, or given up.
    pub(super) fn resolve(&mut self, batch: &SealedBatch) {
        self.unresolved.retain(|ordinal| *ordinal != batch.ordinal);
    }

    /// A batch was written: what is to come needs no patience.
    pub(super) fn went_well(&mut self) {
        self.is_established = true;
        self.backoff.reset();
        self.not_before = None;
    }

    /// A batch's sequence is used up, and no broker will have it.
    pub(super) fn breaks(&mut self) {
        (self.is_held, self.is_broken) = (true, true);
    }

    /// Whether all batches before this one are over.
    pub(super) fn is_first(&self, batch: &SealedBatch) -> bool {
        self.unresolved.front().is_none_or(|first| *first >= batch.ordinal)
    }

    /// A batch is to be sent again, in its place; where `waits_from` says so, after a while.
    pub(super) fn again(&mut self, batch: SealedBatch, waits_from: Option<Instant>) {
        self.is_held = true;
        if let Some(now) = waits_from
            && self.not_before.is_none_or(|at| at <= now)
        {
            self.not_before = Some(now + self.backoff.next());
        }
        self.newest_again = self.newest_again.max(Some(batch.ordinal));
        let place = self.waiting.partition_point(|other| other.ordinal < batch.ordinal);
        self.waiting.insert(place, batch);
    }

    /// Takes out what waits and has expired.
    pub(super) fn expire(&mut self, now: Instant) -> Vec<SealedBatch> {
        let (gone, left): (Vec<_>, Vec<_>) =
            self.waiting.drain(..).partition(|batch| batch.expires <= now);
        self.waiting = left.into();
        for batch in &gone {
            self.resolve(batch);
            self.breaks();
        }
        gone
    }

    /// Takes out all that waits.
    pub(super) fn abandon(&mut self) -> Vec<SealedBatch> {
        self.waiting.drain(..).collect()
    }

    /// Whether nothing is under way and nothing waits.
    pub(super) fn is_idle(&self) -> bool {
        self.unresolved.is_empty() && self.in_flight == 0
    }
}

#[cfg(test)]
mod tests;
