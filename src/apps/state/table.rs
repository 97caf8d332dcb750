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

use allocator_api2::vec::Vec as Slots;
use compact_str::CompactString;
use foldhash::fast::FixedState;

use crate::base::huge_pages::{HugePages, prefetch};

/// Slots of the smallest shard.
const SLOTS_MIN: usize = 8;

/// Shards of a table: a power of two.
const SHARDS: usize = 8;

/// With so many names a table becomes one of shards.
const SPLIT_LEN: usize = 4_096;

/// Values by name.
///
/// While a table doubles, whoever waits for it waits for every entry to be moved: of half a million
/// users that was a tenth of a second, in all partitions at about the same moment. So a large one
/// is made of shards, each full at another share of its slots: they double one after the other,
/// evenly spread over the names that come, and each moves an eighth.
#[derive(Debug, Clone)]
pub(crate) struct NameTable<V> {
    shards: [TableShard<V>; SHARDS],
    /// How many of these are in use, less one: one is, or all are.
    mask: usize,
    len: usize,
}

impl<V> NameTable<V> {
    pub(crate) fn new() -> Self {
        Self { shards: std::array::from_fn(TableShard::new), mask: 0, len: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Has a name's slot, and the next one, brought into the cache, while the caller does
    /// something else.
    #[inline]
    pub(crate) fn prefetch(&self, name: &[u8]) {
        let hash = hash_of(name);
        self.shards[self.shard_of(hash)].prefetch(hash);
    }

    pub(crate) fn get(&self, name: &str) -> Option<&V> {
        let hash = hash_of(name.as_bytes());
        self.shards[self.shard_of(hash)].get(hash, name)
    }

    /// A name's value; a new name gets what `new` gives.
    #[inline]
    pub(crate) fn get_or_insert_with(&mut self, name: &str, new: impl FnOnce() -> V) -> &mut V {
        if self.mask == 0 && self.len >= SPLIT_LEN {
            self.split();
        }
        let hash = hash_of(name.as_bytes());
        let number = self.shard_of(hash);
        let shard = &mut self.shards[number];
        let place = shard.place_for(hash, name);
        &mut shard.slots[place]
            .get_or_insert_with(|| {
                shard.len += 1;
                self.len += 1;
                (name.into(), new())
            })
            .1
    }

    pub(crate) fn remove(&mut self, name: &str) -> Option<(CompactString, V)> {
        let hash = hash_of(name.as_bytes());
        let number = self.shard_of(hash);
        let removed = self.shards[number].remove(hash, name);
        self.len -= usize::from(removed.is_some());
        removed
    }

    /// Keeps those of which `keep` says so; it may be asked twice of the same one.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&V) -> bool) {
        self.shards.iter_mut().for_each(|shard| shard.retain(&mut keep));
        self.count();
    }

    /// In no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&CompactString, &V)> {
        let slots = self.shards.iter().flat_map(|shard| &shard.slots);
        slots.flatten().map(|(name, value)| (name, value))
    }

    /// In no order.
    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        let slots = self.shards.iter_mut().flat_map(|shard| &mut shard.slots);
        slots.flatten().map(|(_, value)| value)
    }

    /// Takes everything in from another table; `absorb` brings two values of a name together.
    pub(crate) fn merge(&mut self, mut other: Self, mut absorb: impl FnMut(&mut V, V)) {
        if self.mask.max(other.mask) > 0 {
            self.split();
            other.split();
        }
        for (own, other) in self.shards.iter_mut().zip(other.shards) {
            own.merge(other, &mut absorb);
        }
        self.count();
    }

    /// Has all shards from now on.
    #[cold]
    fn split(&mut self) {
        if self.mask > 0 {
            return;
        }
        (self.mask, self.len) = (SHARDS - 1, 0);
        let whole = std::mem::replace(&mut self.shards[0], TableShard::new(0));
        for (name, value) in whole.slots.into_iter().flatten() {
            self.get_or_insert_with(&name, || value);
        }
    }

    fn count(&mut self) {
        self.len = self.shards.iter().map(|shard| shard.len).sum();
    }

    /// By the highest bits of the hash: the lowest ones give the slot.
    #[inline]
    fn shard_of(&self, hash: u64) -> usize {
        (hash >> (u64::BITS - SHARDS.ilog2())) as usize & self.mask
    }
}

fn hash_of(name: &[u8]) -> u64 {
    FixedState::default().hash_one(name)
}

/// The part of a table whose hashes begin alike.
#[derive(Debug, Clone)]
struct TableShard<V> {
    /// A power of two, at most `full` of them taken.
    slots: Slots<Option<(CompactString, V)>, HugePages>,
    len: usize,
    /// The most of 1,024 slots that are taken.
    full: usize,
}

impl<V> TableShard<V> {
    /// Full between three quarters and three eighths, by equal ratios: a table that grows evenly
    /// has one of its shards doubled after the other, at equal ratios of its size.
    fn new(number: usize) -> Self {
        let full = 768.0 * f64::exp2(-(number as f64) / SHARDS as f64);
        Self { slots: Slots::new_in(HugePages), len: 0, full: full as usize }
    }

    #[inline]
    fn prefetch(&self, hash: u64) {
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
        let mut larger = Slots::with_capacity_in(slots, HugePages);
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
mod tests;
