//! Who reads which partitions of the topic: what the leader of a classic group decides for all of
//! its members.

use std::collections::BTreeMap;

/// How partitions are shared out, by Kafka's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AssignmentStrategy {
    /// Neighbouring partitions to each member.
    Range,
    /// One after the other, in turn.
    RoundRobin,
    /// As evenly as can be, and each member keeps what it has; what has to move is given up first
    /// and handed out in a second round (KIP-429).
    CooperativeSticky,
}

impl AssignmentStrategy {
    const ALL: [Self; 3] = [Self::Range, Self::RoundRobin, Self::CooperativeSticky];

    /// The name, as members tell it each other.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Range => "range",
            Self::RoundRobin => "roundrobin",
            Self::CooperativeSticky => "cooperative-sticky",
        }
    }

    /// The strategy of that name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|strategy| strategy.name() == name)
    }

    /// Whether members keep their partitions through a rebalance.
    pub(crate) const fn is_cooperative(self) -> bool {
        matches!(self, Self::CooperativeSticky)
    }
}

/// A member as its group's leader sees it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct AssignmentCandidate {
    /// The coordinator's name for it.
    pub(crate) member_id: String,
    /// Its own name, if it has one that lasts.
    pub(crate) instance_id: Option<String>,
    /// The partitions of the topic that it says it has.
    pub(crate) owned: Vec<i32>,
    /// The generation in which it got them; −1 where it doesn't say.
    pub(crate) generation: i32,
}

/// The partitions of each candidate, in the candidates' order.
pub(crate) fn assign(
    strategy: AssignmentStrategy,
    partitions: usize,
    candidates: &[AssignmentCandidate],
) -> Vec<Vec<i32>> {
    let mut shares = vec![Vec::new(); candidates.len()];
    if candidates.is_empty() {
        return shares;
    }
    let order = order(candidates);
    let partitions = i32::try_from(partitions).unwrap_or(i32::MAX);
    match strategy {
        AssignmentStrategy::Range => {
            let mut next = 0..partitions;
            let quotas = quotas(partitions, order.len());
            for (member, quota) in order.into_iter().zip(quotas) {
                shares[member].extend(next.by_ref().take(quota));
            }
        }
        AssignmentStrategy::RoundRobin => {
            let turns = order.iter().cycle();
            (0..partitions).zip(turns).for_each(|(partition, &it)| shares[it].push(partition));
        }
        AssignmentStrategy::CooperativeSticky => {
            shares = sticky(partitions, candidates, &order);
            withhold_moving(&mut shares, candidates);
        }
    }
    shares
}

/// Members with names that last come first, so that theirs is the same share after a restart.
fn order(candidates: &[AssignmentCandidate]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..candidates.len()).collect();
    order.sort_by_key(|&index| {
        let AssignmentCandidate { instance_id, member_id, .. } = &candidates[index];
        (instance_id.is_none(), instance_id, member_id)
    });
    order
}

/// How many partitions each of so many members gets, the longer shares first.
fn quotas(partitions: i32, members: usize) -> impl Iterator<Item = usize> {
    let partitions = usize::try_from(partitions).unwrap_or(0);
    (0..members).map(move |place| partitions / members + usize::from(place < partitions % members))
}

/// Each keeps as many of its own as an even share has; the rest goes where something is lacking.
fn sticky(partitions: i32, candidates: &[AssignmentCandidate], order: &[usize]) -> Vec<Vec<i32>> {
    let owners = owners(partitions, candidates);
    let mut kept: Vec<Vec<i32>> = vec![Vec::new(); candidates.len()];
    for (partition, owner) in &owners {
        kept[*owner].push(*partition);
    }
    // Those who have most get the longer shares: least has to move then.
    let mut by_wealth = order.to_vec();
    by_wealth.sort_by_key(|&member| std::cmp::Reverse(kept[member].len()));
    let quotas: Vec<_> = by_wealth.iter().copied().zip(quotas(partitions, order.len())).collect();
    let mut free: Vec<i32> =
        (0..partitions).filter(|partition| !owners.contains_key(partition)).collect();
    for &(member, quota) in &quotas {
        let over = kept[member].len().min(quota);
        free.extend(kept[member].drain(over..));
    }
    free.sort_unstable();
    let mut free = free.into_iter();
    for (member, quota) in quotas {
        let lacking = quota - kept[member].len();
        kept[member].extend(free.by_ref().take(lacking));
        kept[member].sort_unstable();
    }
    kept
}

/// Who has each partition: where two say so, the one of the later generation; where those are
/// equal, neither.
fn owners(partitions: i32, candidates: &[AssignmentCandidate]) -> BTreeMap<i32, usize> {
    let mut claims: BTreeMap<i32, (i32, Option<usize>)> = BTreeMap::new();
    for (member, candidate) in candidates.iter().enumerate() {
        let known = candidate.owned.iter().filter(|it| (0..partitions).contains(it));
        for partition in known {
            let claim = (candidate.generation, Some(member));
            claims
                .entry(*partition)
                .and_modify(|best| match best.0.cmp(&claim.0) {
                    std::cmp::Ordering::Less => *best = claim,
                    std::cmp::Ordering::Equal if best.1 != claim.1 => best.1 = None,
                    _ => {}
                })
                .or_insert(claim);
        }
    }
    claims.into_iter().filter_map(|(partition, (_, owner))| Some((partition, owner?))).collect()
}

/// A partition that somebody else has is given to nobody in this round: its owner sees that it is
/// no longer its own, gives it up, and joins again.
fn withhold_moving(shares: &mut [Vec<i32>], candidates: &[AssignmentCandidate]) {
    for (member, share) in shares.iter_mut().enumerate() {
        share.retain(|partition| {
            let mut others = candidates.iter().enumerate().filter(|(other, _)| *other != member);
            candidates[member].owned.contains(partition)
                || !others.any(|(_, other)| other.owned.contains(partition))
        });
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::AssignmentStrategy::{CooperativeSticky, Range, RoundRobin};
    use super::*;

    fn member(id: &str, owned: &[i32]) -> AssignmentCandidate {
        let (member_id, owned) = (id.to_owned(), owned.to_vec());
        AssignmentCandidate { member_id, owned, generation: 1, instance_id: None }
    }

    #[test]
    fn neighbours_go_to_one_member_by_range_and_to_several_in_turn() {
        let three = [member("b", &[]), member("a", &[]), member("c", &[])];
        assert_eq!(assign(Range, 7, &three), [vec![3, 4], vec![0, 1, 2], vec![5, 6]]);
        assert_eq!(assign(RoundRobin, 7, &three), [vec![1, 4], vec![0, 3, 6], vec![2, 5]]);
        assert_eq!(assign(Range, 2, &three), [vec![1], vec![0], vec![]]);
        let mut lasting = three.to_vec();
        lasting[2].instance_id = Some("z".to_owned());
        assert_eq!(assign(Range, 3, &lasting), [[2], [1], [0]]);
        assert!(assign(Range, 3, &[]).is_empty());
    }

    #[test]
    fn a_new_member_gets_nothing_of_others_in_the_first_round_and_its_share_in_the_second() {
        let first = [member("a", &[0, 1, 2, 3, 4, 5]), member("b", &[])];
        assert_eq!(assign(CooperativeSticky, 6, &first), [vec![0, 1, 2], vec![]]);
        let second = [member("a", &[0, 1, 2]), member("b", &[])];
        assert_eq!(assign(CooperativeSticky, 6, &second), [vec![0, 1, 2], vec![3, 4, 5]]);
        // One has left: what was its own is free at once.
        let third = [member("b", &[3, 4, 5])];
        assert_eq!(assign(CooperativeSticky, 6, &third), [[0, 1, 2, 3, 4, 5]]);
    }

    #[test]
    fn a_claim_of_a_later_generation_counts_and_of_equal_ones_neither() {
        let mut two = [member("a", &[0, 1]), member("b", &[0, 1])];
        two[1].generation = 2;
        assert_eq!(owners(2, &two), BTreeMap::from([(0, 1), (1, 1)]));
        two[1].generation = 1;
        assert_eq!(owners(2, &two), BTreeMap::new());
        assert_eq!(owners(1, &[member("a", &[-1, 0, 7])]), BTreeMap::from([(0, 0)]));
    }

    proptest! {
        /// However members stand, two rounds give each partition to one of them, evenly, and
        /// none is ever given to one while another has it.
        #[test]
        fn sticky_rounds_end_even_and_never_share_a_partition(
            partitions in 1_usize..40,
            owned in proptest::collection::vec(proptest::option::of(0_usize..9), 40),
            members in 1_usize..9,
        ) {
            let mut all: Vec<AssignmentCandidate> =
                (0..members).map(|n| member(&format!("m{n}"), &[])).collect();
            for (partition, owner) in owned.iter().enumerate().take(partitions) {
                if let Some(owner) = owner.filter(|owner| *owner < members) {
                    all[owner].owned.push(i32::try_from(partition).unwrap());
                }
            }
            let before: usize = all.iter().map(|it| it.owned.len()).sum();
            let mut kept = 0;
            for round in 0..2 {
                let shares = assign(CooperativeSticky, partitions, &all);
                for (member, share) in shares.iter().enumerate() {
                    for partition in share {
                        let others = all.iter().enumerate().filter(|(other, _)| *other != member);
                        let taken = others.filter(|(_, it)| it.owned.contains(partition)).count();
                        prop_assert_eq!(taken, 0);
                    }
                    if round == 0 {
                        kept += share.iter().filter(|it| all[member].owned.contains(it)).count();
                    }
                }
                all.iter_mut().zip(shares).for_each(|(it, share)| it.owned = share);
            }
            let mut given: Vec<i32> = all.iter().flat_map(|it| it.owned.clone()).collect();
            given.sort_unstable();
            prop_assert_eq!(given, (0..i32::try_from(partitions).unwrap()).collect::<Vec<_>>());
            let sizes = || all.iter().map(|it| it.owned.len());
            prop_assert!(sizes().max().unwrap() - sizes().min().unwrap() <= 1);
            // As many stay as even shares allow.
            prop_assert!(kept <= before);
            let quota = partitions / members;
            let could = owned_counts(&owned, partitions, members);
            let least: usize = could.iter().map(|count| (*count).min(quota)).sum();
            prop_assert!(kept >= least, "{} of at least {} stay", kept, least);
        }
    }

    fn owned_counts(owned: &[Option<usize>], partitions: usize, members: usize) -> Vec<usize> {
        let of = |member| owned.iter().take(partitions).filter(|it| **it == Some(member)).count();
        (0..members).map(of).collect()
    }
}
