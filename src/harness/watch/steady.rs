//! What should stay as it is while the load does: latencies, memory, the wall clock.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::drift::{POINTS_MIN, trend};
use crate::plan::metric::Statistic;
use crate::plan::{LoadPlan, Shape};
use crate::record::Reading;
use crate::result::Interval;

/// How often an interval may miss the truth, over all applications of a run together.
const ALPHA: f64 = 0.05;

/// Shortest stretch that is looked at: a shorter one is about how a run begins.
const STRETCH_MIN_NS: u64 = 20_000_000_000;

/// How an application's latency went over a stretch of constant rate.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Drift {
    /// The application.
    pub app: String,
    /// Where the stretch begins, in seconds from the schedule's start.
    pub from_s: f64,
    /// Where it ends, in seconds from the schedule's start.
    pub to_s: f64,
    /// Slope of the end-to-end p50 by interval (Theil and Sen), in percent of its median a minute.
    pub percent_per_min: f64,
    /// The lower end of its 95 % interval, corrected for autocorrelation and for the number of
    /// slopes that a run has.
    pub low_percent_per_min: f64,
    /// The upper end.
    pub high_percent_per_min: f64,
}

impl Drift {
    /// By how much the latency changed over the stretch at least, whatever its direction, in
    /// percent; 0 where it may not have changed at all.
    #[must_use]
    pub fn change_percent(&self) -> f64 {
        let minutes = (self.to_s - self.from_s) / 60.0;
        let least = self.low_percent_per_min.max(-self.high_percent_per_min).max(0.0);
        least * minutes
    }
}

/// The drift of every application over every stretch in which the rate is constant; `series` are
/// the run's intervals, `names` the applications.
pub(in crate::harness) fn drifts(
    load: &LoadPlan,
    interval_ms: u64,
    series: &[Interval],
    names: &[String],
) -> Vec<Drift> {
    let stretches = stretches(load);
    let alpha = ALPHA / (stretches.len() * names.len()).max(1) as f64;
    let interval_ns = interval_ms.max(1) * 1_000_000;
    let mut found = Vec::new();
    for stretch in &stretches {
        let rows = stretch.start.div_ceil(interval_ns)..stretch.end / interval_ns;
        let rows = usize::try_from(rows.start).unwrap_or(usize::MAX)
            ..usize::try_from(rows.end).unwrap_or(usize::MAX).min(series.len());
        for (place, app) in names.iter().enumerate() {
            let point = |row: &Interval| {
                let p50_ns = match row.apps.get(place)?.reading(Statistic::P50) {
                    Reading::TooFew => return None,
                    // At least that, and left out it would look as if nothing had changed.
                    Reading::Value(ns) | Reading::Endless(ns) => ns,
                };
                Some((row.from_s, p50_ns as f64))
            };
            let rows = series.get(rows.clone()).unwrap_or_default();
            let points: Vec<_> = rows.iter().filter_map(point).collect();
            let trend = (points.len() >= POINTS_MIN).then(|| trend(&points, alpha)).flatten();
            let Some(trend) = trend.filter(|trend| trend.middle > 0.0) else {
                continue;
            };
            let percent = |slope: f64| slope * 60.0 / trend.middle * 100.0;
            found.push(Drift {
                app: app.clone(),
                from_s: stretch.start as f64 / 1e9,
                to_s: stretch.end as f64 / 1e9,
                percent_per_min: percent(trend.slope),
                low_percent_per_min: percent(trend.low),
                high_percent_per_min: percent(trend.high),
            });
        }
    }
    found
}

/// The stretches of the measured part in which the rate is constant and not 0, long enough.
fn stretches(load: &LoadPlan) -> Vec<Range<u64>> {
    let mut found: Vec<(f64, Range<u64>)> = Vec::new();
    let mut at_ns = 0;
    for phase in &load.phases {
        for segment in &phase.segments {
            let from_ns = at_ns;
            at_ns += segment.duration_ns;
            let Shape::Linear { from_per_s, to_per_s } = segment.shape else { continue };
            let is_constant = from_per_s.total_cmp(&to_per_s).is_eq() && from_per_s > 0.0;
            if phase.warmup || !is_constant {
                continue;
            }
            match found.last_mut() {
                Some((rate, range))
                    if range.end == from_ns && rate.total_cmp(&from_per_s).is_eq() =>
                {
                    range.end = at_ns;
                }
                _ => found.push((from_per_s, from_ns..at_ns)),
            }
        }
    }
    let long = |range: &Range<u64>| range.end - range.start >= STRETCH_MIN_NS;
    found.into_iter().map(|(_, range)| range).filter(long).collect()
}

/// How the memory of this process grew.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Growth {
    /// Slope over the second half of the measured part, in bytes per second: in the first, states
    /// fill up that are bounded.
    pub bytes_per_s: f64,
    /// The lower end of its 95 % interval, in bytes per second.
    pub low_bytes_per_s: f64,
    /// What was left to this process at the end, in bytes: of the machine's
    /// memory, or of its cgroup's.
    pub left_bytes: u64,
}

impl Growth {
    /// How soon nothing is left at this slope, in seconds, if it grows at all.
    #[must_use]
    pub fn full_in_s(&self) -> Option<f64> {
        (self.low_bytes_per_s > 0.0).then(|| self.left_bytes as f64 / self.bytes_per_s)
    }
}

/// The growth of (seconds, bytes), with a look each second; `None` in a short run.
pub(super) fn growth(memory: &[(f64, f64)], left_bytes: u64) -> Option<Growth> {
    let half = &memory[memory.len() / 2..];
    let trend = (half.len() >= POINTS_MIN).then(|| trend(half, ALPHA)).flatten()?;
    Some(Growth { bytes_per_s: trend.slope, low_bytes_per_s: trend.low, left_bytes })
}

/// Steps of the wall clock, by looks at how far it is from the monotonic one.
#[derive(Debug, Default)]
pub(super) struct Steps {
    last_us: Option<i64>,
    worst_us: i64,
}

impl Steps {
    /// One look: how far the wall clock lies from where the monotonic one says, in µs.
    pub(super) fn look(&mut self, off_us: i64) {
        let step_us = off_us - self.last_us.replace(off_us).unwrap_or(off_us);
        if step_us.abs() > self.worst_us.abs() {
            self.worst_us = step_us;
        }
    }

    /// The greatest change between two looks, in µs.
    pub(super) const fn worst_us(&self) -> i64 {
        self.worst_us
    }
}

#[cfg(test)]
mod tests {
    use super::super::flags::DRIFT_LIMIT_PERCENT;
    use super::*;
    use crate::clock::{Clock, ManualClock};
    use crate::pace::seed::Random;
    use crate::plan::{Arrivals, PhasePlan, Segment};
    use crate::result::AppInterval;

    fn load(segments: &[(u64, f64, f64)]) -> LoadPlan {
        let segment = |&(seconds, from_per_s, to_per_s)| Segment {
            duration_ns: seconds * 1_000_000_000,
            shape: Shape::Linear { from_per_s, to_per_s },
        };
        let phase = |name: &str, warmup, segments| PhasePlan {
            name: name.to_owned(),
            warmup,
            segments,
            hot: None,
            sale: None,
        };
        let warmup = phase("warm-up", true, vec![segment(&(30, 100.0, 100.0))]);
        let main = phase("main", false, segments.iter().map(segment).collect());
        LoadPlan {
            producers: 1,
            arrivals: Arrivals::Uniform,
            phases: vec![warmup, main],
            replay: None,
        }
    }

    /// A run's intervals for one application: 5 ms with a noise of 6 %, whose neighbours are
    /// alike by 0.6; `grow` gives what is added by time.
    fn series(seed: u64, seconds: u32, grow: impl Fn(f64) -> f64) -> Vec<Interval> {
        let mut random = Random::new(seed, 77, 0);
        let mut normal = || (0..12).map(|_| random.unit()).sum::<f64>() - 6.0;
        let mut noise = 0.06 * normal();
        let row = |second: u32| {
            noise = 0.6 * noise + 0.06 * 0.8 * normal();
            let from_s = f64::from(second);
            let p50_ns = Some((5e6 * (1.0 + noise + grow(from_s))) as i64);
            let apps = vec![AppInterval { p50_ns, ..AppInterval::default() }];
            Interval { from_s, apps, ..Interval::default() }
        };
        (0..seconds).map(row).collect()
    }

    fn flagged(load: &LoadPlan, grow: impl Fn(f64) -> f64 + Copy) -> usize {
        let seconds = u32::try_from(load.duration_ns() / 1_000_000_000).unwrap();
        let is_flagged = |seed: &u64| {
            let series = series(*seed, seconds, grow);
            let drifts = drifts(load, 1_000, &series, &["analytics".to_owned()]);
            drifts.iter().any(|drift| drift.change_percent() > DRIFT_LIMIT_PERCENT)
        };
        (0..200).filter(is_flagged).count()
    }

    #[test]
    fn ten_percent_a_minute_are_flagged_and_flat_noise_is_not() {
        let load = load(&[(180, 1_000.0, 1_000.0)]);
        let found = flagged(&load, |second| 0.1 * second / 60.0);
        assert!(found >= 190, "{found} of 200");
        let found = flagged(&load, |second| -0.1 * second / 60.0);
        assert!(found >= 190, "{found} of 200 downwards");
        let wrong = flagged(&load, |_| 0.0);
        assert!(wrong <= 10, "{wrong} of 200");
    }

    #[test]
    fn a_ramp_is_no_drift_and_neither_is_a_step() {
        let ramp = load(&[(180, 100.0, 10_000.0)]);
        assert_eq!(flagged(&ramp, |second| second / 60.0), 0);
        let step = load(&[(60, 100.0, 100.0), (60, 1_000.0, 1_000.0)]);
        assert_eq!(
            stretches(&step),
            [30_000_000_000..90_000_000_000, 90_000_000_000..150_000_000_000]
        );
        let wrong = flagged(&step, |second| if second < 90.0 { 0.0 } else { 1.0 });
        assert!(wrong <= 10, "{wrong} of 200");
    }

    #[test]
    fn neighbours_of_one_rate_are_one_stretch_and_short_ones_are_none() {
        let load =
            load(&[(15, 100.0, 100.0), (15, 100.0, 100.0), (10, 50.0, 50.0), (60, 0.0, 0.0)]);
        let found = stretches(&load);
        assert_eq!((found.len(), found[0].clone()), (1, 30_000_000_000..60_000_000_000));
    }

    #[test]
    fn memory_that_fills_up_at_the_start_is_no_growth() {
        let fills: Vec<_> =
            (0..120).map(|at| (f64::from(at), 1e8 + 1e6 * f64::from(at.min(50)))).collect();
        assert_eq!(growth(&fills, 1 << 33).unwrap().full_in_s(), None);
        let leaks: Vec<_> = (0..120).map(|at| (f64::from(at), 1e8 + 1e6 * f64::from(at))).collect();
        let growth = growth(&leaks, 1_000_000_000).unwrap();
        assert!((growth.full_in_s().unwrap() - 1_000.0).abs() < 1.0, "{growth:?}");
        assert!(super::growth(&leaks[..30], 1).is_none());
    }

    #[test]
    fn a_step_of_the_wall_clock_is_seen_though_it_is_taken_back() {
        let clock = ManualClock::new(1_700_000_000_000_000);
        let mut steps = Steps::default();
        // The wall clock by itself runs 100 ppm fast, is set 2 s ahead after 3 s, and back again.
        for second in 0..10_i64 {
            let set_us = if (3..6).contains(&second) { 2_000_000 } else { 0 };
            let now_ns = clock.now_ns();
            let wall_us = clock.wall_us(now_ns) + 100 * second + set_us;
            steps.look(wall_us - clock.wall_us(now_ns));
            clock.advance_ns(1_000_000_000);
        }
        assert_eq!(steps.worst_us(), 2_000_100);
    }
}
