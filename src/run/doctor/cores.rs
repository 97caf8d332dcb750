//! The cores, by the hiccup meter that watches them in every run.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::finding::{Finding, Grade, GradeLimits, ms};
use crate::base::clock::SystemClock;
use crate::base::error::Result;
use crate::measure::latency::Stalls;
use crate::plan::metric::Statistic;
use crate::result::self_watch::Hiccups;
use crate::run::observe::{Meter, cores_to_watch};

/// How long each core is watched; all at once.
const WATCHED: Duration = Duration::from_secs(5);

/// Nobody asks for them by interval.
const INTERVAL_NS: u64 = 1_000_000_000;

/// What the cores did to threads that only sleep: as a run's line on its host has it.
pub(super) fn hiccups() -> Result<Finding> {
    let (clock, stalls) = (Arc::new(SystemClock::start()), Stalls::new(cores_to_watch()));
    let measured = Arc::new(OnceLock::from(0..u64::MAX));
    let meter = Meter::start(&clock, &Arc::new(stalls), &measured, INTERVAL_NS, &Arc::default())?;
    std::thread::sleep(WATCHED);
    Ok(finding(meter.end().hiccups(0).as_ref()))
}

/// What it is worth; `None` where no core was watched.
fn finding(hiccups: Option<&Hiccups>) -> Finding {
    let what = "hiccups of the cores".to_owned();
    let limits = "p99.9 good to 1 ms, fair to 10 ms".to_owned();
    let Some(Hiccups { cores, late, longest_ns, .. }) = hiccups else {
        return Finding {
            what,
            grade: Grade::Unfit,
            measured: "no core could be watched".to_owned(),
            limits,
            advice: Some(
                "what the host does to a run is not known: let threads be pinned, and leave the \
                 meter on"
                    .to_owned(),
            ),
            figures: Vec::new(),
        };
    };
    let at = |statistic| {
        let ns = late.reading(statistic).value_ns().unwrap_or(0);
        ms(u64::try_from(ns).unwrap_or(0))
    };
    let (p99, p99_9) = (at(Statistic::P99), at(Statistic::P99_9));
    let max = ms(*longest_ns);
    let grade = GradeLimits { good: 1.0, fair: 10.0 }.grade(p99_9);
    Finding {
        what,
        grade,
        measured: format!("p99 {p99:.3} ms, p99.9 {p99_9:.2} ms, max {max:.1} ms ({cores} cores)"),
        limits,
        advice: (grade > Grade::Good).then(|| {
            "no percentile below this is Kafka's: stop what else runs here, or use a host of \
             your own"
                .to_owned()
        }),
        figures: vec![("p99_ms", p99), ("p99_9_ms", p99_9), ("max_ms", max)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::latency::Latency;
    use crate::result::LatencySummary;

    /// Ten thousand moments, of which so many waited for so many ms.
    fn seen(stalled: u64, ms: i64) -> Hiccups {
        let mut late = Latency::default();
        (0..10_000 - stalled).for_each(|_| late.record(60_000));
        (0..stalled).for_each(|_| late.record(ms * 1_000_000));
        let late = LatencySummary::of(Some(&late));
        Hiccups { cores: 2, late, longest_ns: 75_000_000, ..Hiccups::default() }
    }

    #[test]
    fn cores_are_worth_what_one_moment_in_a_thousand_waits() {
        let grade = |stalled, ms| finding(Some(&seen(stalled, ms))).grade;
        assert_eq!(
            [grade(5, 70), grade(20, 9), grade(20, 70)],
            [Grade::Good, Grade::Fair, Grade::Unfit]
        );
        let found = finding(Some(&seen(20, 9)));
        assert_eq!(found.measured, "p99 0.060 ms, p99.9 9.00 ms, max 75.0 ms (2 cores)");
        assert!(found.advice.is_some());
    }

    /// Cores that nobody may watch are not good ones.
    #[test]
    fn where_no_core_is_watched_nothing_is_known() {
        let found = finding(None);
        assert_eq!((found.grade, found.figures.len()), (Grade::Unfit, 0));
        assert!(found.measured.contains("no core") && found.advice.is_some());
    }
}
