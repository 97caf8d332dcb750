//! How long people paused, where not every pause was seen to its end.
//!
//! Whoever pauses when the schedule is over is not seen again, and that befalls long pauses more
//! often than short ones: the plain median of those that ended would flatter. As is known of each
//! pause when it would have been cut off, the product-limit estimate (Kaplan and Meier,
//! "Nonparametric Estimation from Incomplete Observations", 1958) gives the median of all.

/// Steps of the scale within a doubling, and their bits: 3 % each.
const STEP_BITS: u32 = 5;
const STEPS: u32 = 1 << STEP_BITS;

/// Counts of pauses by their length.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Pauses {
    begun: u64,
    /// Those that ended.
    ended: LogScaleCounts,
    /// Those that did not, by how long they were seen.
    cut: LogScaleCounts,
}

impl Pauses {
    /// One begins, so long before the end of the schedule.
    #[inline]
    pub(super) fn begin(&mut self, left_us: u32) {
        self.begun += 1;
        self.cut.count(left_us, 1);
    }

    /// One ends that lasted so long and would have been cut off after `left_us`.
    #[inline]
    pub(super) fn end(&mut self, lasted_us: u32, left_us: u32) {
        self.ended.count(lasted_us, 1);
        self.cut.count(left_us, -1);
    }

    /// One is cut off before that, as the session is closed.
    pub(super) fn close(&mut self, lasted_us: u32, left_us: u32) {
        self.cut.count(left_us, -1);
        self.cut.count(lasted_us, 1);
    }

    /// The length below which half of all pauses are, in seconds; `None` where too few were seen
    /// to their end to tell.
    pub(super) fn median_s(&self) -> Option<f64> {
        // At risk at a length are those that neither ended nor were cut off before it.
        let mut at_risk = self.begun as f64;
        let mut longer = 1.0;
        for step in 0..self.ended.0.len() as u32 {
            let ended = self.ended.at(step) as f64;
            // Half of those that are cut off within a step are there in its middle.
            let cut = self.cut.at(step) as f64;
            let ends = ended / (at_risk - cut / 2.0).max(ended).max(1.0);
            if ended > 0.0 && longer * (1.0 - ends) <= 0.5 {
                let part = (longer - 0.5) / (longer * ends);
                let (from_us, to_us) = (border_us(step), border_us(step + 1));
                return Some((from_us + (to_us - from_us) * part) / 1e6);
            }
            longer *= 1.0 - ends;
            at_risk -= ended + cut;
        }
        None
    }

    /// Adds those of another shard.
    pub(super) fn merge(&mut self, other: &Self) {
        self.begun += other.begun;
        self.ended.merge(&other.ended);
        self.cut.merge(&other.cut);
    }
}

/// Counts by length, on a scale of logarithms.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct LogScaleCounts(Vec<i64>);

impl LogScaleCounts {
    #[inline]
    fn count(&mut self, us: u32, by: i64) {
        let step = step_of(us) as usize;
        if self.0.len() <= step {
            self.0.resize(step + 1, 0);
        }
        self.0[step] += by;
    }

    fn at(&self, step: u32) -> i64 {
        self.0.get(step as usize).copied().unwrap_or(0)
    }

    fn merge(&mut self, other: &Self) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        self.0.iter_mut().zip(&other.0).for_each(|(own, other)| *own += other);
    }
}

/// The step that a length is in: evenly below `STEPS`, and by octaves from there on.
const fn step_of(us: u32) -> u32 {
    if us < STEPS {
        return us;
    }
    let octave = us.ilog2() - STEP_BITS;
    (octave << STEP_BITS) + (us >> octave)
}

/// Where a step begins.
fn border_us(step: u32) -> f64 {
    if step < 2 * STEPS {
        return f64::from(step);
    }
    let octave = (step >> STEP_BITS) - 1;
    f64::from(STEPS + (step & (STEPS - 1))) * 2_f64.powi(octave.cast_signed())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Random;

    #[test]
    fn steps_follow_each_other_and_hold_their_lengths() {
        let mut last = 0;
        for us in (0..200_000).chain((0..4_000).map(|n| n * 1_000_003)).chain([u32::MAX]) {
            let step = step_of(us);
            assert!(step == last || us % 1_000_003 == 0 || us == u32::MAX || step == last + 1);
            let within = border_us(step)..border_us(step + 1);
            assert!(within.contains(&f64::from(us)), "{us} is in {within:?}");
            last = step;
        }
    }

    #[test]
    fn the_median_is_that_of_all_pauses_though_the_long_ones_are_cut_off() {
        // Exponential pauses that begin evenly within 20 s: their median is 8 s ln 2 = 5.545 s.
        let (mut random, mut pauses) = (Random::new(1, 2, 3), Pauses::default());
        let mut seen = Vec::new();
        for _ in 0..200_000 {
            let left_us = (random.unit() * 20e6) as u32;
            let lasted_us = (random.exponential() * 8e6) as u32;
            pauses.begin(left_us);
            if lasted_us < left_us {
                pauses.end(lasted_us, left_us);
                seen.push(lasted_us);
            }
        }
        let median_s = pauses.median_s().unwrap();
        assert!((median_s / 5.545 - 1.0).abs() < 0.01, "{median_s}");
        seen.sort_unstable();
        let plain_s = f64::from(seen[seen.len() / 2]) / 1e6;
        assert!(plain_s < 4.5, "those that ended alone would say {plain_s}");
    }

    #[test]
    fn where_half_of_them_did_not_end_nothing_is_said() {
        let mut pauses = Pauses::default();
        for place in 0..1_000 {
            pauses.begin(1_000_000);
            if place < 400 {
                pauses.end(500_000, 1_000_000);
            }
        }
        assert_eq!(pauses.median_s(), None);
        assert_eq!(Pauses::default().median_s(), None);
    }
}
