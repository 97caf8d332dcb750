//! Whether a series drifts: the slope of Theil and Sen with an interval that knows that one value
//! is much like the one before.

/// Fewest points that a slope is made of.
pub(crate) const POINTS_MIN: usize = 20;

/// Fewest points of which a likeness of neighbours can be told.
const POINTS_LEAST: usize = 10;

/// Most points: all their pairs are looked at. Longer series are thinned, by medians of equal
/// stretches.
const POINTS_MAX: usize = 500;

/// The strongest likeness of neighbours that is corrected for; above, a series says nothing.
const LIKENESS_MAX: f64 = 0.97;

/// A straight line through a series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Trend {
    /// Median of the slopes of all pairs, per unit of x.
    pub(crate) slope: f64,
    /// The interval's ends, per unit of x.
    pub(crate) low: f64,
    pub(crate) high: f64,
    /// How much a residual is like the one before, from 0 to [`LIKENESS_MAX`].
    pub(crate) likeness: f64,
    /// Median of the values.
    pub(crate) middle: f64,
    /// From the first x to the last.
    pub(crate) span: f64,
}

/// The trend of points (x, y) in the order of x; the interval holds the true slope in a share
/// 1 − `alpha` of all cases. `None` with too few points.
///
/// Sen's interval (1968) is by the variance of Kendall's S. That is for independent values; with
/// a likeness φ of neighbours (lag-1 correlation of the residuals' ranks, corrected for its bias
/// in short series) the variance is (1 + φ) / (1 − φ) times as large, as that of a
/// first-order autoregressive series' mean is (Hamed and Rao 1998 do the same with more lags).
pub(crate) fn trend(points: &[(f64, f64)], alpha: f64) -> Option<Trend> {
    if points.len() < POINTS_LEAST {
        return None;
    }
    let points = thinned(points);
    let slopes = slopes(&points)?;
    let slope = median_of_sorted(&slopes);
    let likeness = likeness(&points, slope);
    let (low, high) = places(slopes.len(), reach(points.len() as f64, likeness, alpha));
    let mut values: Vec<f64> = points.iter().map(|point| point.1).collect();
    values.sort_by(f64::total_cmp);
    Some(Trend {
        slope,
        likeness,
        low: slopes[low],
        high: slopes[high],
        middle: median_of_sorted(&values),
        span: points.last()?.0 - points.first()?.0,
    })
}

/// How far Kendall's S of so many points goes, in a share 1 − `alpha` of all cases.
fn reach(count: f64, likeness: f64, alpha: f64) -> f64 {
    let factor = (1.0 + likeness) / (1.0 - likeness);
    let variance = count * (count - 1.0) * (2.0 * count + 5.0) / 18.0 * factor;
    deviations(alpha) * variance.sqrt()
}

/// Which of so many sorted slopes are the interval's ends: as many lie below the one as above the
/// other.
fn places(slopes: usize, reach: f64) -> (usize, usize) {
    let last = slopes - 1;
    let high = ((slopes as f64 + reach) / 2.0).ceil() as usize;
    let high = high.min(last);
    (last - high, high)
}

fn thinned(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let width = points.len().div_ceil(POINTS_MAX);
    let middle = |stretch: &[(f64, f64)]| {
        let of = |pick: &dyn Fn(&(f64, f64)) -> f64| {
            let mut values: Vec<f64> = stretch.iter().map(pick).collect();
            values.sort_by(f64::total_cmp);
            median_of_sorted(&values)
        };
        (of(&|point| point.0), of(&|point| point.1))
    };
    points.chunks(width).map(middle).collect()
}

/// The slopes of all pairs, sorted; `None` where all points have one x. A point is not later than
/// itself.
fn slopes(points: &[(f64, f64)]) -> Option<Vec<f64>> {
    let mut slopes = Vec::with_capacity(points.len() * points.len() / 2);
    for (place, (x, y)) in points.iter().enumerate() {
        let later = points[place..].iter().filter(|(other_x, _)| other_x > x);
        slopes.extend(later.map(|(other_x, other_y)| (other_y - y) / (other_x - x)));
    }
    slopes.sort_unstable_by(f64::total_cmp);
    (!slopes.is_empty()).then_some(slopes)
}

fn median_of_sorted(values: &[f64]) -> f64 {
    match values.len() {
        0 => 0.0,
        count if count % 2 == 1 => values[count / 2],
        count => f64::midpoint(values[count / 2 - 1], values[count / 2]),
    }
}

/// How much a residual is like the one before, from 0 to [`LIKENESS_MAX`].
fn likeness(points: &[(f64, f64)], slope: f64) -> f64 {
    let rest: Vec<f64> = points.iter().map(|(x, y)| y - slope * x).collect();
    let ranks = ranks(&rest);
    let mean = ranks.iter().sum::<f64>() / ranks.len() as f64;
    let off: Vec<f64> = ranks.iter().map(|rank| rank - mean).collect();
    let all: f64 = off.iter().map(|off| off * off).sum();
    if all <= 0.0 {
        return 0.0;
    }
    let next: f64 = off.windows(2).map(|pair| pair[0] * pair[1]).sum();
    let count = points.len() as f64;
    // A level and a slope were fitted, so it comes out too small by about (2 + 4φ) / n.
    let biased = next / all;
    ((count * biased + 2.0) / (count - 4.0)).clamp(0.0, LIKENESS_MAX)
}

/// Ranks from 0; equal values share the mean of theirs.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![0.0; values.len()];
    let mut from = 0;
    for same in order.chunk_by(|a, b| values[*a].total_cmp(&values[*b]).is_eq()) {
        let last = from + same.len() - 1;
        for at in same {
            ranks[*at] = f64::midpoint(from as f64, last as f64);
        }
        from = last + 1;
    }
    ranks
}

/// How many standard deviations a normal variable exceeds, on either side, in a share `alpha`.
pub(crate) fn deviations(alpha: f64) -> f64 {
    let (mut low, mut high) = (0.0, 10.0);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if libm::erfc(middle / std::f64::consts::SQRT_2) > alpha {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Random;

    /// A series of so many seconds around 5 ms, with noise whose neighbours are alike by `phi`,
    /// that grows by so many percent of its start in a minute.
    fn series(seed: u64, seconds: u32, phi: f64, sd: f64, pct_per_min: f64) -> Vec<(f64, f64)> {
        let mut random = Random::new(seed, 99, 0);
        let mut normal = || (0..12).map(|_| random.unit()).sum::<f64>() - 6.0;
        let mut noise = sd * normal();
        let step = sd * (1.0 - phi * phi).sqrt();
        let value = |second: u32| {
            noise = phi * noise + step * normal();
            let x = f64::from(second);
            (x, 5.0 * (1.0 + noise + pct_per_min / 100.0 * x / 60.0))
        };
        (0..seconds).map(value).collect()
    }

    #[test]
    fn a_line_is_found_whatever_a_few_points_say() {
        let mut points: Vec<_> =
            (0..100).map(|x| (f64::from(x), 3.0 + 0.5 * f64::from(x))).collect();
        for at in [3, 50, 51, 97] {
            points[at].1 = 1e6;
        }
        let trend = trend(&points, 0.05).unwrap();
        assert!((trend.slope - 0.5).abs() < 1e-9, "{trend:?}");
        assert!(trend.low <= 0.5 && trend.high >= 0.5);
        assert!(super::trend(&points[..9], 0.05).is_none());
    }

    #[test]
    fn the_interval_holds_the_true_slope_of_a_noise_with_memory() {
        for (phi, seconds) in [(0.0, 60), (0.0, 300), (0.5, 60), (0.5, 300), (0.8, 300)] {
            let holds = |seed: &u64| {
                let trend = trend(&series(*seed, seconds, phi, 0.05, 0.0), 0.05).unwrap();
                trend.low <= 0.0 && trend.high >= 0.0
            };
            let held = (0..200).filter(holds).count();
            assert!(held >= 185, "{held} of 200 at phi {phi} in {seconds} s");
        }
    }

    #[test]
    fn without_the_correction_a_memory_would_look_like_a_drift() {
        // What the correction is for: the same series, taken for independent values.
        let wrong = |seed: &u64| {
            let points = series(*seed, 300, 0.8, 0.05, 0.0);
            let trend = trend(&points, 0.05).unwrap();
            let likeness = likeness(&points, trend.slope);
            let factor = ((1.0 + likeness) / (1.0 - likeness)).sqrt();
            let half = (trend.high - trend.low) / 2.0 / factor;
            trend.slope.abs() > half
        };
        assert!((0..200).filter(wrong).count() > 60);
    }

    #[test]
    fn deviations_are_those_of_the_tables() {
        assert!((deviations(0.05) - 1.959_964).abs() < 1e-5);
        assert!((deviations(0.01) - 2.575_829).abs() < 1e-5);
        assert!(deviations(1.0) <= 0.0, "what may always miss has no width");
    }

    fn is(found: f64, expected: f64) -> bool {
        (found - expected).abs() < 1e-5
    }

    /// By hand: S of ten values has a variance of 10 · 9 · 25 / 18 = 125, and with a likeness of
    /// one half of three times that.
    #[test]
    fn kendall_s_s_goes_as_far_as_in_the_books_and_farther_where_neighbours_are_alike() {
        assert!(is(reach(10.0, 0.0, 0.05), 21.913_06), "{}", reach(10.0, 0.0, 0.05));
        assert!(is(reach(10.0, 0.5, 0.05), 37.954_54), "{}", reach(10.0, 0.5, 0.05));
    }

    /// Of 45 slopes, (45 ± 21.9) / 2: counted from 1, the 11th from either side.
    #[test]
    fn an_interval_s_ends_lie_as_far_from_either_side() {
        assert_eq!(places(45, 21.913), (10, 34));
        assert_eq!(places(45, 1.0), (21, 23));
        assert_eq!(places(45, 1_000.0), (0, 44));
        assert_eq!(places(1, 0.0), (0, 0));
    }

    #[test]
    fn a_series_upside_down_has_the_interval_upside_down() {
        let points = series(3, 40, 0.3, 0.05, 2.0);
        let turned: Vec<_> = points.iter().map(|(x, y)| (*x, -y)).collect();
        let (up, down) = (trend(&points, 0.05).unwrap(), trend(&turned, 0.05).unwrap());
        assert!(is(up.slope, -down.slope) && up.likeness <= 0.9, "{up:?} {down:?}");
        assert!(up.low.to_bits() == (-down.high).to_bits(), "{up:?} {down:?}");
        assert!(up.high.to_bits() == (-down.low).to_bits(), "{up:?} {down:?}");
    }

    /// Ten points of 45 different pairs, by hand: the 23rd slope, and with a likeness of
    /// (10 · −1.25 / 82 + 2) / 6 a reach of 30.1, so the 7th from either side.
    #[test]
    fn ten_points_have_a_trend_and_nine_have_none() {
        let off = [5, 4, 8, 1, 0, 2, 9, 6, 3, 7].map(f64::from);
        let points: Vec<_> = (7_u32..).map(f64::from).zip(off).collect();
        let points: Vec<_> = points.iter().map(|(x, off)| (*x, 3.0 * x + off / 4.0)).collect();
        let found = trend(&points, 0.05).unwrap();
        assert!(is(found.slope, 3.062_5) && is(found.likeness, 0.307_926_8), "{found:?}");
        assert!(is(found.low, 2.625) && is(found.high, 3.5), "{found:?}");
        assert!(is(found.middle, 34.75) && is(found.span, 9.0), "{found:?}");
        assert!(trend(&points[..9], 0.05).is_none());
        let at_once: Vec<_> = points.iter().map(|(_, y)| (7.0, *y)).collect();
        assert_eq!(trend(&at_once, 0.05), None, "no time went by");
    }

    #[test]
    fn slopes_are_those_of_all_pairs_of_different_times_in_order() {
        let points = [(1.0, 0.0), (2.0, 2.0), (4.0, 3.0), (4.0, 9.0)];
        assert_eq!(slopes(&points), Some(vec![0.5, 1.0, 2.0, 3.0, 3.5]));
    }

    #[test]
    fn a_median_is_the_middle_or_half_way_between_the_two() {
        let of = |values: &[f64]| median_of_sorted(values);
        assert!(is(of(&[1.0, 2.0, 4.0, 8.0, 16.0]), 4.0));
        assert!(is(of(&[1.0, 2.0, 4.0, 9.0, 16.0, 32.0]), 6.5));
        assert!(is(of(&[3.0, 5.0]), 4.0) && is(of(&[3.0]), 3.0) && is(of(&[]), 0.0));
    }

    /// By hand: the ranks' squares sum up to 82.5 and the products of neighbours to 2.25, so that
    /// the likeness is (10 · 2.25 / 82.5 + 2) / 6.
    #[test]
    fn likeness_is_of_ranks_of_what_the_line_leaves_and_corrected_for_a_short_series() {
        let along = |off: [u32; 10]| {
            let line = |(x, off): (u32, u32)| (f64::from(x), f64::from(3 * x + off));
            let points: Vec<_> = (7..).zip(off).map(line).collect();
            likeness(&points, 3.0)
        };
        let found = along([5, 4, 8, 1, 0, 2, 9, 6, 3, 7]);
        assert!(is(found, 0.378_787_9), "{found}");
        assert!(is(along([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]), LIKENESS_MAX));
        assert!(is(along([0, 9, 1, 8, 2, 7, 3, 6, 4, 5]), 0.0), "the contrary is none");
        assert!(is(along([4; 10]), 0.0), "and neither is a line itself");
    }

    #[test]
    fn equal_values_share_their_rank() {
        assert_eq!(ranks(&[5.0, 1.0, 5.0, 9.0]), [1.5, 0.0, 1.5, 3.0]);
    }

    #[test]
    fn a_long_series_is_thinned_and_keeps_its_slope() {
        let points = series(1, 7_000, 0.3, 0.05, 1.0);
        let trend = trend(&points, 0.05).unwrap();
        let pct_per_min = trend.slope * 60.0 / 5.0 * 100.0;
        assert!((pct_per_min - 1.0).abs() < 0.1, "{pct_per_min}");
        assert!(thinned(&points).len() <= POINTS_MAX);
        let pairs: Vec<_> = (0..1_000).map(|x| (f64::from(x), f64::from(2 * x))).collect();
        let thin = thinned(&pairs);
        assert_eq!((thin.len(), thin[0], thin[499]), (500, (0.5, 1.0), (998.5, 1_997.0)));
    }
}
