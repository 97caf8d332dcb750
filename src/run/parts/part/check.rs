//! What the members of a part must be beside each other, before anything is made of them.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use super::{AppName, ConsumerPart, ProducerPart, ROWS_MORE_MAX};

/// The widths of an interval that are legal, in ns; those of a scenario are among them.
const INTERVALS_NS: RangeInclusive<u64> = 1_000_000..=3_600_000_000_000;

impl ProducerPart {
    /// Checks what a file says: a schedule within the range of dates, rows for it, and slots that
    /// have an outcome.
    ///
    /// # Errors
    /// Where it is wrong, and what was expected.
    pub(super) fn check(&self) -> Result<(), String> {
        width(self.interval_ns)?;
        self.check_times()?;
        if self.waited_ns < 0 {
            return Err(format!("waited_ns: {}; expected 0 or more", self.waited_ns));
        }
        let run = format!("{:08x}", self.outcomes.run);
        if self.result.run != run {
            return Err(format!(
                "result.run: {} where the outcomes are of {run}; expected one run",
                self.result.run
            ));
        }
        let rows = self.rows_max();
        for (number, shard) in self.outcomes.shards.iter().enumerate() {
            let place = format!("outcomes.shards[{number}]");
            shard.check().map_err(|what| format!("{place}: {what}"))?;
            if shard.dues.by_interval.len() as u64 > rows {
                let intervals = shard.dues.by_interval.len();
                return Err(format!(
                    "{place}.dues: {intervals} intervals; expected {rows} at most"
                ));
            }
        }
        self.check_steady()?;
        different(self.apps.iter())
    }

    /// One after the other, and none beyond the schedule.
    fn check_steady(&self) -> Result<(), String> {
        let end_ns = self.intervals.saturating_mul(self.interval_ns);
        let mut from_ns = 0;
        for stretch in &self.steady {
            if stretch.start < from_ns || stretch.end <= stretch.start || stretch.start > end_ns {
                return Err(format!(
                    "steady: {} to {} ns; expected one behind {from_ns} ns and before {end_ns} ns",
                    stretch.start, stretch.end
                ));
            }
            from_ns = stretch.end;
        }
        Ok(())
    }

    fn check_times(&self) -> Result<(), String> {
        let start_ns = self.start_interval.checked_mul(self.interval_ns);
        if start_ns.is_none_or(|start_ns| i64::try_from(start_ns).is_err()) {
            return Err(format!(
                "start_interval: {} of {} ns each are no date; expected one before 2262",
                self.start_interval, self.interval_ns
            ));
        }
        if self.intervals > self.rows_max() {
            return Err(format!(
                "intervals: {} where the result has {} rows; expected as many",
                self.intervals,
                self.result.series.len()
            ));
        }
        if self.measured.start > self.measured.end || self.measured.end > self.intervals {
            return Err(format!(
                "measured: {} to {}; expected a part of {} intervals",
                self.measured.start, self.measured.end, self.intervals
            ));
        }
        Ok(())
    }

    fn rows_max(&self) -> u64 {
        self.result.series.len() as u64 + ROWS_MORE_MAX
    }
}

impl ConsumerPart {
    /// Checks what a file says, as far as it does not hang on a run.
    ///
    /// # Errors
    /// Where it is wrong, and what was expected.
    pub(super) fn check(&self) -> Result<(), String> {
        width(self.interval_ns)?;
        different(self.apps.iter().map(|part| &part.app))
    }
}

fn width(interval_ns: u64) -> Result<(), String> {
    if INTERVALS_NS.contains(&interval_ns) {
        return Ok(());
    }
    let (least, most) = (INTERVALS_NS.start(), INTERVALS_NS.end());
    Err(format!("interval_ns: {interval_ns}; expected {least} to {most}"))
}

fn different<'a>(apps: impl Iterator<Item = &'a AppName>) -> Result<(), String> {
    let mut names = BTreeSet::new();
    for app in apps {
        if !names.insert(&app.name) {
            return Err(format!("apps: {} twice; expected it once", app.name));
        }
    }
    Ok(())
}
