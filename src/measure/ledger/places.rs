//! A set of records by their partition and offset.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::SparseBitmap;

/// Places of records; those in a row cost a bit each, and next to nothing when written down.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Places(BTreeMap<i32, SparseBitmap>);

/// What several sets have together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Together {
    /// Places that any has.
    pub(super) distinct: u64,
    /// Places that one has after another, each time.
    pub(super) again: u64,
}

impl Places {
    /// Adds a place.
    pub fn set(&mut self, partition: i32, offset: i64) {
        if let Ok(offset) = u64::try_from(offset) {
            self.0.entry(partition).or_default().set(offset);
        }
    }

    /// Whether a place is among them.
    pub(super) fn has(&self, partition: i32, offset: i64) -> bool {
        let plane = self.0.get(&partition);
        let offset = u64::try_from(offset).ok();
        plane.zip(offset).is_some_and(|(plane, offset)| plane.has(offset))
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.values().map(SparseBitmap::count).sum()
    }

    /// Lays several sets upon each other.
    pub(super) fn together<'a>(sets: impl Iterator<Item = &'a Self>) -> Together {
        let (mut union, mut all) = (Self::default(), 0);
        for set in sets {
            all += set.count();
            for (partition, plane) in &set.0 {
                union.0.entry(*partition).or_default().absorb(plane);
            }
        }
        let distinct = union.count();
        Together { distinct, again: all - distinct }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_two_sets_share_is_counted_by_partition_and_offset() {
        let set = |places: &[(i32, i64)]| {
            let mut set = Places::default();
            places.iter().for_each(|(partition, offset)| set.set(*partition, *offset));
            set
        };
        let one = set(&[(0, 1), (0, 2), (3, 7), (3, 7)]);
        let other = set(&[(0, 2), (1, 7), (3, 7)]);
        assert_eq!((one.count(), other.count()), (3, 3));
        assert!(one.has(3, 7) && !one.has(3, 6) && !one.has(1, 7) && !one.has(0, -1));
        let together = Places::together([&one, &other, &other].into_iter());
        assert_eq!(together, Together { distinct: 4, again: 5 });
    }
}
