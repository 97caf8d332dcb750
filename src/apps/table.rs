//! The table behind [`super::users`]: open addressing, and the names stand in the slots.
//!
//! Tables that keep tags of the hashes apart from the entries, as hashbrown's do, have to wait for
//! memory twice when neither is in the cache: first the tag, and the place that it gives, then
//! the entry. Here the hash gives the slot itself, so that its memory can be asked for before
//! anything of the table was read. Of a million users, that is most of an event's cost.
//!
//! Slots are probed one after the other, and what is removed is closed up, so that there are no
//! tombstones (Knuth, The Art of Computer Programming, volume 3, section 6.4, algorithms L and R).

use std::hash::BuildHasher;

use allocator_api2::vec::Vec;
use compact_str::CompactString;
use foldhash::fast::FixedState;

use super::huge::{HugePages, prefetch};

/// Slots of the smallest shard.
const SLOTS_MIN: usize = 8;

/// Shards of a table: a power of two.
const SHARDS: usize = 16;

/// Values by name.
///
/// While a table doubles, whoever waits for it waits for every entry to be moved: of half a million
/// users that was a tenth of a second, in all partitions at about the same moment. So it is made of
/// shards, each full at another share of its slots: they double one after the other, evenly spread
/// over the names that come, and each moves a sixteenth.
#[derive(Debug, Clone)]
pub(super) struct Table<V> {
    shards: [Shard<V>; SHARDS],
    len: usize,
}

impl<V> Table<V> {
    pub(super) fn new() -> Self {
        Self { shards: std::array::from_fn(Shard::new), len: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Has a name's slot, and the next one, brought into the cache, while the caller does
    /// something else.
    #[inline]
    pub(super) fn expect(&self, name: &[u8]) {
        let hash = hash_of(name);
        self.shards[shard_of(hash)].expect(hash);
    }

    pub(super) fn get(&self, name: &str) -> Option<&V> {
        let hash = hash_of(name.as_bytes());
        self.shards[shard_of(hash)].get(hash, name)
    }

    /// A name's value; a new name gets what `new` gives.
    #[inline]
    pub(super) fn get_or_insert_with(&mut self, name: &str, new: impl FnOnce() -> V) -> &mut V {
        let hash = hash_of(name.as_bytes());
        let shard = &mut self.shards[shard_of(hash)];
        let place = shard.place_for(hash, name);
        &mut shard.slots[place]
            .get_or_insert_with(|| {
                shard.len += 1;
                self.len += 1;
                (name.into(), new())
            })
            .1
    }

    pub(super) fn remove(&mut self, name: &str) -> Option<(CompactString, V)> {
        let hash = hash_of(name.as_bytes());
        let removed = self.shards[shard_of(hash)].remove(hash, name);
        self.len -= usize::from(removed.is_some());
        removed
    }

    /// Keeps those of which `keep` says so; it may be asked twice of the same one.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(&V) -> bool) {
        self.shards.iter_mut().for_each(|shard| shard.retain(&mut keep));
        self.count();
    }

    /// In no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&CompactString, &V)> {
        let slots = self.shards.iter().flat_map(|shard| &shard.slots);
        slots.flatten().map(|(name, value)| (name, value))
    }

    /// In no order.
    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        let slots = self.shards.iter_mut().flat_map(|shard| &mut shard.slots);
        slots.flatten().map(|(_, value)| value)
    }

    /// Takes everything in from another table; `absorb` brings two values of a name together.
    pub(super) fn merge(&mut self, other: Self, mut absorb: impl FnMut(&mut V, V)) {
        for (own, other) in self.shards.iter_mut().zip(other.shards) {
            own.merge(other, &mut absorb);
        }
        self.count();
    }

    fn count(&mut self) {
        self.len = self.shards.iter().map(|shard| shard.len).sum();
    }
}

fn hash_of(name: &[u8]) -> u64 {
    FixedState::default().hash_one(name)
}

/// By the highest bits: the lowest ones give the slot.
fn shard_of(hash: u64) -> usize {
    (hash >> (u64::BITS - SHARDS.ilog2())) as usize
}

/// The part of a table whose hashes begin alike.
#[derive(Debug, Clone)]
struct Shard<V> {
    /// A power of two, at most `full` of them taken.
    slots: Vec<Option<(CompactString, V)>, HugePages>,
    len: usize,
    /// The most of 1,024 slots that are taken.
    full: usize,
}

impl<V> Shard<V> {
    /// Full between three quarters and three eighths, by equal ratios: a table that grows evenly
    /// has one of its shards doubled after the other, at equal ratios of its size.
    fn new(number: usize) -> Self {
        let full = 768.0 * f64::exp2(-(number as f64) / SHARDS as f64);
        Self { slots: Vec::new_in(HugePages), len: 0, full: full as usize }
    }

    #[inline]
    fn expect(&self, hash: u64) {
        let home = self.home(hash);
        // In a half full table every third name stands behind its home.
        for place in [home, home.wrapping_add(1)] {
            if let Some(slot) = self.slots.get(place) {
                prefetch(slot);
            }
        }
    }

    fn get(&self, hash: u64, name: &str) -> Option<&V> {
        let slot = self.slots.get(self.seek(hash, name))?;
        slot.as_ref().map(|(_, value)| value)
    }

    /// Where a name is, or a free slot for it.
    #[inline]
    fn place_for(&mut self, hash: u64, name: &str) -> usize {
        let place = self.seek(hash, name);
        if self.slots.get(place).is_some_and(Option::is_some) || !self.reserve(1) {
            return place;
        }
        self.seek(hash, name)
    }

    /// Makes room for so many names more; whether names have moved for it.
    fn reserve(&mut self, more: usize) -> bool {
        let slots = ((self.len + more) * 1_024).div_ceil(self.full).next_power_of_two();
        let slots = slots.max(SLOTS_MIN);
        if slots <= self.slots.len() {
            return false;
        }
        let mut larger = Vec::with_capacity_in(slots, HugePages);
        larger.resize_with(slots, || None);
        let smaller = std::mem::replace(&mut self.slots, larger);
        for (name, value) in smaller.into_iter().flatten() {
            let place = self.seek(hash_of(name.as_bytes()), &name);
            self.slots[place] = Some((name, value));
        }
        true
    }

    fn remove(&mut self, hash: u64, name: &str) -> Option<(CompactString, V)> {
        let place = self.seek(hash, name);
        self.slots.get(place)?.as_ref()?;
        self.remove_at(place)
    }

    /// Empties a slot, and moves up those behind it that would not be found any more.
    fn remove_at(&mut self, place: usize) -> Option<(CompactString, V)> {
        let removed = self.slots[place].take();
        self.len -= usize::from(removed.is_some());
        let (mask, mut hole, mut at) = (self.slots.len() - 1, place, place);
        loop {
            at = (at + 1) & mask;
            let Some((name, _)) = &self.slots[at] else { return removed };
            // As far from its home as from the hole, or farther: it may stand in the hole.
            let home = self.home(hash_of(name.as_bytes()));
            if (at.wrapping_sub(home) & mask) >= (at.wrapping_sub(hole) & mask) {
                self.slots.swap(hole, at);
                hole = at;
            }
        }
    }

    fn retain(&mut self, mut keep: impl FnMut(&V) -> bool) {
        // From behind an empty slot, since what moves up comes from places not yet looked at.
        let Some(start) = self.slots.iter().position(Option::is_none) else { return };
        let mask = self.slots.len() - 1;
        for step in 1..=mask {
            let place = (start + step) & mask;
            while self.slots[place].as_ref().is_some_and(|(_, value)| !keep(value)) {
                self.remove_at(place);
            }
        }
    }

    fn merge(&mut self, other: Self, mut absorb: impl FnMut(&mut V, V)) {
        if self.len == 0 {
            *self = other;
            return;
        }
        // Names come in the order of their homes. Without all the room before, those of the first
        // quarter would fill up the first quarter here, and be long in finding a place.
        self.reserve(other.len);
        for (name, value) in other.slots.into_iter().flatten() {
            let place = self.seek(hash_of(name.as_bytes()), &name);
            match &mut self.slots[place] {
                Some((_, here)) => absorb(here, value),
                empty => {
                    *empty = Some((name, value));
                    self.len += 1;
                }
            }
        }
    }

    /// Where a name is, or would be; beyond the slots where there are none.
    #[inline]
    fn seek(&self, hash: u64, name: &str) -> usize {
        let mask = self.slots.len().wrapping_sub(1);
        let mut place = self.home(hash);
        while let Some(Some((other, _))) = self.slots.get(place) {
            if other == name {
                break;
            }
            place = (place + 1) & mask;
        }
        place
    }

    /// Where a name belongs.
    #[inline]
    fn home(&self, hash: u64) -> usize {
        hash as usize & self.slots.len().wrapping_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    fn sorted(table: &Table<u32>) -> std::vec::Vec<(String, u32)> {
        let mut all: std::vec::Vec<_> =
            table.iter().map(|(name, value)| (name.to_string(), *value)).collect();
        all.sort();
        all
    }

    fn of(model: &HashMap<String, u32>) -> std::vec::Vec<(String, u32)> {
        let mut all: std::vec::Vec<_> =
            model.iter().map(|(name, value)| (name.clone(), *value)).collect();
        all.sort();
        all
    }

    /// Every name is found where the table looks for it.
    fn check(table: &Table<u32>, model: &HashMap<String, u32>) {
        assert_eq!((sorted(table), table.len()), (of(model), model.len()));
        for (name, value) in model {
            assert_eq!(table.get(name), Some(value), "{name}");
        }
        for shard in &table.shards {
            assert!(shard.len * 1_024 <= shard.slots.len() * shard.full);
        }
    }

    proptest! {
        #[test]
        fn it_does_what_the_standard_library_s_map_does(
            steps in prop::collection::vec((0..8_u8, 0..60_u32), 0..400),
        ) {
            let (mut table, mut model) = (Table::new(), HashMap::new());
            for (what, number) in steps {
                let name = format!("user-{number}");
                match what {
                    0..5 => {
                        *table.get_or_insert_with(&name, || 0) += 1;
                        *model.entry(name).or_insert(0) += 1;
                    }
                    5..7 => {
                        let removed = table.remove(&name).map(|(_, value)| value);
                        prop_assert_eq!(removed, model.remove(&name));
                    }
                    _ => {
                        table.retain(|value| (value + number) % 3 > 0);
                        model.retain(|_, value| (*value + number) % 3 > 0);
                    }
                }
                prop_assert_eq!(table.get("nobody"), None);
            }
            check(&table, &model);
        }

        #[test]
        fn two_become_one(
            ours in prop::collection::hash_map("[a-f]{1,3}", 0..9_u32, 0..200),
            theirs in prop::collection::hash_map("[a-f]{1,3}", 0..9_u32, 0..200),
        ) {
            let table = |model: &HashMap<String, u32>| {
                let mut table = Table::new();
                for (name, value) in model {
                    table.get_or_insert_with(name, || *value);
                }
                table
            };
            let mut both = table(&ours);
            both.merge(table(&theirs), |here, there| *here += there);
            let mut model = ours;
            for (name, value) in theirs {
                *model.entry(name).or_insert(0) += value;
            }
            check(&both, &model);
        }
    }

    #[test]
    fn names_stand_close_to_their_homes_however_the_table_grew() {
        let mut whole = Table::new();
        for part in 0..8 {
            let mut table = Table::new();
            for user in 0..10_000 {
                table.get_or_insert_with(&format!("user-{part}-{user}"), || 0_u32);
            }
            whole.merge(table, |_, _| panic!("nobody is in two parts"));
        }
        let far = |(at, slot): (usize, &Option<(CompactString, u32)>), shard: &Shard<u32>| {
            let home = slot.as_ref().map(|(name, _)| shard.home(hash_of(name.as_bytes())))?;
            Some(at.wrapping_sub(home) & (shard.slots.len() - 1))
        };
        let of = |shard: &Shard<u32>| -> std::vec::Vec<usize> {
            shard.slots.iter().enumerate().filter_map(|slot| far(slot, shard)).collect()
        };
        let far: std::vec::Vec<usize> = whole.shards.iter().flat_map(of).collect();
        assert_eq!(far.len(), 80_000);
        let mean = far.iter().sum::<usize>() as f64 / far.len() as f64;
        // At three quarters it would be Knuth's (1/(1-0.75) - 1)/2, one and a half steps beyond
        // the first.
        assert!(mean < 1.0, "{mean}");
    }

    #[test]
    fn it_grows_in_small_steps_evenly_spread() {
        let mut table = Table::new();
        let mut steps = std::vec::Vec::new();
        for user in 0..400_000_usize {
            let sizes = |table: &Table<()>| table.shards.each_ref().map(|shard| shard.slots.len());
            let before = sizes(&table);
            table.get_or_insert_with(&format!("user-{user:06}"), || ());
            let grown =
                before.iter().zip(sizes(&table)).position(|(before, after)| *before < after);
            if let Some(grown) = grown.filter(|_| user >= 50_000) {
                let moved = table.shards[grown].len;
                assert!(moved * 12 < table.len(), "{moved} of {} at once", table.len());
                steps.push(user as f64);
            }
        }
        // Sixteen steps for each doubling, each some 4.4 % after the one before.
        let ratios = steps.windows(2).map(|pair| pair[1] / pair[0]);
        assert!((45..=51).contains(&steps.len()), "{}", steps.len());
        let longest = ratios.fold(1.0, f64::max);
        assert!(longest < 1.1, "{longest}");
    }
}
