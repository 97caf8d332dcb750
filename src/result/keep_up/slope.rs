//! The slope of a lag, with bounds that hold whether the lag forgets or not.
//!
//! The lag of somebody who keeps up comes back to where it was, and is noise about a level. That
//! of somebody who is too slow never does: each second's deficit is added to what there was, and
//! the lag is a random walk with a drift. A line through the points with an interval for noise is
//! too narrow there at first and far too wide later (a deficit of 2.5 % with arrivals by chance
//! was found in half of the series, whatever their length). So a lag that is much like the one
//! before is judged by its steps, which are nearly independent, as Perron and Yabu (2009) do.

use crate::measure::drift::{deviations, trend};

/// A lag whose likeness of neighbours is above this, less twice its error (one over the root of
/// the number of intervals), may be a walk.
const WALKS_ABOVE: f64 = 0.7;

/// With fewer intervals than this, a likeness says little: then both intervals must agree.
const INTERVALS_FEW: usize = 20;

/// The strongest likeness of steps that is corrected for.
const LIKENESS_MAX: f64 = 0.9;

/// A slope and its bounds, per second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Slope {
    pub(super) middle: f64,
    pub(super) low: f64,
    pub(super) high: f64,
    /// By which power of the time the interval narrows.
    pub(super) narrows: f64,
}

/// The slope of (seconds, records) under a constant load; the bounds miss it in a share `alpha`
/// of all cases, on either side.
pub(super) fn of_lag(points: &[(f64, f64)], alpha: f64) -> Option<Slope> {
    let trend = trend(points, alpha)?;
    let line = Slope { middle: trend.slope, low: trend.low, high: trend.high, narrows: 1.5 };
    if points.len() < INTERVALS_FEW {
        let steps = of_steps(points, alpha)?;
        return Some(Slope {
            low: line.low.min(steps.low),
            high: line.high.max(steps.high),
            ..line
        });
    }
    let error = 1.0 / (points.len() as f64).sqrt();
    if trend.likeness > WALKS_ABOVE - 2.0 * error {
        return of_steps(points, alpha);
    }
    Some(line)
}

/// The mean of the steps, with Student's interval; steps that are alike count for fewer.
fn of_steps(points: &[(f64, f64)], alpha: f64) -> Option<Slope> {
    let pairs = points.windows(2).filter(|pair| pair[1].0 > pair[0].0);
    let steps: Vec<f64> =
        pairs.map(|pair| (pair[1].1 - pair[0].1) / (pair[1].0 - pair[0].0)).collect();
    let count = steps.len() as f64;
    if count < 5.0 {
        return None;
    }
    let mean = steps.iter().sum::<f64>() / count;
    let squares: f64 = steps.iter().map(|step| (step - mean) * (step - mean)).sum();
    let next: f64 = steps.windows(2).map(|pair| (pair[0] - mean) * (pair[1] - mean)).sum();
    let biased = if squares > 0.0 { next / squares } else { 0.0 };
    // Steps that take each other back make the mean more certain: that is not counted on.
    let likeness = ((count * biased + 1.0) / (count - 3.0)).clamp(0.0, LIKENESS_MAX);
    let variance = squares / (count - 1.0) / count * (1.0 + likeness) / (1.0 - likeness);
    let reach = student(deviations(alpha), count - 1.0) * variance.sqrt();
    Some(Slope { middle: mean, low: mean - reach, high: mean + reach, narrows: 0.5 })
}

/// The quantile of Student's distribution where the normal one has `z`, by Cornish and Fisher's
/// expansion: within 0.5 % from eight degrees of freedom on, at 1 %.
fn student(z: f64, degrees: f64) -> f64 {
    let first = (z.powi(3) + z) / 4.0;
    let second = (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / 96.0;
    let third = (3.0 * z.powi(7) + 19.0 * z.powi(5) + 17.0 * z.powi(3) - 15.0 * z) / 384.0;
    z + first / degrees + second / degrees.powi(2) + third / degrees.powi(3)
}

/// From the first stretch to the last, of a tenth of the intervals each and at least five; the
/// bounds are from the greatest of the one to the least of the other, and the reverse.
pub(super) fn between_ends(points: &[(f64, f64)]) -> Option<Slope> {
    let width = (points.len() / 10).max(5);
    let from = points.len().checked_sub(width).filter(|&from| from >= width)?;
    let ends = |part: &[(f64, f64)]| {
        let values: Vec<f64> = part.iter().map(|point| point.1).collect();
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        (low, median(&values), high)
    };
    let (first, last) = (ends(&points[..width]), ends(&points[from..]));
    let seconds = points[from].0 - points[0].0;
    let slope = |records: f64| records / seconds;
    Some(Slope {
        middle: slope(last.1 - first.1),
        low: slope(last.0 - first.2),
        high: slope(last.2 - first.0),
        narrows: 1.0,
    })
}

/// The middle one; the mean of the two middle ones; 0 of none.
pub(super) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => 0.0,
        count => f64::midpoint(sorted[(count - 1) / 2], sorted[count / 2]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn student_s_quantiles_are_those_of_the_tables() {
        for (degrees, expected) in [(9.0, 3.2498), (19.0, 2.8609), (39.0, 2.7079)] {
            let found = student(deviations(0.01), degrees);
            assert!((found / expected - 1.0).abs() < 0.005, "{found} at {degrees}");
        }
    }

    #[test]
    fn between_ends_what_is_in_the_middle_does_not_count() {
        let spike = |at: u32| if (10..20).contains(&at) { 9_000.0 } else { f64::from(at % 3) };
        let points: Vec<_> = (0..40).map(|at| (f64::from(at), spike(at))).collect();
        let slope = between_ends(&points).unwrap();
        assert!(slope.low.abs() < 0.1 && slope.high.abs() < 0.1, "{slope:?}");
        assert_eq!(between_ends(&points[..9]), None);
    }
}
