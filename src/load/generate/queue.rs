//! Entries in order of time, of which the earliest is taken.
//!
//! A heap of a million entries costs a chain of cache misses for each event. Times here hardly
//! ever lie before the one that was taken last, so entries are dealt into slots by the highest
//! digit in which their time differs from now, and dealt anew when that slot's turn comes: each
//! entry is moved a few times, always in a row (a radix heap: Ahuja, Mehlhorn, Orlin and Tarjan,
//! "Faster Algorithms for the Shortest Path Problem", Journal of the ACM 37, 1990, section 2; with
//! digits of 64 it is a hierarchical timing wheel). The order is that of the numbers, to the last
//! bit.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Entries that differ in lower bits only are of one window: they are sorted.
const WINDOW_BITS: u32 = 34;
/// Bits of a digit.
const DIGIT_BITS: u32 = 6;
const DIGITS: usize = 1 << DIGIT_BITS;
const LEVELS: usize = (u64::BITS - WINDOW_BITS).div_ceil(DIGIT_BITS) as usize;
/// Slots that had room for more give it back once they are empty.
const KEPT_MAX: usize = 64;

/// A queue of numbers that begin with a time.
#[derive(Debug, Clone)]
pub(super) struct Queue {
    /// Those of the window that is on, the earliest last.
    now: Vec<u64>,
    /// Those that came when their window was on already, or past.
    late: BinaryHeap<Reverse<u64>>,
    /// The window that is on.
    window: u64,
    /// By level and digit: those that have all higher digits in common with the window.
    slots: Vec<Vec<u64>>,
    /// By level: the digits whose slots hold any.
    taken: [u64; LEVELS],
    len: usize,
}

impl Queue {
    pub(super) fn new() -> Self {
        Self {
            now: Vec::new(),
            late: BinaryHeap::new(),
            window: 0,
            slots: vec![Vec::new(); LEVELS * DIGITS],
            taken: [0; LEVELS],
            len: 0,
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(super) fn push(&mut self, entry: u64) {
        self.len += 1;
        if entry >> WINDOW_BITS <= self.window {
            self.late.push(Reverse(entry));
        } else {
            self.deal(entry);
        }
    }

    /// The earliest one, which stays.
    #[inline]
    pub(super) fn first(&mut self) -> Option<u64> {
        self.first_until(u64::MAX)
    }

    /// The earliest one, which stays; `None` where all are beyond `until`. One that is beyond may
    /// come nevertheless.
    ///
    /// Who goes on from there with something earlier gives that as `until`: had the window gone to
    /// the first of these entries, all that is pushed until then would be late, and a heap again.
    #[inline]
    pub(super) fn first_until(&mut self, until: u64) -> Option<u64> {
        if self.now.is_empty() && self.late.is_empty() {
            self.turn_over(until >> WINDOW_BITS);
        }
        let late = self.late.peek().map(|Reverse(entry)| *entry);
        match (self.now.last().copied(), late) {
            (Some(now), Some(late)) => Some(now.min(late)),
            (now, late) => now.or(late),
        }
    }

    /// Takes the earliest one.
    #[inline]
    pub(super) fn pop(&mut self) -> Option<u64> {
        let first = self.first()?;
        self.len -= 1;
        if self.now.last() == Some(&first) {
            self.now.pop()
        } else {
            self.late.pop().map(|Reverse(entry)| entry)
        }
    }

    /// One that will be the earliest after so many others, if that is known already and nothing
    /// comes in between.
    #[inline]
    pub(super) fn ahead(&self, by: usize) -> Option<u64> {
        self.now.len().checked_sub(by + 1).map(|place| self.now[place])
    }

    /// Lowers all of them by so much, but not below 0.
    pub(super) fn lower(&mut self, by: u64) {
        let old = std::mem::replace(self, Self::new());
        let late = old.late.into_iter().map(|Reverse(entry)| entry);
        let all = old.now.into_iter().chain(late).chain(old.slots.into_iter().flatten());
        all.for_each(|entry| self.push(entry.saturating_sub(by)));
    }

    /// Puts an entry behind the window into its slot.
    #[inline]
    fn deal(&mut self, entry: u64) {
        let window = entry >> WINDOW_BITS;
        let level = (window ^ self.window).ilog2() / DIGIT_BITS;
        let digit = (window >> (level * DIGIT_BITS)) as usize % DIGITS;
        let level = level as usize;
        self.taken[level] |= 1 << digit;
        let slot = &mut self.slots[level * DIGITS + digit];
        if slot.len() == slot.capacity() {
            // Room for two million where one is needed would show.
            slot.reserve_exact((slot.len() / 8).max(16));
        }
        slot.push(entry);
    }

    /// Goes on to the next window that has any, unless it is beyond the last that may be gone to.
    #[cold]
    fn turn_over(&mut self, last: u64) {
        while self.now.is_empty()
            && let Some(level) = self.taken.iter().position(|taken| *taken != 0)
        {
            let digit = self.taken[level].trailing_zeros();
            let below = level as u32 * DIGIT_BITS;
            let prefix = self.window >> (below + DIGIT_BITS) << DIGIT_BITS | u64::from(digit);
            let window = prefix << below;
            if window > last {
                break;
            }
            self.window = window;
            self.taken[level] &= !(1 << digit);
            let place = level * DIGITS + digit as usize;
            let mut slot = std::mem::take(&mut self.slots[place]);
            if level == 0 {
                std::mem::swap(&mut self.now, &mut slot);
            }
            for entry in slot.drain(..) {
                if entry >> WINDOW_BITS == self.window {
                    self.now.push(entry);
                } else {
                    self.deal(entry);
                }
            }
            if slot.capacity() <= KEPT_MAX {
                self.slots[place] = slot;
            }
        }
        self.now.sort_unstable_by_key(|entry| Reverse(*entry));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Pauses from nothing to days, entries before the window, and the clock set back.
        #[test]
        fn it_gives_what_a_heap_gives(
            steps in prop::collection::vec((0..12_u8, 0..50_u32, any::<u64>()), 0..600),
        ) {
            let (mut queue, mut heap) = (Queue::new(), BinaryHeap::new());
            let mut now = 0;
            for (what, bits, random) in steps {
                match what {
                    0..6 => {
                        let entry = now + random % (1 << bits);
                        queue.push(entry);
                        heap.push(Reverse(entry));
                    }
                    6 => {
                        let entry = now - now.min(random % (1 << bits));
                        queue.push(entry);
                        heap.push(Reverse(entry));
                    }
                    7..9 => {
                        let expected = heap.pop().map(|Reverse(entry)| entry);
                        prop_assert_eq!(queue.first(), expected);
                        prop_assert_eq!(queue.pop(), expected);
                        now = expected.map_or(now, |entry| entry.max(now));
                    }
                    9..11 => {
                        let until = now + random % (1 << bits);
                        let expected = heap.peek().map(|Reverse(entry)| *entry);
                        match queue.first_until(until) {
                            None => prop_assert!(expected.is_none_or(|entry| entry > until)),
                            first => prop_assert_eq!(first, expected),
                        }
                        // A group's turn: the clock goes on without the queue.
                        if expected.is_none_or(|entry| entry > until) {
                            now = until;
                        }
                    }
                    _ => {
                        let by = now / 2;
                        queue.lower(by);
                        heap = heap.into_iter().map(|Reverse(it)| Reverse(it.saturating_sub(by)))
                            .collect();
                        now -= by;
                    }
                }
                prop_assert_eq!(queue.len(), heap.len());
            }
            let rest: Vec<u64> = std::iter::from_fn(|| queue.pop()).collect();
            let mut all: Vec<u64> = heap.into_iter().map(|Reverse(entry)| entry).collect();
            all.sort_unstable();
            prop_assert_eq!(rest, all);
        }
    }

    #[test]
    fn what_comes_next_is_known_within_a_window() {
        let mut queue = Queue::new();
        [5, 3, 9, 1 << 40].into_iter().for_each(|entry| queue.push(entry));
        // Nothing but what came too late for the window that is on.
        assert_eq!(queue.ahead(0), None);
        assert_eq!([3, 5, 9].map(Some), [(); 3].map(|()| queue.pop()));
        [(1 << 40) + 7, (1 << 40) + 3].into_iter().for_each(|entry| queue.push(entry));
        assert_eq!(queue.first(), Some(1 << 40));
        let ahead: Vec<_> = (0..4).map(|by| queue.ahead(by)).collect();
        let of = |low: u64| Some((1 << 40) + low);
        assert_eq!(ahead, [of(0), of(3), of(7), None]);
    }

    /// A look at the first one, far ahead, while others take their turns before it.
    #[test]
    fn what_is_pushed_before_the_first_one_is_not_late() {
        let mut queue = Queue::new();
        let minute = 60_u64 << (WINDOW_BITS + 6);
        queue.push(minute);
        for window in 1..60 * 64_u64 {
            let at = window << WINDOW_BITS;
            while let Some(first) = queue.first_until(at).filter(|first| *first <= at) {
                assert_eq!(queue.pop(), Some(first));
            }
            queue.push(at + minute / 2);
            assert!(queue.late.is_empty(), "{window}");
        }
        queue.first();
        queue.push(minute / 2);
        assert_eq!(queue.late.len(), 1);
    }

    #[test]
    fn a_slot_that_was_large_gives_its_room_back() {
        let mut queue = Queue::new();
        (0..200_000).for_each(|number| queue.push((1 << 50) + (number << 24)));
        while queue.pop().is_some() {}
        let room: usize = queue.slots.iter().map(Vec::capacity).sum();
        assert!(room <= LEVELS * DIGITS * KEPT_MAX, "{room}");
    }
}
