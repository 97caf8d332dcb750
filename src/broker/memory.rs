//! The bound on what all partitions hold together. (What arrives has a bound of its own: `seats`.)
//!
//! When it is reached, batches go that every group of their topic has committed past. If that
//! frees nothing, the producer gets a retriable error: nothing is ever lost in silence.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::group::{Group, Phase};

/// The bytes held and their bound.
#[derive(Debug)]
pub(super) struct HeldMemory {
    pub(super) limit_bytes: u64,
    held_bytes: AtomicU64,
    pub(super) dropped_bytes: AtomicU64,
    /// Held while reclaiming, so that those who come meanwhile wait for its outcome.
    pub(super) reclaiming: Mutex<()>,
}

impl HeldMemory {
    pub(super) const fn new(limit_bytes: u64) -> Self {
        Self {
            limit_bytes,
            held_bytes: AtomicU64::new(0),
            dropped_bytes: AtomicU64::new(0),
            reclaiming: Mutex::new(()),
        }
    }

    pub(super) fn held_bytes(&self) -> u64 {
        self.held_bytes.load(Ordering::Relaxed)
    }

    pub(super) fn dropped_bytes(&self) -> u64 {
        self.dropped_bytes.load(Ordering::Relaxed)
    }

    /// Gives back what was taken.
    pub(super) fn release(&self, bytes: u64) {
        self.held_bytes.fetch_sub(bytes, Ordering::AcqRel);
    }

    pub(super) fn try_take(&self, bytes: u64) -> bool {
        let held = self.held_bytes.fetch_add(bytes, Ordering::AcqRel);
        let fits = held.saturating_add(bytes) <= self.limit_bytes;
        if !fits {
            self.release(bytes);
        }
        fits
    }
}

/// Up to where every group of a topic has committed, by partition. A partition is absent when
/// one of them has committed nothing there; None when the topic has no group at all.
pub(super) fn read_floors<'a>(
    groups: impl Iterator<Item = &'a Group>,
    topic: &str,
) -> Option<BTreeMap<i32, i64>> {
    let mut floors: Option<BTreeMap<i32, i64>> = None;
    for group in groups {
        let from = (topic.to_owned(), i32::MIN);
        let own = group.commits.range(from..).take_while(|((name, _), _)| name == topic);
        let own: BTreeMap<i32, i64> = own.map(|((_, p), commit)| (*p, commit.offset)).collect();
        if own.is_empty() && !may_read(group, topic) {
            continue;
        }
        floors = Some(match floors {
            None => own,
            Some(others) => {
                let both = others.into_iter().filter_map(|(partition, floor)| {
                    own.get(&partition).map(|&offset| (partition, floor.min(offset)))
                });
                both.collect()
            }
        });
    }
    floors
}

/// Whether a group has members that subscribe to the topic, or whose subscription can't be read.
fn may_read(group: &Group, topic: &str) -> bool {
    if group.phase == Phase::Empty {
        return false;
    }
    subscribed_topics(group).is_none_or(|topics| topics.contains(topic))
}

/// All topics that a group's members subscribe to; None when one of them can't be read.
pub(super) fn subscribed_topics(group: &Group) -> Option<BTreeSet<&str>> {
    let mut topics = BTreeSet::new();
    for member in group.members.values() {
        for (_, metadata) in &member.ask.protocols {
            topics.extend(subscription(metadata)?);
        }
    }
    Some(topics)
}

/// The topics of one consumer subscription: a version, then an array of names.
fn subscription(metadata: &[u8]) -> Option<Vec<&str>> {
    let (count, mut rest) = metadata.get(2..)?.split_first_chunk::<4>()?;
    let mut topics = Vec::new();
    for _ in 0..i32::from_be_bytes(*count) {
        let (length, after) = rest.split_first_chunk::<2>()?;
        let length = usize::try_from(i16::from_be_bytes(*length)).ok()?;
        let (name, after) = after.split_at_checked(length)?;
        topics.push(std::str::from_utf8(name).ok()?);
        rest = after;
    }
    Some(topics)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::group::Committed;

    fn group(commits: &[(&str, i32, i64)]) -> Group {
        let mut group = Group::new(0, 0);
        for &(topic, partition, offset) in commits {
            let commit = Committed { offset, leader_epoch: -1, metadata: String::new() };
            group.commits.insert((topic.to_owned(), partition), commit);
        }
        group
    }

    #[test]
    fn the_slowest_group_decides_and_a_silent_one_keeps_everything() {
        let fast = group(&[("t", 0, 90), ("t", 1, 80), ("other", 0, 5)]);
        let slow = group(&[("t", 0, 40), ("t", 1, 85)]);
        let partial = group(&[("t", 0, 99)]);
        let floors = |groups: &[&Group]| read_floors(groups.iter().copied(), "t");
        assert_eq!(floors(&[&fast, &slow]), Some(BTreeMap::from([(0, 40), (1, 80)])));
        assert_eq!(floors(&[&fast, &partial]), Some(BTreeMap::from([(0, 90)])));
        assert_eq!(floors(&[&group(&[("other", 0, 7)])]), None);
        assert_eq!(floors(&[]), None);
    }

    #[test]
    fn a_live_group_counts_before_its_first_commit() {
        let mut live = group(&[]);
        live.phase = Phase::Stable;
        let fast = group(&[("t", 0, 90)]);
        assert_eq!(
            read_floors([&fast, &live].into_iter(), "t"),
            Some(BTreeMap::from([(0, 90)])),
            "no member subscribes"
        );
        let metadata = bytes::Bytes::from_static(b"\0\x01\0\0\0\x01\0\x01t\xff\xff\xff\xff");
        assert_eq!(subscription(&metadata), Some(vec!["t"]));
        assert_eq!(subscription(&metadata[..8]), None);
    }

    #[test]
    fn room_is_given_up_to_the_limit_and_comes_back() {
        let memory = HeldMemory::new(100);
        assert!(memory.try_take(60) && memory.try_take(40));
        assert!(!memory.try_take(1));
        assert_eq!(memory.held_bytes(), 100);
        memory.release(40);
        assert!(memory.try_take(30) && !memory.try_take(u64::MAX / 2));
        assert_eq!(memory.held_bytes(), 90);
    }
}
