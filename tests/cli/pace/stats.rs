//! Distributions, and how far a sample is off from one.

/// The part of a log-normal distribution below `x`.
pub(super) fn log_normal(x: f64, median: f64, sigma: f64) -> f64 {
    0.5 * libm::erfc(-libm::log(x / median) / sigma / std::f64::consts::SQRT_2)
}

/// The greatest distance between a sample and a distribution (Kolmogorov and Smirnov's).
pub(super) fn distance(mut sample: Vec<f64>, below: impl Fn(f64) -> f64) -> f64 {
    sample.sort_by(f64::total_cmp);
    let count = sample.len() as f64;
    let each = sample.iter().enumerate().map(|(place, x)| {
        let expected = below(*x);
        (expected - place as f64 / count).abs().max((expected - (place + 1) as f64 / count).abs())
    });
    each.fold(0.0, f64::max)
}

/// The same for whole numbers: `up_to(k)` is the part that is at most k.
pub(super) fn whole_distance(counts: &[u64], up_to: impl Fn(usize) -> f64) -> f64 {
    let all = counts.iter().sum::<u64>() as f64;
    let (mut so_far, mut most) = (0, 0.0_f64);
    for (number, count) in counts.iter().enumerate() {
        so_far += count;
        most = most.max((so_far as f64 / all - up_to(number)).abs());
    }
    most
}

/// What a distance may be: 0.02, or, of a sample too small for that, what one of a thousand
/// samples of the very distribution exceeds (Kolmogorov's limit, 1.95 / √n).
pub(super) fn distance_max(count: usize) -> f64 {
    (1.95 / (count as f64).sqrt()).max(0.02)
}

/// Pearson's statistic of counts against shares, which need not sum to 1.
pub(super) fn chi_square(counts: &[u64], shares: &[f64]) -> f64 {
    let all = counts.iter().sum::<u64>() as f64 / shares.iter().sum::<f64>();
    let each = counts.iter().zip(shares);
    each.map(|(count, share)| (*count as f64 - share * all).powi(2) / (share * all)).sum()
}

/// What it may be: one of a thousand samples exceeds it (by Wilson and Hilferty's cube root).
pub(super) fn chi_square_max(cells: usize) -> f64 {
    let freedom = (cells - 1) as f64;
    let part = 2.0 / (9.0 * freedom);
    freedom * (1.0 - part + 3.0902 * part.sqrt()).powi(3)
}

/// The line through points by least squares, each with its weight: its slope.
pub(super) fn slope(points: &[(f64, f64, f64)]) -> f64 {
    let sum = |of: fn(&(f64, f64, f64)) -> f64| points.iter().map(of).sum::<f64>();
    let (weights, x, y) = (sum(|p| p.2), sum(|p| p.2 * p.0), sum(|p| p.2 * p.1));
    let (xx, xy) = (sum(|p| p.2 * p.0 * p.0), sum(|p| p.2 * p.0 * p.1));
    (weights * xy - x * y) / (weights * xx - x * x)
}

#[test]
fn the_statistics_are_those_of_the_books() {
    // chi-square's 99.9th percentiles for 17 and 39 degrees of freedom are 40.79 and 72.05.
    assert!((chi_square_max(18) - 40.79).abs() < 0.2 && (chi_square_max(40) - 72.05).abs() < 0.2);
    assert!((chi_square(&[30, 70], &[1.0, 1.0]) - 16.0).abs() < 1e-9);
    assert!((log_normal(8.0, 8.0, 1.0) - 0.5).abs() < 1e-12);
    assert!((log_normal(8.0 * libm::exp(1.0), 8.0, 1.0) - 0.841_345).abs() < 1e-6);
    assert!((slope(&[(0.0, 1.0, 1.0), (1.0, -1.0, 2.0), (2.0, -3.0, 5.0)]) + 2.0).abs() < 1e-12);
    let even: Vec<f64> = (0..100).map(|place| f64::from(place) / 100.0).collect();
    assert!((distance(even, |x| x) - 0.01).abs() < 1e-9);
    assert!(
        (whole_distance(&[50, 25, 25], |k| 1.0 - 0.5_f64.powi(k as i32 + 1)) - 0.125).abs() < 1e-9
    );
}
