//! An interval of one stage, in numbers.

use super::Latency;

/// One interval of a stage.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct IntervalRow {
    /// Events that came through in it, whenever they were due; those of the warm-up too.
    pub events: u64,
    /// Measured samples of what was due in it, whenever it came through; as all that follows.
    pub count: u64,
    /// Of these, never delivered.
    pub never_delivered: u64,
    /// What these exceed, in ns; `None` where there are none.
    pub endless_ns: Option<i64>,
    /// The median in ns; `None` without enough samples, and where it has no end.
    pub p50_ns: Option<i64>,
    /// The 99th percentile in ns; `None` without enough samples, and where it has no end.
    pub p99_ns: Option<i64>,
    /// The greatest in ns; `None` without samples, and where it has no end.
    pub max_ns: Option<i64>,
}

impl IntervalRow {
    pub(super) fn of(latency: &Latency) -> Self {
        Self {
            events: 0,
            count: latency.count(),
            never_delivered: latency.never_delivered(),
            endless_ns: latency.endless_ns(),
            p50_ns: latency.percentile(0.5),
            p99_ns: latency.percentile(0.99),
            max_ns: latency.max(),
        }
    }

    /// With samples that came when the ranks of its own were lost: a percentile that these have
    /// pushed up is somewhere below the greatest, which then stands for it.
    pub(super) fn with_late(self, late: Self) -> Self {
        let (count, never) = (self.count + late.count, self.never_delivered + late.never_delivered);
        let max_ns =
            if never > 0 { None } else { self.max_ns.into_iter().chain(late.max_ns).max() };
        let endless_ns = self.endless_ns.into_iter().chain(late.endless_ns).max();
        let pushed = |own: Option<i64>, quantile: f64| {
            let is_endless = Latency::rank_of(quantile, count) > count - never;
            match own.filter(|_| !is_endless) {
                Some(own) if late.never_delivered == 0 => Some(own),
                Some(_) => self.max_ns,
                None => None,
            }
        };
        let (p50_ns, p99_ns) = (pushed(self.p50_ns, 0.5), pushed(self.p99_ns, 0.99));
        let events = self.events;
        Self { events, count, never_delivered: never, endless_ns, p50_ns, p99_ns, max_ns }
    }
}
