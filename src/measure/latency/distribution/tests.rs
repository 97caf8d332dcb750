use super::*;
use proptest::prelude::*;

fn of(values: &[i64]) -> Latency {
    let mut latency = Latency::default();
    for &value in values {
        latency.record(value);
    }
    latency
}

#[test]
fn extremes_and_sum_are_exact() {
    let latency = of(&[1_000_000_000, 3, 1_000_000_000]);
    assert_eq!(latency.max(), Some(1_000_000_000));
    assert_eq!(latency.min(), Some(3));
    assert!((latency.mean().unwrap() - 2_000_000_003.0 / 3.0).abs() < 1e-3);
}

#[test]
fn what_has_no_place_in_the_histogram_is_counted_and_shown() {
    let two_hours = 7_200_000_000_000;
    let latency = of(&[-5, 0, 10, two_hours]);
    assert_eq!(latency.count(), 4);
    assert_eq!((latency.zero_or_negative(), latency.over_range()), (2, 1));
    assert_eq!((latency.min(), latency.max()), (Some(-5), Some(two_hours)));
}

#[test]
fn a_percentile_without_enough_samples_is_none() {
    let few = of(&vec![5; 367]);
    assert_eq!(few.percentile(0.99), None);
    assert_eq!(of(&vec![5; 368]).percentile(0.99), Some(5));
    assert_eq!(of(&vec![5; 3_000]).percentile(0.999), None);
    assert_eq!(Latency::default().percentile(0.5), None);
    assert_eq!(Latency::default().max(), None);
}

#[test]
fn threads_are_pooled_and_not_averaged() {
    let mut pooled = of(&vec![1_000_000; 9_800]);
    pooled.merge(&of(&vec![100_000_000; 200]));
    let p99 = pooled.percentile(0.99).unwrap();
    assert!((99_900_000..=100_100_000).contains(&p99), "{p99}");
    assert_eq!(pooled.percentile(0.98), Some(1_000_447));
}

#[test]
fn counting_above_a_limit_takes_in_what_is_over_range() {
    let latency = of(&[50, 150_000, 250_000, i64::MAX]);
    assert_eq!(latency.count_above(100_000), 3);
}

/// Law 2: a refused tenth leaves no percentile above p90, and moves those below.
#[test]
fn what_was_never_delivered_takes_part_in_every_rank_behind_all_others() {
    let mut latency = of(&(1..=900).map(|ms| ms * 1_000_000).collect::<Vec<_>>());
    latency.never(100, 30_000_000_000);
    assert_eq!((latency.count(), latency.never_delivered()), (1_000, 100));
    let ms = |quantile: f64| latency.percentile(quantile).map(|ns| ns / 1_000_000);
    assert_eq!((ms(0.5), ms(0.9)), (Some(500), Some(900)), "of all that was offered");
    assert_eq!(latency.reading(0.901), Reading::Endless(30_000_000_000));
    assert_eq!(latency.reading(0.99), Reading::Endless(30_000_000_000));
    assert_eq!(latency.reading(0.999), Reading::TooFew);
    assert_eq!((latency.max(), latency.mean()), (None, None));
    assert_eq!(latency.min(), Some(1_000_000));
    assert_eq!(latency.count_above(850_000_000), 150);
    let delivered = latency.delivered();
    assert_eq!(delivered.max(), Some(900_000_000));
    assert_eq!(delivered.percentile(0.5).map(|ns| ns / 1_000_000), Some(450));
    // Some delivered one took longer than anybody would have waited: then more than that.
    latency.record(40_000_000_000);
    assert_eq!(latency.endless_ns(), Some(40_000_000_000));
    let mut nothing = Latency::default();
    nothing.never(40, 5);
    assert_eq!((nothing.reading(0.5), nothing.min()), (Reading::Endless(5), None));
}

#[test]
fn of_several_waits_the_shortest_is_what_all_exceed() {
    let mut latency = of(&[5]);
    assert_eq!(latency.endless_ns(), None);
    latency.never(1, 30);
    latency.never(1, 40);
    latency.never(0, 7);
    assert_eq!(latency.endless_ns(), Some(30));
    latency.merge(&of(&[6]));
    assert_eq!(latency.endless_ns(), Some(30), "all of the other's were delivered");
    let mut other = Latency::default();
    other.never(2, 20);
    latency.merge(&other);
    assert_eq!((latency.endless_ns(), latency.never_delivered()), (Some(20), 4));
}

#[test]
fn nothing_has_no_least_no_greatest_and_no_mean() {
    let nothing = Latency::default();
    assert_eq!((nothing.min(), nothing.max(), nothing.mean()), (None, None, None));
    assert_eq!((nothing.count(), nothing.endless_ns()), (0, None));
}

#[test]
fn an_hour_has_a_place_and_what_is_longer_takes_no_rank_below_it() {
    let hour = 3_600_000_000_000;
    assert_eq!(of(&[hour]).over_range(), 0);
    let latency = of(&[10, 10, 10, hour + 1, hour + 1, hour + 1]);
    assert_eq!((latency.over_range(), latency.histogram().len()), (3, 3));
    assert_eq!(latency.percentile(0.5), Some(10));
    assert_eq!(latency.percentile(0.51), Some(hour + 1));
}

#[test]
fn samples_needed_are_those_of_the_order_statistics() {
    let needed = [0.5, 0.99, 0.999, 0.9999].map(samples_needed);
    assert_eq!(needed, [6, 368, 3_688, 36_887]);
    assert_eq!([-0.5, 0.0, 1.0, 1.5].map(samples_needed), [1; 4], "no percentile");
}

proptest! {
    #[test]
    fn percentiles_are_within_a_thousandth_of_the_sorted_samples(
        mut values in prop::collection::vec(1_i64..10_000_000_000, 400..2_000),
        quantile in 0.01_f64..0.99,
    ) {
        let latency = of(&values);
        values.sort_unstable();
        let rank = ((quantile * values.len() as f64).ceil() as usize).clamp(1, values.len());
        let exact = values[rank - 1] as f64;
        let found = latency.percentile(quantile).unwrap() as f64;
        prop_assert!((found - exact).abs() <= exact * 0.001 + 1.0, "{found} for {exact}");
    }

    /// Rule 8: however many threads there were, the figures are those of the sorted samples.
    #[test]
    fn threads_merged_have_the_percentiles_of_all_their_samples_sorted(
        threads in prop::collection::vec(
            prop::collection::vec(-1_000_i64..3_600_000_000_000, 1..300), 2..8,
        ),
        quantile in 0.05_f64..0.95,
    ) {
        let mut merged = Latency::default();
        threads.iter().for_each(|values| merged.merge(&of(values)));
        let mut sorted: Vec<i64> = threads.concat();
        sorted.sort_unstable();
        prop_assert_eq!(merged.min(), sorted.first().copied());
        prop_assert_eq!(merged.max(), sorted.last().copied());
        let sum: i128 = sorted.iter().map(|&value| i128::from(value)).sum();
        prop_assert_eq!(merged.mean(), Some(sum as f64 / sorted.len() as f64));
        let below = sorted.iter().filter(|&&value| value <= 0).count();
        prop_assert_eq!(merged.zero_or_negative(), below as u64);
        let rank = ((quantile * sorted.len() as f64).ceil() as usize).max(1);
        match merged.percentile(quantile) {
            None => prop_assert!((sorted.len() as u64) < samples_needed(quantile)),
            Some(found) if rank <= below => prop_assert_eq!(found, sorted[0]),
            Some(found) => {
                let exact = sorted[rank - 1] as f64;
                prop_assert!((found as f64 - exact).abs() <= exact * 0.001 + 1.0);
            }
        }
    }

    /// Whatever was delivered and whatever was not: a rank is a place among all of it.
    #[test]
    fn ranks_are_places_among_the_delivered_and_then_the_others(
        mut values in prop::collection::vec(1_i64..10_000_000_000, 0..600),
        never in 0_u64..600,
        quantile in 0.01_f64..0.99,
    ) {
        let mut latency = of(&values);
        latency.never(never, 7);
        values.sort_unstable();
        let count = values.len() as u64 + never;
        let rank = ((quantile * count as f64).ceil() as u64).max(1);
        match latency.reading(quantile) {
            Reading::TooFew => prop_assert!(count < samples_needed(quantile)),
            Reading::Endless(more) => {
                prop_assert!(rank > values.len() as u64);
                prop_assert_eq!(more, values.last().copied().unwrap_or(7).max(7));
            }
            Reading::Value(found) => {
                let exact = values[rank as usize - 1] as f64;
                prop_assert!((found as f64 - exact).abs() <= exact * 0.001 + 1.0);
            }
        }
    }

    #[test]
    fn merged_parts_are_the_whole(
        values in prop::collection::vec(-10_i64..4_000_000_000_000, 1..500),
        cut in 0_usize..500,
        never in (0_u64..3, 0_u64..3),
    ) {
        let cut = cut.min(values.len());
        let mut whole = of(&values);
        whole.never(never.0 + never.1, 30);
        let mut merged = of(&values[..cut]);
        merged.never(never.0, 30);
        let mut rest = of(&values[cut..]);
        rest.never(never.1, 40);
        merged.merge(&rest);
        prop_assert_eq!(merged.count(), values.len() as u64 + never.0 + never.1);
        prop_assert_eq!(merged.never_delivered(), whole.never_delivered());
        prop_assert_eq!(merged.zero_or_negative(), whole.zero_or_negative());
        prop_assert_eq!(merged.over_range(), whole.over_range());
        prop_assert_eq!((merged.min(), merged.max()), (whole.min(), whole.max()));
        prop_assert_eq!(merged.mean(), whole.mean());
        prop_assert_eq!(merged.histogram(), whole.histogram());
    }
}
