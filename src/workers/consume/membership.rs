//! What a member of a group knows of its partitions. Clients tell it of each change while they
//! poll; readiness, the worker and the result ask.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use serde::{Deserialize, Serialize};

/// A member's partitions and how they changed, on no clock in particular.
#[derive(Debug, Default)]
pub struct Membership {
    /// When, which way, and how many it had then.
    changes: Mutex<Vec<(Instant, AssignmentKind, usize)>>,
}

/// Which way a member's partitions changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AssignmentKind {
    /// It got some, or was told that it gets none.
    Gained,
    /// Some were taken away.
    Lost,
}

/// One change of a member's partitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssignmentChange {
    /// When, in ns on the clock of who asked.
    pub at_ns: i64,
    /// Which way.
    pub kind: AssignmentKind,
    /// How many it had then.
    pub partitions: usize,
}

/// Every change of a member's partitions, in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssignmentHistory(pub Vec<AssignmentChange>);

/// One member of a group in the measured part.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct GroupMember {
    /// How many partitions it had at the end.
    pub partitions: usize,
    /// How many rebalances of its group it saw begin.
    pub rebalances: u64,
}

impl Membership {
    /// It got so many partitions more.
    pub fn gained(&self, partitions: usize) {
        self.note(AssignmentKind::Gained, |had| had.saturating_add(partitions));
    }

    /// So many were taken away.
    pub fn lost(&self, partitions: usize) {
        self.note(AssignmentKind::Lost, |had| had.saturating_sub(partitions));
    }

    /// How many partitions it has now; `None` before its first assignment.
    #[must_use]
    pub fn assigned(&self) -> Option<usize> {
        let changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        changes.last().map(|(.., has)| *has)
    }

    /// All changes on a clock that shows `now_ns`.
    #[must_use]
    pub fn history(&self, now_ns: i64) -> AssignmentHistory {
        let changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        let change = |&(at, kind, partitions): &(Instant, AssignmentKind, usize)| {
            let ago_ns = i64::try_from(at.elapsed().as_nanos()).unwrap_or(i64::MAX);
            AssignmentChange { at_ns: now_ns.saturating_sub(ago_ns), kind, partitions }
        };
        AssignmentHistory(changes.iter().map(change).collect())
    }

    fn note(&self, kind: AssignmentKind, has: impl Fn(usize) -> usize) {
        let mut changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        let had = changes.last().map_or(0, |(.., had)| *had);
        changes.push((Instant::now(), kind, has(had)));
    }
}

impl AssignmentHistory {
    /// What it comes to in the measured part, on the history's clock.
    ///
    /// A rebalance is a round of the group that the member went through: it begins when partitions
    /// are taken away, and ends when the member gets some again, or is told that it gets none. What
    /// is only added to those it has is a rebalance by itself.
    #[must_use]
    pub fn within(&self, measured: &Range<i64>) -> GroupMember {
        let before_end = self.0.iter().take_while(|change| change.at_ns < measured.end);
        let (mut member, mut is_open) = (GroupMember::default(), false);
        for change in before_end {
            member.partitions = change.partitions;
            if !is_open && change.at_ns >= measured.start {
                member.rebalances += 1;
            }
            is_open = change.kind == AssignmentKind::Lost;
        }
        member
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(changes: &[(i64, AssignmentKind, usize)]) -> AssignmentHistory {
        let change = |&(at_ns, kind, partitions)| AssignmentChange { at_ns, kind, partitions };
        AssignmentHistory(changes.iter().map(change).collect())
    }

    use AssignmentKind::{Gained, Lost};

    #[test]
    fn what_a_member_has_follows_whole_lists_and_changes() {
        let member = Membership::default();
        assert_eq!(member.assigned(), None);
        member.gained(0);
        assert_eq!(member.assigned(), Some(0), "it has none, and knows it");
        member.gained(3);
        member.lost(1);
        assert_eq!(member.assigned(), Some(2));
        member.lost(usize::MAX);
        assert_eq!(member.assigned(), Some(0));
        let changes = member.history(1_000_000_000_000).0;
        let told: Vec<_> = changes.iter().map(|it| (it.kind, it.partitions)).collect();
        assert_eq!(told, [(Gained, 0), (Gained, 3), (Lost, 2), (Lost, 0)]);
        assert!(changes.is_sorted_by_key(|change| change.at_ns));
        let near = 900_000_000_000..=1_000_000_000_000;
        assert!(changes.iter().all(|change| near.contains(&change.at_ns)), "{changes:?}");
    }

    #[test]
    fn what_a_member_had_when_the_measured_part_ended_is_told_whatever_came_later() {
        let changes = history(&[(5, Gained, 6), (20, Lost, 0), (21, Gained, 4), (90, Lost, 0)]);
        let partitions = |from, to| changes.within(&(from..to)).partitions;
        assert_eq!((partitions(10, 20), partitions(10, 21), partitions(10, 50)), (6, 0, 4));
        assert_eq!((partitions(0, 4), partitions(0, 100)), (0, 0));
    }

    #[test]
    fn a_rebalance_is_a_round_that_began_in_the_measured_part() {
        let rebalances = |changes: &[(i64, AssignmentKind, usize)]| {
            history(changes).within(&(10..100)).rebalances
        };
        let calm = [(5, Gained, 6)];
        assert_eq!(rebalances(&calm), 0, "the first assignment, before the schedule");
        let after = |more: &[(i64, AssignmentKind, usize)]| rebalances(&[&calm, more].concat());
        // Whole lists: all is taken away, then the next list comes.
        assert_eq!(after(&[(20, Lost, 0), (21, Gained, 3)]), 1);
        assert_eq!(after(&[(20, Lost, 0), (21, Gained, 3), (50, Lost, 0), (51, Gained, 6)]), 2);
        // Changes only: some are taken, in two steps; some are added; told of a round without any.
        assert_eq!(after(&[(20, Lost, 4), (21, Lost, 3), (25, Gained, 3)]), 1);
        assert_eq!(after(&[(20, Gained, 7), (30, Gained, 7)]), 2);
        // One that did not end, one that began before, and one that came afterwards.
        assert_eq!(after(&[(99, Lost, 0), (120, Gained, 6)]), 1);
        assert_eq!(after(&[(9, Lost, 0), (11, Gained, 6)]), 0);
        assert_eq!(after(&[(100, Lost, 0), (101, Gained, 6)]), 0);
    }
}
