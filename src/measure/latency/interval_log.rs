//! The histograms of a stage by interval, packed.

use super::Latency;
use super::stored::Packed;

/// The stage's histograms over time, for whoever wants more than the rows say.
#[derive(Debug, Clone, Default)]
pub struct IntervalLog {
    /// So many intervals share a histogram: a long run must not fill the memory.
    pub(super) width: u64,
    pub(super) entries: Vec<LogEntry>,
    /// The newest stretch, still growing.
    pub(super) newest: Option<(u64, Latency)>,
}

/// One histogram of an [`IntervalLog`].
#[derive(Debug, Clone)]
pub(super) struct LogEntry {
    stretch: u64,
    encoded: Vec<u8>,
}

impl IntervalLog {
    pub(super) fn add(&mut self, index: u64, packed: Packed) {
        if !packed.has_samples {
            return;
        }
        let stretch = index / self.width.max(1);
        if self.width <= 1 {
            self.entries.push(LogEntry { stretch, encoded: packed.encoded });
            return;
        }
        match &mut self.newest {
            Some((newest, sum)) if *newest == stretch => sum.merge(&packed.unpack()),
            // Too late for its own: an entry more, which a reader adds up.
            Some((newest, _)) if *newest > stretch => {
                self.entries.push(LogEntry { stretch, encoded: packed.encoded });
            }
            _ => {
                self.close();
                self.newest = Some((stretch, packed.unpack()));
            }
        }
    }

    fn close(&mut self) {
        if let Some((stretch, sum)) = self.newest.take() {
            self.entries.push(LogEntry { stretch, encoded: sum.encoded() });
        }
    }

    /// The first interval's number, how many intervals, and the histogram (HdrHistogram's V2
    /// encoding, deflated), oldest first.
    pub fn entries(&mut self) -> impl Iterator<Item = (u64, u64, &[u8])> {
        self.close();
        self.entries.sort_by_key(|entry| entry.stretch);
        let width = self.width.max(1);
        self.entries.iter().map(move |entry| (entry.stretch * width, width, &*entry.encoded))
    }
}
