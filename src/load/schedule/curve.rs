//! One piece of the rate's curve: its integral, and the inverse of that.
//!
//! Times are microseconds and rates events per microsecond, all within the piece.

use std::f64::consts::{FRAC_PI_2, PI};

use crate::plan::{RateSegment, Shape};

/// How a rate goes over time; rates below zero don't exist here.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Curve {
    /// The same throughout.
    Constant { rate: f64 },
    /// `from + slope * t`
    Ramp { from: f64, slope: f64 },
    /// `mean + amplitude * sin(t / radian)`
    Sine { mean: f64, amplitude: f64, radian_us: f64 },
}

const PER_S: f64 = 1e-6;

impl Curve {
    /// The curve of a segment.
    pub(super) fn of(segment: &RateSegment) -> Self {
        match segment.shape {
            Shape::Linear { from_per_s, to_per_s } => {
                let (from, to) = (from_per_s.max(0.0) * PER_S, to_per_s.max(0.0) * PER_S);
                let slope = (to - from) / (segment.duration_ns as f64 / 1e3);
                if slope == 0.0 {
                    Self::Constant { rate: from }
                } else {
                    Self::Ramp { from, slope }
                }
            }
            Shape::Sine { mean_per_s, amplitude_per_s, period_ns } => {
                let mean = mean_per_s.max(0.0) * PER_S;
                let amplitude = (amplitude_per_s * PER_S).clamp(-mean, mean);
                if amplitude == 0.0 || period_ns == 0 {
                    return Self::Constant { rate: mean };
                }
                Self::Sine { mean, amplitude, radian_us: period_ns as f64 / 1e3 / (2.0 * PI) }
            }
        }
    }

    /// The rate at a time.
    pub(super) fn rate(&self, at_us: f64) -> f64 {
        match *self {
            Self::Constant { rate } => rate,
            Self::Ramp { from, slope } => (from + slope * at_us).max(0.0),
            Self::Sine { mean, amplitude, radian_us } => {
                (mean + amplitude * libm::sin(at_us / radian_us)).max(0.0)
            }
        }
    }

    /// How many events are due before a time: the integral of the rate.
    pub(super) fn count(&self, until_us: f64) -> f64 {
        match *self {
            Self::Constant { rate } => rate * until_us,
            Self::Ramp { from, slope } => (from + 0.5 * slope * until_us) * until_us,
            Self::Sine { mean, amplitude, radian_us } => {
                // 1 - cos(x) = 2 sin^2(x / 2), which keeps its digits where x is small.
                let half = libm::sin(0.5 * until_us / radian_us);
                mean * until_us + 2.0 * amplitude * radian_us * half * half
            }
        }
    }

    /// When `count` events are due: the inverse of [`Curve::count`], for a count above 0 that the
    /// piece reaches.
    #[inline]
    pub(super) fn time_us(&self, count: f64) -> f64 {
        match *self {
            Self::Constant { rate } => count / rate,
            Self::Ramp { from, slope } => {
                // The root of slope/2 t^2 + from t - count, written so that nothing cancels: it
                // holds for slopes next to 0 and for a start at 0 as well.
                let square = from * from + 2.0 * slope * count;
                2.0 * count / (from + square.max(0.0).sqrt())
            }
            Self::Sine { mean, amplitude, radian_us } => {
                let anomaly = kepler(
                    amplitude / mean,
                    count / (mean * radian_us) + FRAC_PI_2 - amplitude / mean,
                );
                (anomaly - FRAC_PI_2) * radian_us
            }
        }
    }
}

/// Solves Kepler's equation `x - e sin x = m` for x, with |e| at most 1.
///
/// The integral of a sine-shaped rate has just that form when x is the phase plus a quarter
/// turn. Newton's method, kept inside a bracket that shrinks with every step, as with e = 1 the
/// slope vanishes at x = 0.
fn kepler(e: f64, m: f64) -> f64 {
    let (mut low, mut high) = (m - e.abs(), m + e.abs());
    let mut x = kepler_start(e, m);
    for _ in 0..64 {
        let (sin, cos) = libm::sincos(x);
        let excess = x - e * sin - m;
        if excess > 0.0 {
            high = x;
        } else {
            low = x;
        }
        let newton = kepler_step(x, excess, 1.0 - e * cos);
        // Also catches a division by zero: neither infinity nor NaN lies in the bracket.
        let is_inside = (low..=high).contains(&newton);
        let next = if is_inside { newton } else { low.midpoint(high) };
        if kepler_is_near(next, x) {
            return next;
        }
        x = next;
    }
    x
}

/// From here few steps are enough (Danby, "Fundamentals of Celestial Mechanics", 1988, section
/// 6.6).
fn kepler_start(e: f64, m: f64) -> f64 {
    m + 0.85 * e * libm::sin(m).signum()
}

/// One step of Newton's method.
fn kepler_step(x: f64, excess: f64, slope: f64) -> f64 {
    x - excess / slope
}

/// Whether a step was far below a microsecond, for any period below a year.
fn kepler_is_near(next: f64, x: f64) -> bool {
    (next - x).abs() < 1e-15 * (1.0 + x.abs())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shapes() -> impl Strategy<Value = Shape> {
        let rate = prop_oneof![Just(0.0), 1e-3..10.0, 10.0..3e6_f64];
        let other = prop_oneof![Just(0.0), 1e-3..10.0, 10.0..3e6_f64];
        prop_oneof![
            (rate.clone(), other)
                .prop_map(|(from_per_s, to_per_s)| Shape::Linear { from_per_s, to_per_s }),
            (rate.clone(), -1e-9..1e-9).prop_map(|(from_per_s, more)| Shape::Linear {
                from_per_s,
                to_per_s: from_per_s * (1.0 + more),
            }),
            (rate, -1.0..=1.0_f64, 1_000..100_000_000_000_u64).prop_map(
                |(mean_per_s, part, period_us)| Shape::Sine {
                    mean_per_s,
                    amplitude_per_s: mean_per_s * part,
                    period_ns: period_us,
                }
            ),
        ]
    }

    proptest! {
        #[test]
        fn the_inverse_undoes_the_integral(
            shape in shapes(),
            duration_s in 1e-3..1e5_f64,
            part in 0.0..1.0_f64,
        ) {
            let segment = RateSegment { duration_ns: (duration_s * 1e9) as u64, shape };
            let curve = Curve::of(&segment);
            let total = curve.count(duration_s * 1e6);
            let count = total * part;
            prop_assume!(count > 0.0);
            let at_us = curve.time_us(count);
            prop_assert!(at_us.is_finite() && at_us >= 0.0 && at_us <= duration_s * 1.000_001e6);
            let back = curve.count(at_us);
            prop_assert!((back - count).abs() <= 1e-9 * total + 1e-9, "{back} is not {count}");
        }

        #[test]
        fn the_integral_is_that_of_the_rate(shape in shapes(), duration_s in 0.1..100.0_f64) {
            let segment = RateSegment { duration_ns: (duration_s * 1e9) as u64, shape };
            let curve = Curve::of(&segment);
            let at_us = duration_s * 0.4e6;
            let step_us = 1e-3;
            let near = curve.count(at_us + step_us) - curve.count(at_us - step_us);
            let rate = near / step_us / 2.0;
            let scale = curve.count(duration_s * 1e6).max(1e-6) * 1e-12 / step_us;
            // The rate itself may swing by a thousandth of a radian within the step.
            let swing = 0.01 * curve.rate(at_us).max(curve.rate(0.0));
            prop_assert!((rate - curve.rate(at_us)).abs() <= scale + swing, "{rate}");
        }

        #[test]
        fn kepler_s_equation_is_solved(e in -1.0..=1.0_f64, m in -1e3..1e3_f64) {
            let x = kepler(e, m);
            prop_assert!((x - e * libm::sin(x) - m).abs() < 1e-12 * (1.0 + m.abs()));
        }
    }

    fn of(shape: Shape) -> Curve {
        Curve::of(&RateSegment { duration_ns: 4_000_000_000, shape })
    }

    #[test]
    fn a_straight_line_has_the_rates_of_its_ends_and_none_below_zero() {
        let line = |from_per_s, to_per_s| of(Shape::Linear { from_per_s, to_per_s });
        assert_eq!(line(1_000.0, 1_000.0), Curve::Constant { rate: 1e-3 });
        assert_eq!(line(0.0, 2_000.0), Curve::Ramp { from: 0.0, slope: 5e-10 });
        assert_eq!(line(2_000.0, 0.0), Curve::Ramp { from: 2e-3, slope: -5e-10 });
        assert_eq!(line(-9.0, 2_000.0), line(0.0, 2_000.0));
        assert_eq!(line(2_000.0, -9.0), line(2_000.0, 0.0));
    }

    #[test]
    fn a_sine_swings_as_far_as_it_says_and_no_further_than_to_zero() {
        let sine = |mean_per_s, amplitude_per_s, period_ns| {
            of(Shape::Sine { mean_per_s, amplitude_per_s, period_ns })
        };
        let radian_us = 8e6 / (2.0 * PI);
        for (asked, amplitude) in [(300.0, 3e-4), (-300.0, -3e-4), (900.0, 7e-4), (-900.0, -7e-4)] {
            let expected = Curve::Sine { mean: 7e-4, amplitude, radian_us };
            assert_eq!(sine(700.0, asked, 8_000_000_000), expected);
        }
        let steady = Curve::Constant { rate: 7e-4 };
        assert_eq!((sine(700.0, 0.0, 8_000_000_000), sine(700.0, 300.0, 0)), (steady, steady));
        assert_eq!(sine(-1.0, 300.0, 8_000_000_000), Curve::Constant { rate: 0.0 });
    }

    #[test]
    fn a_sine_s_crest_has_its_surplus_over_the_mean_and_its_trough_gives_it_back() {
        let shape =
            Shape::Sine { mean_per_s: 700.0, amplitude_per_s: 300.0, period_ns: 8_000_000_000 };
        let curve = of(shape);
        // Half a swing holds 2 · 300 · 8 / 2π events more than the mean's 2,800.
        let crest = 2_800.0 + 2_400.0 / PI;
        let found = [2e6, 4e6, 6e6, 8e6].map(|until_us| curve.count(until_us));
        let expected = [1_400.0 + 1_200.0 / PI, crest, 4_200.0 + 1_200.0 / PI, 5_600.0];
        for (found, expected) in found.into_iter().zip(expected) {
            assert!((found - expected).abs() < 1e-9, "{found} {expected}");
            assert!((curve.count(curve.time_us(expected)) - expected).abs() < 1e-9);
        }
        let rates = [0.0, 2e6, 4e6, 6e6].map(|at_us| curve.rate(at_us) * 1e6);
        for (found, expected) in rates.into_iter().zip([700.0, 1_000.0, 700.0, 400.0]) {
            assert!((found - expected).abs() < 1e-9, "{found} {expected}");
        }
    }

    #[test]
    fn a_rate_that_touches_zero_is_passed() {
        for m in [0.0, -2.0 * PI, 2.0 * PI, 1e-12, -1e-12] {
            let x = kepler(1.0, m);
            assert!((x - libm::sin(x) - m).abs() < 1e-14, "{m}: {x}");
        }
    }
}
