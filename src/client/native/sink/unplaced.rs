//! Events on their way into a batch, and those that came before it was known how many partitions
//! there are: the client never waits, so it keeps them as they are.

use std::ops::Range;
use std::time::Instant;

use crate::event::Stamp;

/// An event as it is handed over.
#[derive(Debug, Clone, Copy)]
pub(super) struct EventBytes<'a> {
    pub(super) stamp: Stamp,
    /// Milliseconds since 1970.
    pub(super) at_ms: i64,
    pub(super) key: &'a [u8],
    pub(super) header: Option<(&'static str, &'a [u8])>,
    pub(super) value: &'a [u8],
}

impl EventBytes<'_> {
    /// Key, header and value.
    pub(super) fn bytes(&self) -> usize {
        let header = self.header.map_or(0, |(name, value)| name.len() + value.len());
        self.key.len() + header + self.value.len()
    }
}

/// One event of [`Unplaced`]; the ranges are in its bytes.
#[derive(Debug)]
struct UnplacedEntry {
    stamp: Stamp,
    at_ms: i64,
    since: Instant,
    header_name: Option<&'static str>,
    key: Range<usize>,
    header: Range<usize>,
    value: Range<usize>,
    reserved: usize,
}

/// Events without a partition, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Unplaced {
    bytes: Vec<u8>,
    entries: Vec<UnplacedEntry>,
}

impl Unplaced {
    /// Keeps an event, which counts as so many bytes.
    pub(super) fn push(&mut self, event: &EventBytes<'_>, reserved: usize, since: Instant) {
        let mut put = |bytes: &[u8]| {
            let from = self.bytes.len();
            self.bytes.extend_from_slice(bytes);
            from..self.bytes.len()
        };
        let key = put(event.key);
        let header = put(event.header.map_or(&[], |(_, value)| value));
        let value = put(event.value);
        let header_name = event.header.map(|(name, _)| name);
        let EventBytes { stamp, at_ms, .. } = *event;
        self.entries.push(UnplacedEntry {
            stamp,
            at_ms,
            since,
            header_name,
            key,
            header,
            value,
            reserved,
        });
    }

    /// The events, and since when each is here.
    pub(super) fn events(&self) -> impl Iterator<Item = (EventBytes<'_>, Instant)> {
        self.entries.iter().map(|entry| {
            let of = |range: &Range<usize>| &self.bytes[range.clone()];
            let event = EventBytes {
                stamp: entry.stamp,
                at_ms: entry.at_ms,
                key: of(&entry.key),
                header: entry.header_name.map(|name| (name, of(&entry.header))),
                value: of(&entry.value),
            };
            (event, entry.since)
        })
    }

    /// Forgets the events that are here since before `before`; whose they were, and what they
    /// counted.
    pub(super) fn take_older(&mut self, before: Instant) -> (Vec<Stamp>, usize) {
        let older = self.entries.partition_point(|entry| entry.since < before);
        let gone = self.entries.drain(..older);
        let (stamps, reserved): (Vec<_>, Vec<_>) =
            gone.map(|entry| (entry.stamp, entry.reserved)).unzip();
        if self.entries.is_empty() {
            self.bytes.clear();
        }
        (stamps, reserved.iter().sum())
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// What they count, all together.
    pub(super) fn reserved(&self) -> usize {
        self.entries.iter().map(|entry| entry.reserved).sum()
    }
}
