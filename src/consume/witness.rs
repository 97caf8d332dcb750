//! Notes and times what an application by itself reads, so that it can be put together with what
//! the producer and the other applications have recorded.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::value::RawValue;

use super::Read;
use crate::apps::Summary;
use crate::clock::{Clock, SystemClock};
use crate::event::Arrival;
use crate::ledger::{Noted, Notes};
use crate::record::Diary;
use crate::wire::stamp;

/// Watches one application in one process.
#[derive(Debug)]
pub struct Witness {
    clock: Arc<SystemClock>,
    interval_ns: u64,
    notes: Notes,
    diaries: BTreeMap<u32, Diary>,
    last: Option<(Summary, Read)>,
}

/// What a [`Witness`] leaves.
#[derive(Debug)]
pub struct Testimony {
    /// For the ledger.
    pub notes: Notes,
    /// By run: the pages of its [`Diary`], as JSON.
    pub pages: BTreeMap<u32, Vec<Box<RawValue>>>,
    /// What the application found and read; `None` when it did not come to its end.
    pub last: Option<(Summary, Read)>,
}

impl Witness {
    /// One that has seen nothing yet. The clock's dates are what latency counts from; its
    /// intervals are of so many ns.
    #[must_use]
    pub fn new(clock: Arc<SystemClock>, interval_ns: u64) -> Self {
        let (notes, diaries) = Default::default();
        Self { clock, interval_ns, notes, diaries, last: None }
    }

    /// Nanoseconds since 1970, by the date that the clock began with.
    #[must_use]
    pub fn now_ns(&self) -> i64 {
        let now_ns = i64::try_from(self.clock.now_ns()).unwrap_or(i64::MAX);
        self.clock.origin_wall_us().saturating_mul(1_000).saturating_add(now_ns)
    }

    /// Takes down a record that was polled at `polled_ns`, and has just been processed;
    /// `observed` says whether the application took it for an event.
    pub fn saw(&mut self, arrival: &Arrival<'_>, observed: bool, polled_ns: i64) {
        let stamp = arrival.payload.and_then(stamp::read);
        let noted = self.notes.tick(arrival.partition, arrival.offset, stamp.as_ref());
        match (noted, stamp) {
            (Noted::First | Noted::Duplicate, Some(stamp)) => {
                if !observed {
                    self.notes.corrupt(stamp.run, arrival.partition, arrival.offset);
                }
                if noted == Noted::First {
                    let processed_ns = self.now_ns();
                    let interval_ns = self.interval_ns;
                    let diary =
                        self.diaries.entry(stamp.run).or_insert_with(|| Diary::new(interval_ns));
                    let due_ns = stamp.due_wall_us.saturating_mul(1_000);
                    diary.consumed(due_ns, polled_ns, processed_ns);
                }
            }
            (Noted::Other, None) if !observed => self.notes.garbage += 1,
            _ => {}
        }
    }

    /// Takes down what the application found at its end.
    pub fn finish(&mut self, summary: Summary, read: Read) {
        self.last = Some((summary, read));
    }

    /// All that was seen.
    #[must_use]
    pub fn testify(&mut self) -> Testimony {
        let diaries = std::mem::take(&mut self.diaries);
        Testimony {
            notes: std::mem::take(&mut self.notes),
            pages: diaries.into_iter().map(|(run, diary)| (run, diary.into_pages())).collect(),
            last: self.last.take(),
        }
    }
}
