//! Things by consecutive numbers, such as the slices of time.

use std::collections::VecDeque;

/// A stretch of numbers without gaps, each with something of its own.
#[derive(Debug, Clone)]
pub(super) struct Span<T> {
    first: i64,
    items: VecDeque<T>,
}

impl<T> Default for Span<T> {
    fn default() -> Self {
        Self { first: 0, items: VecDeque::new() }
    }
}

impl<T: Default> Span<T> {
    /// The thing of a number; the stretch grows up to it, at either end.
    pub(super) fn at(&mut self, number: i64) -> &mut T {
        if self.items.is_empty() {
            self.first = number;
        }
        while number < self.first {
            self.items.push_front(T::default());
            self.first -= 1;
        }
        let index = (number - self.first) as usize;
        if index >= self.items.len() {
            self.items.resize_with(index + 1, T::default);
        }
        &mut self.items[index]
    }

    /// The thing of a number within the stretch.
    pub(super) fn get(&self, number: i64) -> Option<&T> {
        let index = usize::try_from(number.checked_sub(self.first)?).ok()?;
        self.items.get(index)
    }

    /// Cuts off everything before a number.
    pub(super) fn drop_before(&mut self, number: i64, mut gone: impl FnMut(T)) {
        while self.first < number
            && let Some(item) = self.items.pop_front()
        {
            gone(item);
            self.first += 1;
        }
    }

    /// Everything with its number, in order.
    pub(super) fn into_iter(self) -> impl Iterator<Item = (i64, T)> {
        (self.first..).zip(self.items)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stretch_grows_at_both_ends_and_is_cut_at_its_begin() {
        let mut span = Span::<u64>::default();
        for number in [5, 7, 3, 5] {
            *span.at(number) += 1;
        }
        assert_eq!([2, 3, 4, 5, 6, 7, 8].map(|n| span.get(n).copied()), {
            [None, Some(1), Some(0), Some(2), Some(0), Some(1), None]
        });
        let mut gone = 0;
        span.drop_before(6, |count| gone += count);
        assert_eq!((gone, span.get(5), span.get(7)), (3, None, Some(&1)));
        span.drop_before(100, |count| gone += count);
        assert_eq!(gone, 4);
        *span.at(i64::MAX / 2) += 9;
        assert_eq!(span.into_iter().collect::<Vec<_>>(), [(i64::MAX / 2, 9)]);
    }
}
