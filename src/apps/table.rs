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

/// Slots of the smallest table.
const SLOTS_MIN: usize = 8;

/// Values by name.
#[derive(Debug, Clone)]
pub(super) struct Table<V> {
    /// A power of two, at most three quarters of them taken.
    slots: Vec<Option<(CompactString, V)>, HugePages>,
    len: usize,
}

impl<V> Table<V> {
    pub(super) fn new() -> Self {
        Self { slots: Vec::new_in(HugePages), len: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Has a name's slot, and the next one, brought into the cache, while the caller does
    /// something else.
    #[inline]
    pub(super) fn expect(&self, name: &[u8]) {
        let home = self.home(name);
        // In a half full table every third name stands behind its home.
        for place in [home, home.wrapping_add(1)] {
            if let Some(slot) = self.slots.get(place) {
                prefetch(slot);
            }
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&V> {
        let slot = self.slots.get(self.seek(name))?;
        slot.as_ref().map(|(_, value)| value)
    }

    /// A name's value; a new name gets what `new` gives.
    #[inline]
    pub(super) fn get_or_insert_with(&mut self, name: &str, new: impl FnOnce() -> V) -> &mut V {
        let mut place = self.seek(name);
        if self.slots.get(place).is_none_or(Option::is_none) {
            self.reserve(1);
            self.len += 1;
            place = self.seek(name);
        }
        &mut self.slots[place].get_or_insert_with(|| (name.into(), new())).1
    }

    /// Makes room for so many names more.
    pub(super) fn reserve(&mut self, more: usize) {
        let slots = ((self.len + more) * 4).div_ceil(3).next_power_of_two().max(SLOTS_MIN);
        if slots <= self.slots.len() {
            return;
        }
        let mut larger = Vec::with_capacity_in(slots, HugePages);
        larger.resize_with(slots, || None);
        let smaller = std::mem::replace(&mut self.slots, larger);
        for (name, value) in smaller.into_iter().flatten() {
            let place = self.seek(&name);
            self.slots[place] = Some((name, value));
        }
    }

    pub(super) fn remove(&mut self, name: &str) -> Option<(CompactString, V)> {
        let place = self.seek(name);
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
            let home = self.home(name.as_bytes());
            if (at.wrapping_sub(home) & mask) >= (at.wrapping_sub(hole) & mask) {
                self.slots.swap(hole, at);
                hole = at;
            }
        }
    }

    /// Keeps those of which `keep` says so; it may be asked twice of the same one.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(&V) -> bool) {
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

    /// In no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&CompactString, &V)> {
        self.slots.iter().flatten().map(|(name, value)| (name, value))
    }

    /// In no order.
    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.slots.iter_mut().flatten().map(|(_, value)| value)
    }

    /// Takes everything in from another table; `absorb` brings two values of a name together.
    pub(super) fn merge(&mut self, other: Self, mut absorb: impl FnMut(&mut V, V)) {
        if self.len == 0 {
            *self = other;
            return;
        }
        // Names come in the order of their homes. Without all the room before, those of the first
        // quarter would fill up the first quarter here, and be long in finding a place.
        self.reserve(other.len);
        for (name, value) in other.slots.into_iter().flatten() {
            let place = self.seek(&name);
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
    fn seek(&self, name: &str) -> usize {
        let mask = self.slots.len().wrapping_sub(1);
        let mut place = self.home(name.as_bytes());
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
    fn home(&self, name: &[u8]) -> usize {
        FixedState::default().hash_one(name) as usize & self.slots.len().wrapping_sub(1)
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
        assert!(table.len() * 4 <= table.slots.len() * 3);
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
        let mask = whole.slots.len() - 1;
        let far = |(at, slot): (usize, &Option<(CompactString, u32)>)| {
            slot.as_ref().map(|(name, _)| at.wrapping_sub(whole.home(name.as_bytes())) & mask)
        };
        let far: std::vec::Vec<_> = whole.slots.iter().enumerate().filter_map(far).collect();
        let mean = far.iter().sum::<usize>() as f64 / far.len() as f64;
        // 80,000 of 131,072 slots: Knuth's (1/(1-0.61) - 1)/2 steps beyond the first.
        assert!(mean < 1.0, "{mean}");
    }
}
