//! How long users think between two events.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

/// Log-normal times by a table of quantiles: a table is faster than a logarithm and an exponential
/// per event, and its tails end, at one in 8,192, so that no session sleeps for the whole run.
#[derive(Debug, Clone)]
pub(super) struct ThinkTime {
    quantiles_ns: Vec<f64>,
}

const STEPS: usize = 4_096;
const STEP_BITS: u32 = STEPS.trailing_zeros();

impl ThinkTime {
    /// Times with this median and this standard deviation of their logarithm.
    pub(super) fn new(median_ms: f64, sigma: f64) -> Self {
        let mut z = -4.0;
        let mut quantiles_ns = Vec::with_capacity(STEPS + 1);
        for step in 0..=STEPS {
            let part = (step as f64).clamp(0.5, STEPS as f64 - 0.5) / STEPS as f64;
            z = normal_quantile(part, z);
            quantiles_ns.push(median_ms * 1e6 * libm::exp(sigma * z));
        }
        Self { quantiles_ns }
    }

    /// The time that 64 random bits choose, in nanoseconds.
    #[inline]
    pub(super) fn pick_ns(&self, bits: u64) -> u64 {
        let step = (bits >> (64 - STEP_BITS)) as usize;
        let part = (bits << STEP_BITS >> 11) as f64 / (1_u64 << 53) as f64;
        let (low, high) = match self.quantiles_ns.get(step..step + 2) {
            Some([low, high]) => (*low, *high),
            _ => (0.0, 0.0),
        };
        (low + (high - low) * part) as u64
    }
}

/// The z below which `part` of a normal distribution lies, by Newton's method from a start at or
/// below it.
fn normal_quantile(part: f64, start: f64) -> f64 {
    let mut z = start;
    for _ in 0..50 {
        let below = 0.5 * libm::erfc(-z * FRAC_1_SQRT_2);
        let density = libm::exp(-0.5 * z * z) / (2.0 * PI).sqrt();
        let step = ((part - below) / density).clamp(-0.5, 0.5);
        z += step;
        if step.abs() < 1e-13 {
            break;
        }
    }
    z
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pace::seed::Random;

    #[test]
    fn quantiles_are_those_of_the_normal_distribution() {
        for (part, z) in [
            (0.5, 0.0),
            (0.841_344_746_068_542_9, 1.0),
            (0.975, 1.959_963_984_540_054),
            (0.001, -3.090_232_306_167_813_5),
        ] {
            assert!((normal_quantile(part, -4.0) - z).abs() < 1e-12, "{part}");
        }
    }

    #[test]
    fn times_have_the_median_and_spread_asked_for() {
        let think = ThinkTime::new(8_000.0, 1.0);
        let mut random = Random::new(4, 4, 4);
        let mut logs: Vec<_> =
            (0..200_000).map(|_| (think.pick_ns(random.bits()) as f64).ln()).collect();
        logs.sort_by(f64::total_cmp);
        assert!((logs[100_000] - 8e9_f64.ln()).abs() < 0.015);
        let mean = logs.iter().sum::<f64>() / 2e5;
        let variance = logs.iter().map(|log| (log - mean).powi(2)).sum::<f64>() / 2e5;
        assert!((variance.sqrt() - 1.0).abs() < 0.01, "{variance}");
    }

    #[test]
    fn without_spread_every_time_is_the_median() {
        let think = ThinkTime::new(250.0, 0.0);
        for bits in [0, 1 << 40, u64::MAX / 2, u64::MAX] {
            assert_eq!(think.pick_ns(bits), 250_000_000);
        }
    }
}
