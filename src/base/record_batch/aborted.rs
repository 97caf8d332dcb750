//! Which transactions of a record set were aborted: a fetch response lists where they begin, and
//! markers among the records say where they end.

/// A transaction that was aborted, as a fetch response lists it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AbortedTransaction {
    /// Whose transaction it was.
    pub producer_id: i64,
    /// The offset of its first record in the partition.
    pub first_offset: i64,
}

/// Follows aborted transactions through the batches of a record set.
#[derive(Debug, Default)]
pub(super) struct AbortedFilter {
    /// Those that begin further on, the next one last.
    ahead: Vec<AbortedTransaction>,
    /// The producers in the midst of one.
    open: Vec<i64>,
}

impl AbortedFilter {
    pub(super) fn begin(&mut self, aborted: &[AbortedTransaction]) {
        self.open.clear();
        self.ahead.clear();
        self.ahead.extend_from_slice(aborted);
        self.ahead.sort_unstable_by_key(|it| std::cmp::Reverse(it.first_offset));
    }

    /// Nothing was aborted, as far as is known.
    pub(super) const fn is_idle(&self) -> bool {
        self.ahead.is_empty() && self.open.is_empty()
    }

    /// Takes note of the transactions that begin up to the end of a batch.
    pub(super) fn reach(&mut self, last_offset: i64) {
        while let Some(next) = self.ahead.pop_if(|it| it.first_offset <= last_offset) {
            self.open.push(next.producer_id);
        }
    }

    /// Whether this producer is in the midst of an aborted transaction.
    pub(super) fn is_aborted(&self, producer_id: i64) -> bool {
        self.open.contains(&producer_id)
    }

    /// A marker says that this producer's transaction has ended in an abort.
    pub(super) fn end(&mut self, producer_id: i64) {
        if let Some(place) = self.open.iter().position(|open| *open == producer_id) {
            self.open.swap_remove(place);
        }
    }
}
