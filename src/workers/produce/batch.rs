//! Encoded events on their way into a client, in one piece of memory that is used again.

use std::ops::Range;

use crate::event::Stamp;
use crate::event::codec::Codec;
use crate::load::generate::{Draft, EventFacts};

/// Encoded events in the order of their slots.
#[derive(Debug)]
pub struct Batch {
    codec: &'static dyn Codec,
    /// The header that each record has; asked once, since most formats have none.
    header: Option<&'static str>,
    bytes: Vec<u8>,
    entries: Vec<BatchEntry>,
}

#[derive(Debug)]
struct BatchEntry {
    stamp: Stamp,
    due_ns: u64,
    facts: EventFacts,
    header: Range<usize>,
    key: Range<usize>,
    payload: Range<usize>,
}

impl Batch {
    /// An empty one, for this codec's events.
    #[must_use]
    pub fn new(codec: &'static dyn Codec) -> Self {
        let header = codec.stamp_place().header();
        Self { codec, header, bytes: Vec::new(), entries: Vec::new() }
    }

    /// Forgets the events, keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.entries.clear();
    }

    /// Encodes one event behind the others. `due_ns` is on the run's clock.
    pub fn push(&mut self, stamp: Stamp, due_ns: u64, draft: &Draft<'_>) {
        let codec = self.codec;
        self.append(stamp, due_ns, draft.facts, draft.key.as_bytes(), |bytes| {
            codec.encode(&stamp, &draft.parts, bytes);
        });
    }

    /// Puts one recorded event behind the others; `tail` is what follows its stamp.
    pub fn push_recorded(
        &mut self,
        stamp: Stamp,
        due_ns: u64,
        facts: EventFacts,
        key: &[u8],
        tail: &[u8],
    ) {
        let codec = self.codec;
        self.append(stamp, due_ns, facts, key, |bytes| codec.join(&stamp, tail, bytes));
    }

    #[inline]
    fn append(
        &mut self,
        stamp: Stamp,
        due_ns: u64,
        facts: EventFacts,
        key: &[u8],
        write: impl FnOnce(&mut Vec<u8>),
    ) {
        let header_from = self.bytes.len();
        if self.header.is_some() {
            self.codec.write_header(&stamp, &mut self.bytes);
        }
        let key_from = self.bytes.len();
        self.bytes.extend_from_slice(key);
        let payload_from = self.bytes.len();
        write(&mut self.bytes);
        self.entries.push(BatchEntry {
            stamp,
            due_ns,
            facts,
            header: header_from..key_from,
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

    /// The record's header, by name and value; `None` where the format has none.
    #[must_use]
    pub fn header(&self, index: usize) -> Option<(&'static str, &[u8])> {
        let name = self.header?;
        Some((name, &self.bytes[self.entries[index].header.clone()]))
    }

    /// The record's value: the event.
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
    pub fn facts(&self, index: usize) -> &EventFacts {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::format::JSON;
    use crate::load::generate::Generator;
    use crate::load::generate::tests::population;

    #[test]
    fn each_event_keeps_its_own_key_payload_facts_and_time() {
        let mut users = Generator::new(&population(), 1_000.0, 1, 0, 1);
        let stamp = |seq| Stamp { run: 3, shard: 1, seq, due_wall_us: 1_000 };
        let mut batch = Batch::new(JSON);
        let made = users.next(0);
        let (key, facts) = (made.key.to_owned(), made.facts);
        batch.push(stamp(0), 10, &made);
        let tail = br#","user_id":"anna","session_id":"s","event_type":"click","page_url":"/"}"#;
        let recorded = EventFacts { user: facts.user + 1, ..facts };
        batch.push_recorded(stamp(1), 20, recorded, b"anna", tail);
        assert_eq!((batch.len(), batch.is_empty()), (2, false));
        assert_eq!([batch.key(0), batch.key(1)], [key.as_bytes(), b"anna"]);
        assert_eq!([batch.stamp(0), batch.stamp(1)], [&stamp(0), &stamp(1)]);
        assert_eq!([batch.facts(0), batch.facts(1)], [&facts, &recorded]);
        assert_eq!([batch.due_ns(0), batch.due_ns(1)], [10, 20]);
        let mut parser = JSON.parser();
        let mut user = |index| parser.parse(batch.payload(index)).unwrap().user_id.to_owned();
        assert_eq!([user(0), user(1)], [key, "anna".to_owned()]);
        assert!(batch.payload(1).ends_with(tail));
        batch.clear();
        assert!(batch.is_empty());
    }

    #[test]
    fn a_hand_over_ends_with_the_last_event_that_is_due() {
        let mut users = Generator::new(&population(), 1_000.0, 1, 0, 1);
        let mut batch = Batch::new(JSON);
        for (seq, due_ns) in (0..).zip([10, 20, 20, 30]) {
            let stamp = Stamp { run: 3, shard: 1, seq, due_wall_us: 0 };
            batch.push(stamp, due_ns, &users.next(due_ns));
        }
        let ends = [(0, 9), (0, 10), (1, 19), (1, 20), (2, 20), (3, 99), (4, 99)]
            .map(|(from, now_ns)| batch.due_by(from, now_ns));
        assert_eq!(ends, [0, 1, 1, 3, 3, 4, 4]);
    }
}
