//! When slots were due, counted.

use std::ops::Range;

use serde::{Deserialize, Serialize};

/// When one shard's slots were due: they are numbered in that order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dues {
    /// How many were due in each interval, counted from slot time 0.
    pub by_interval: Vec<u64>,
    /// The numbers of those that are measured.
    pub measured: Range<u64>,
}

impl Dues {
    /// The next slot, with its number and the interval in which it was due.
    pub fn count(&mut self, number: u64, interval: usize, is_measured: bool) {
        if self.by_interval.len() <= interval {
            self.by_interval.resize(interval + 1, 0);
        }
        self.by_interval[interval] += 1;
        if is_measured {
            if self.measured.is_empty() {
                self.measured.start = number;
            }
            self.measured.end = number + 1;
        }
    }
}
