//! The watermark: how far a partition has come in event time, and what comes too late for it.
//! A time that is wrong and ahead is kept from it before ([`super::leaps`]).

/// The greatest event time of a partition, and how many events were too far behind it.
#[derive(Debug, Clone)]
pub(crate) struct Watermark {
    lateness_us: i64,
    newest_us: i64,
    late: u64,
}

impl Watermark {
    /// Nothing seen yet; events up to `lateness_us` behind the newest are in time.
    pub(crate) fn new(lateness_us: i64) -> Self {
        Self { lateness_us, newest_us: i64::MIN, late: 0 }
    }

    /// Takes in the time of an event, and says whether it is late.
    pub(crate) fn is_late(&mut self, due_us: i64) -> bool {
        self.newest_us = self.newest_us.max(due_us);
        let late = due_us < self.newest_us.saturating_sub(self.lateness_us);
        self.late += u64::from(late);
        late
    }

    /// The greatest event time so far.
    pub(crate) fn newest_us(&self) -> i64 {
        self.newest_us
    }

    /// Events that were late.
    pub(crate) fn late(&self) -> u64 {
        self.late
    }

    /// Takes in another partition's; from now on the later of the two counts.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.newest_us = self.newest_us.max(other.newest_us);
        self.late += other.late;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn late_is_what_lies_further_behind_than_allowed() {
        let mut mark = Watermark::new(10);
        let late = [100, 90, 89, 95, 120, 109, 110].map(|due_us| mark.is_late(due_us));
        assert_eq!(late, [false, false, true, false, false, true, false]);
        let mut other = Watermark::new(10);
        other.is_late(200);
        mark.merge(&other);
        assert!(mark.is_late(189));
        assert_eq!(mark.late(), 3);
        assert!(!Watermark::new(10).is_late(i64::MIN));
    }
}
