//! Encoded events on their way into a client, in one piece of memory that is used again.

use std::ops::Range;

use crate::event::Stamp;
use crate::generate::{Draft, Facts};
use crate::wire::{encode, restamp};

/// Encoded events in the order of their slots.
#[derive(Debug, Default)]
pub struct Batch {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    stamp: Stamp,
    due_ns: u64,
    facts: Facts,
    key: Range<usize>,
    payload: Range<usize>,
}

impl Batch {
    /// Forgets the events, keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.entries.clear();
    }

    /// Encodes one event behind the others. `due_ns` is on the run's clock.
    pub fn push(&mut self, stamp: Stamp, due_ns: u64, draft: &Draft<'_>) {
        self.append(stamp, due_ns, draft.facts, draft.key.as_bytes(), |bytes| {
            encode::encode(&stamp, &draft.parts, bytes);
        });
    }

    /// Puts one recorded event behind the others; `tail` is what follows its stamp.
    pub fn push_recorded(
        &mut self,
        stamp: Stamp,
        due_ns: u64,
        facts: Facts,
        key: &[u8],
        tail: &[u8],
    ) {
        self.append(stamp, due_ns, facts, key, |bytes| restamp::join(&stamp, tail, bytes));
    }

    #[inline]
    fn append(
        &mut self,
        stamp: Stamp,
        due_ns: u64,
        facts: Facts,
        key: &[u8],
        write: impl FnOnce(&mut Vec<u8>),
    ) {
        let key_from = self.bytes.len();
        self.bytes.extend_from_slice(key);
        let payload_from = self.bytes.len();
        write(&mut self.bytes);
        self.entries.push(Entry {
            stamp,
            due_ns,
            facts,
            key: key_from..payload_from,
            payload: payload_from..self.bytes.len(),
        });
    }

    /// How many events there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The record's key: the user.
    #[must_use]
    pub fn key(&self, index: usize) -> &[u8] {
        &self.bytes[self.entries[index].key.clone()]
    }

    /// The record's value: the event's JSON.
    #[must_use]
    pub fn payload(&self, index: usize) -> &[u8] {
        &self.bytes[self.entries[index].payload.clone()]
    }

    /// Which event it is.
    #[must_use]
    pub fn stamp(&self, index: usize) -> &Stamp {
        &self.entries[index].stamp
    }

    /// What the books count.
    #[must_use]
    pub fn facts(&self, index: usize) -> &Facts {
        &self.entries[index].facts
    }

    /// When it is due, on the run's clock.
    #[must_use]
    pub fn due_ns(&self, index: usize) -> u64 {
        self.entries[index].due_ns
    }

    /// The end of the run of events from `from` on that are due at `now_ns`.
    #[must_use]
    pub fn due_by(&self, from: usize, now_ns: u64) -> usize {
        from + self.entries[from..].partition_point(|entry| entry.due_ns <= now_ns)
    }
}
