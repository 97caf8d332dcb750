//! The last seconds of a partition, in a ring.

use crate::apps::state::interner::OTHER_ID;

pub(super) const SECOND_US: i64 = 1_000_000;

/// What happened in one second.
#[derive(Debug, Clone, Default)]
pub(super) struct Second {
    /// Which one, since 1970; `None` before the first event.
    number: Option<i64>,
    pub(super) by_type: [u64; 5],
    pub(super) revenue_cents: u64,
    /// Page views by the page's number in `Names`.
    pub(super) views: NumberCounts,
    /// Events about a product by the product's number in `Names`.
    pub(super) products: NumberCounts,
}

/// Counts by small numbers.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct NumberCounts(Vec<u32>);

impl NumberCounts {
    pub(super) fn add(&mut self, number: u32, count: u32) {
        let index = number as usize;
        if index >= self.0.len() {
            self.0.resize(index + 1, 0);
        }
        self.0[index] = self.0[index].saturating_add(count);
    }

    /// Adds all counts of another partition; `numbers` are its numbers here.
    pub(super) fn add_all(&mut self, other: &Self, numbers: &[u32]) {
        for (there, count) in other.0.iter().enumerate().filter(|(_, count)| **count > 0) {
            self.add(numbers.get(there).copied().unwrap_or(OTHER_ID), *count);
        }
    }

    pub(super) fn get(&self, number: usize) -> u64 {
        self.0.get(number).copied().unwrap_or(0).into()
    }

    /// Counts above 0 by number.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, u64)> {
        self.0.iter().map(|count| u64::from(*count)).enumerate().filter(|(_, count)| *count > 0)
    }

    pub(super) fn sum(&self) -> u64 {
        self.iter().map(|(_, count)| count).sum()
    }

    fn clear(&mut self) {
        self.0.clear();
    }
}

/// A partition's numbers of pages and products, as another one has them.
#[derive(Debug, Clone)]
pub(super) struct Numbers {
    pub(super) pages: Vec<u32>,
    pub(super) products: Vec<u32>,
}

impl Second {
    /// Makes this place that of another second; keeps the allocation.
    pub(super) fn begin(&mut self, number: i64) {
        self.number = Some(number);
        self.by_type = [0; 5];
        self.revenue_cents = 0;
        self.views.clear();
        self.products.clear();
    }

    fn add(&mut self, other: &Self, numbers: &Numbers) {
        for (count, more) in self.by_type.iter_mut().zip(other.by_type) {
            *count += more;
        }
        self.revenue_cents = self.revenue_cents.saturating_add(other.revenue_cents);
        self.views.add_all(&other.views, &numbers.pages);
        self.products.add_all(&other.products, &numbers.products);
    }
}

/// The seconds of the window and of the one before, with which it is compared: a ring by second.
#[derive(Debug, Clone)]
pub(super) struct Seconds {
    window_s: i64,
    ring: Vec<Second>,
}

impl Seconds {
    /// A window of at least `window_us`, rounded up to whole seconds.
    pub(super) fn new(window_us: i64) -> Self {
        let window_s = (window_us.max(1) + SECOND_US - 1) / SECOND_US;
        Self { window_s, ring: vec![Second::default(); window_s as usize * 2] }
    }

    /// The second that an event falls into; `None` when it is too old to matter at any later now.
    pub(super) fn at(&mut self, due_us: i64) -> Option<&mut Second> {
        self.second(due_us.div_euclid(SECOND_US))
    }

    /// The place of a second in the ring, made ready for it; `None` when a newer one has it.
    fn second(&mut self, number: i64) -> Option<&mut Second> {
        let index = number.rem_euclid(self.ring.len() as i64) as usize;
        let second = &mut self.ring[index];
        match second.number {
            Some(there) if there == number => {}
            Some(there) if there > number => return None,
            _ => second.begin(number),
        }
        Some(second)
    }

    /// Takes in another partition's seconds; `numbers` are its numbers here.
    pub(super) fn merge(&mut self, other: &Self, numbers: &Numbers) {
        for theirs in &other.ring {
            if let Some(number) = theirs.number
                && let Some(second) = self.second(number)
            {
                second.add(theirs, numbers);
            }
        }
    }

    /// The sum over the window that ended `ago` windows before now; 0 is the last, 1 the one
    /// before.
    pub(super) fn window(&self, now_us: i64, ago: i64) -> Second {
        let last_s = now_us.div_euclid(SECOND_US).saturating_sub(ago * self.window_s);
        let first_s = last_s.saturating_sub(self.window_s) + 1;
        let same = |counts: fn(&Second) -> &NumberCounts| {
            let most = self.ring.iter().map(|second| counts(second).0.len()).max().unwrap_or(0);
            (0..most as u32).collect()
        };
        let same = Numbers { pages: same(|second| &second.views), products: same(|s| &s.products) };
        let mut sum = Second::default();
        for second in &self.ring {
            if second.number.is_some_and(|number| (first_s..=last_s).contains(&number)) {
                sum.add(second, &same);
            }
        }
        sum
    }

    /// The part of the last window that a stream since `first_us` has filled, in milliseconds; at
    /// least 1.
    pub(super) fn covered_ms(&self, first_us: i64, now_us: i64) -> u64 {
        let start_s = now_us.div_euclid(SECOND_US).saturating_sub(self.window_s - 1);
        let start_us = start_s.saturating_mul(SECOND_US).max(first_us);
        (now_us.saturating_sub(start_us).max(0).unsigned_abs() / 1_000).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clicks(seconds: &Seconds, now_us: i64, ago: i64) -> u64 {
        seconds.window(now_us, ago).by_type[1]
    }

    #[test]
    fn a_window_is_its_last_seconds_and_no_others() {
        let mut seconds = Seconds::new(2_500_000);
        for number in -4..6 {
            seconds.at(number * SECOND_US).unwrap().by_type[1] += 1 << (number + 4);
        }
        let now_us = 5 * SECOND_US + 7;
        // Three seconds: 3, 4 and 5, and before them 0, 1 and 2.
        assert_eq!(clicks(&seconds, now_us, 0), 0b11_1000_0000);
        assert_eq!(clicks(&seconds, now_us, 1), 0b00_0111_0000);
        assert_eq!(clicks(&seconds, now_us + SECOND_US, 0), 0b11_0000_0000);
        assert!(seconds.at(-SECOND_US).is_none(), "six seconds before the newest");
        assert_eq!(seconds.covered_ms(-9 * SECOND_US, now_us), 2_000);
        assert_eq!(seconds.covered_ms(5 * SECOND_US, now_us), 1);
    }

    #[test]
    fn merging_renumbers_pages_and_keeps_the_newer_second() {
        let (mut left, mut right) = (Seconds::new(SECOND_US), Seconds::new(SECOND_US));
        left.at(10 * SECOND_US).unwrap().views.add(1, 5);
        right.at(8 * SECOND_US).unwrap().views.add(1, 70);
        right.at(9 * SECOND_US).unwrap().views.add(2, 3);
        right.at(9 * SECOND_US).unwrap().products.add(1, 4);
        left.merge(&right, &Numbers { pages: vec![0, 2, 1], products: vec![0, 1] });
        let of = |ago| left.window(10 * SECOND_US, ago);
        assert_eq!(
            (of(0).views, of(0).products),
            (NumberCounts(vec![0, 5]), NumberCounts::default())
        );
        assert_eq!(
            (of(1).views, of(1).products),
            (NumberCounts(vec![0, 3]), NumberCounts(vec![0, 4]))
        );
    }
}
