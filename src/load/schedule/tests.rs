use crate::base::random;
use proptest::prelude::*;

use super::*;
use crate::plan::{PhasePlan, RateSegment, Shape};

const S: u64 = 1_000_000_000;

fn linear(duration_ns: u64, from_per_s: f64, to_per_s: f64) -> RateSegment {
    RateSegment { duration_ns, shape: Shape::Linear { from_per_s, to_per_s } }
}

fn sine(duration_ns: u64, mean_per_s: f64, amplitude_per_s: f64, period_ns: u64) -> RateSegment {
    RateSegment { duration_ns, shape: Shape::Sine { mean_per_s, amplitude_per_s, period_ns } }
}

fn load(arrivals: Arrivals, producers: u16, phases: Vec<Vec<RateSegment>>) -> LoadPlan {
    let phases = phases
        .into_iter()
        .enumerate()
        .map(|(number, segments)| PhasePlan {
            name: format!("phase {number}"),
            warmup: number == 0,
            segments,
            hot: None,
            sale: None,
        })
        .collect();
    LoadPlan { producers, arrivals, tick_ns: 0, phases, replay: None }
}

/// A shard's slots; a schedule gone wrong may have no end, and would fill the memory.
fn slots(schedule: &Schedule, shard: u16) -> impl Iterator<Item = Slot> {
    schedule.shard(shard).take(1_000_000)
}

fn all_due_ns(schedule: &Schedule) -> Vec<u64> {
    let mut due_ns: Vec<_> =
        (0..schedule.shards()).flat_map(|s| slots(schedule, s)).map(|slot| slot.due_ns).collect();
    due_ns.sort_unstable();
    due_ns
}

/// Everything awkward at once: zero rates, steps, ramps from and to zero, a sine to zero.
fn awkward(arrivals: Arrivals, producers: u16) -> LoadPlan {
    load(
        arrivals,
        producers,
        vec![
            vec![linear(2 * S, 1_000.0, 1_000.0)],
            vec![linear(S, 0.0, 0.0), linear(3 * S, 0.0, 2_000.0), linear(S, 5_000.0, 5_000.0)],
            vec![sine(4 * S, 700.0, 700.0, S), linear(2 * S, 900.0, 0.0)],
            vec![linear(20 * S, 0.5, 0.5)],
        ],
    )
}

#[test]
fn constant_slots_stand_in_the_middle_of_their_share() {
    let schedule =
        Schedule::new(&load(Arrivals::Uniform, 1, vec![vec![linear(S, 1_000.0, 1_000.0)]]), 1);
    let slots: Vec<_> = slots(&schedule, 0).collect();
    assert_eq!(slots.len(), 1_000);
    for (seq, slot) in slots.iter().enumerate() {
        let seq = seq as u64;
        assert_eq!(*slot, Slot { seq, due_ns: seq * 1_000_000 + 500_000 });
    }
}

#[test]
fn the_first_slots_are_the_same_on_every_machine() {
    let uniform = Schedule::new(&awkward(Arrivals::Uniform, 3), 42);
    let found: Vec<_> = slots(&uniform, 2).map(|slot| slot.due_ns / 1_000).collect();
    assert_eq!(found[..4], [2_500, 5_500, 8_500, 11_500]);
    assert_eq!(found[667..670], [3_102_470, 3_139_642, 3_168_819]);
    let poisson = Schedule::new(&awkward(Arrivals::Poisson, 3), 42);
    let found: Vec<_> = slots(&poisson, 2).map(|slot| slot.due_ns / 1_000).collect();
    assert_eq!((found.len(), &found[..4]), (4_416, &[2_648, 4_860, 10_666, 13_827][..]));
    let sum = found.iter().fold(0, |sum, due_us| random::mix(sum ^ due_us));
    assert_eq!(sum, 16_150_946_419_298_666_126);
}

#[test]
fn whole_phases_have_exactly_their_slots() {
    for producers in [1, 2, 7] {
        let schedule = Schedule::new(&awkward(Arrivals::Uniform, producers), 0);
        let mut counts = [0; 4];
        for due_ns in all_due_ns(&schedule) {
            counts[schedule.phase_at(due_ns)] += 1;
        }
        assert_eq!(counts, [2_000, 3_000 + 5_000, 2_800 + 900, 10]);
        assert!((schedule.expected_in(1) - 8_000.0).abs() < 1e-6);
        assert!((schedule.expected_total() - 13_710.0).abs() < 1e-6);
    }
}

#[test]
fn nothing_is_due_while_the_rate_is_zero() {
    for arrivals in [Arrivals::Uniform, Arrivals::Poisson] {
        let schedule = Schedule::new(&awkward(arrivals, 2), 5);
        assert!(all_due_ns(&schedule).iter().all(|due| !(2 * S..3 * S).contains(due)));
    }
}

#[test]
fn phases_are_found_at_their_borders() {
    let schedule = Schedule::new(&awkward(Arrivals::Uniform, 1), 0);
    for (due_ns, phase) in
        [(0, 0), (2 * S - 1, 0), (2 * S, 1), (7 * S, 2), (13 * S, 3), (33 * S, 3), (99 * S, 3)]
    {
        assert_eq!(schedule.phase_at(due_ns), phase, "{due_ns}");
    }
    assert_eq!(schedule.duration_ns(), 33 * S);
    assert!((schedule.rate_at(6 * S + 1) - 5_000.0).abs() < 1e-9);
    assert!((schedule.rate_at(7 * S + S / 4) - 1_400.0).abs() < 1e-9);
    assert!((schedule.rate_at(12 * S) - 450.0).abs() < 1e-9, "halfway down");
    assert_eq!(schedule.rate_at(33 * S).to_bits(), 0);
    assert_eq!(schedule.expected_in(4).to_bits(), 0);
}

#[test]
fn the_count_goes_on_through_the_last_microsecond_of_a_segment() {
    let phases = vec![vec![linear(10_000, 1e6, 1e6)], vec![linear(10_000, 5e5, 5e5)]];
    let schedule = Schedule::new(&load(Arrivals::Uniform, 1, phases), 0);
    let at_ns = [8_500, 9_000, 9_500, 10_000, 18_500, 19_500, 20_000, 99_000];
    for (at_ns, count) in at_ns.into_iter().zip([8.5, 9.0, 9.5, 10.0, 14.25, 14.75, 15.0, 15.0]) {
        let found = schedule.cumulative(at_ns);
        assert!((found - count).abs() < 1e-9, "{at_ns}: {found}");
    }
}

#[test]
fn a_slot_on_the_border_of_two_segments_is_due_when_the_second_starts() {
    let phases = vec![vec![linear(S, 0.5, 0.5), linear(S, 1.5, 1.5)]];
    let schedule = Schedule::new(&load(Arrivals::Uniform, 1, phases), 0);
    assert_eq!(all_due_ns(&schedule), [S, 1_666_667_000]);
}

#[test]
fn an_empty_schedule_has_no_slots() {
    for phases in [vec![], vec![vec![]], vec![vec![linear(S, 0.0, 0.0), linear(0, 9.0, 9.0)]]] {
        let schedule = Schedule::new(&load(Arrivals::Poisson, 1, phases), 0);
        assert_eq!(schedule.shard(0).next(), None);
        assert_eq!(schedule.expected_total().to_bits(), 0);
        assert_eq!(schedule.phase_at(5), 0);
    }
}

#[test]
fn poisson_counts_and_gaps_are_those_of_a_poisson_process() {
    // 200 runs of 10 s at 1,000/s over 4 shards, in windows of 100 ms: 20,000 counts of mean 100.
    let plan = load(Arrivals::Poisson, 4, vec![vec![linear(10 * S, 1_000.0, 1_000.0)]]);
    let (mut total, mut squares, mut short_gaps, mut gaps) = (0.0, 0.0, 0.0, 0.0);
    for seed in 0..200 {
        let mut counts = [0.0; 100];
        let due_ns = all_due_ns(&Schedule::new(&plan, seed));
        for due in &due_ns {
            counts[(due / (S / 10)) as usize] += 1.0;
        }
        for pair in due_ns.windows(2) {
            gaps += 1.0;
            short_gaps += f64::from(u8::from(pair[1] - pair[0] < 693_000));
        }
        total += counts.iter().sum::<f64>();
        squares += counts.iter().map(|count| (count - 100.0) * (count - 100.0)).sum::<f64>();
    }
    let (mean, dispersion) = (total / 20_000.0, squares / 20_000.0 / 100.0);
    // Five standard errors: 10 / sqrt(20,000) and sqrt(2 / 20,000).
    assert!((mean - 100.0).abs() < 5.0 * 0.0707, "{mean}");
    assert!((dispersion - 1.0).abs() < 5.0 * 0.01, "{dispersion}");
    // The median gap of 1,000/s is ln 2 ms; rounding to microseconds moves it by up to one.
    assert!((short_gaps / gaps - 0.5).abs() < 0.003, "{}", short_gaps / gaps);
}

/// Kolmogorov and Smirnov's test: taken back through N, the gaps are exponential with mean 1,
/// whatever the rate did meanwhile.
#[test]
fn poisson_gaps_are_exponential_in_the_count() {
    let mut plan = awkward(Arrivals::Poisson, 1);
    for segment in plan.phases.iter_mut().flat_map(|phase| &mut phase.segments) {
        segment.duration_ns *= 20;
    }
    let schedule = Schedule::new(&plan, 17);
    let counts: Vec<_> = slots(&schedule, 0).map(|slot| schedule.cumulative(slot.due_ns)).collect();
    let mut gaps: Vec<_> = counts.windows(2).map(|pair| pair[1] - pair[0]).collect();
    gaps.sort_by(f64::total_cmp);
    let total = gaps.len() as f64;
    let distance = gaps
        .iter()
        .enumerate()
        .map(|(rank, gap)| (1.0 - (-gap).exp() - rank as f64 / total).abs())
        .fold(0.0, f64::max);
    assert!(total > 200_000.0);
    // Less than this in 999 of 1,000 seeds; rounding to microseconds adds up to 0.005.
    assert!(distance < 1.95 / total.sqrt() + 0.005, "{distance}");
}

#[test]
fn poisson_follows_a_changing_rate() {
    let schedule = Schedule::new(&awkward(Arrivals::Poisson, 3), 11);
    let due_ns = all_due_ns(&schedule);
    for from_ns in (0..13 * S).step_by(S as usize) {
        let to_ns = from_ns + S;
        let count = due_ns.iter().filter(|due| (from_ns..to_ns).contains(due)).count() as f64;
        let mean = schedule.cumulative(to_ns) - schedule.cumulative(from_ns);
        assert!((count - mean).abs() <= 5.0 * mean.sqrt(), "{from_ns}: {count} for {mean}");
    }
}

#[test]
fn shards_and_seeds_of_a_poisson_process_are_independent() {
    let plan = awkward(Arrivals::Poisson, 2);
    let schedule = Schedule::new(&plan, 1);
    let first: Vec<_> = schedule.shard(0).take(50).collect();
    assert_ne!(first, schedule.shard(1).take(50).collect::<Vec<_>>());
    assert_ne!(first, Schedule::new(&plan, 2).shard(0).take(50).collect::<Vec<_>>());
    assert_eq!(first, Schedule::new(&plan, 1).shard(0).take(50).collect::<Vec<_>>());
}

#[test]
fn a_clone_goes_on_from_where_it_was_made() {
    let mut shard = Schedule::new(&awkward(Arrivals::Poisson, 2), 1).shard(1);
    shard.by_ref().take(100).for_each(drop);
    assert!(shard.clone().eq(shard));
}

#[test]
fn a_million_a_second_for_a_day_stays_exact_at_the_end() {
    let day_s = 86_400;
    let plan = load(Arrivals::Uniform, 1, vec![vec![linear(day_s * S, 1_500_000.0, 1_500_000.0)]]);
    let schedule = Schedule::new(&plan, 0);
    let mut shard = schedule.shard(0);
    let Arriving::Uniform { next } = &mut shard.arrivals else { panic!("not uniform") };
    *next = 1.5e6 * day_s as f64 - 0.5;
    assert_eq!(shard.next().unwrap().due_ns, day_s * S - 1_000);
    assert_eq!(shard.next(), None);
}

fn segments() -> impl Strategy<Value = RateSegment> {
    let rate = prop_oneof![Just(0.0), 0.1..50.0_f64, 50.0..20_000.0_f64];
    let duration_ns = (1..2_000_000_u64).prop_map(|us| us * 1_000);
    let other = rate.clone();
    prop_oneof![
        (duration_ns.clone(), rate.clone()).prop_map(|(d, r)| linear(d, r, r)),
        (duration_ns.clone(), rate.clone(), other).prop_map(|(d, a, b)| linear(d, a, b)),
        (duration_ns, rate, 0.0..=1.0_f64, 1..5_000_000_u64)
            .prop_map(|(d, r, part, period_us)| sine(d, r, r * part, period_us * 1_000)),
    ]
}

fn phases() -> impl Strategy<Value = Vec<Vec<RateSegment>>> {
    prop::collection::vec(prop::collection::vec(segments(), 0..4), 1..4)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn uniform_counts_are_the_integral_in_any_interval(
        phases in phases(),
        producers in 1..6_u16,
        ends in prop::collection::vec(0.0..1.0_f64, 8),
    ) {
        let schedule = Schedule::new(&load(Arrivals::Uniform, producers, phases), 0);
        let due_ns = all_due_ns(&schedule);
        let before = |at_ns: u64| due_ns.partition_point(|due| *due < at_ns) as f64;
        for end in ends {
            let at_ns = (schedule.duration_ns() as f64 * end) as u64;
            let near = 1_000.min(at_ns);
            // Half a slot, and what may be due within the microsecond that rounding moves.
            let least = schedule.cumulative(at_ns - near) - 0.5 - 1e-6;
            let most = schedule.cumulative(at_ns + 1_000) + 0.5 + 1e-6;
            let count = before(at_ns);
            prop_assert!(least <= count && count <= most, "{least} {count} {most}");
        }
        let total = due_ns.len() as f64;
        prop_assert!((total - schedule.expected_total()).abs() <= 0.5 + 1e-6);
    }

    #[test]
    fn slots_are_numbered_ordered_whole_and_inside(
        phases in phases(),
        producers in 1..6_u16,
        poisson: bool,
        seed: u64,
    ) {
        let arrivals = if poisson { Arrivals::Poisson } else { Arrivals::Uniform };
        let schedule = Schedule::new(&load(arrivals, producers, phases), seed);
        for shard in 0..producers {
            let mut last_ns = 0;
            for (number, slot) in schedule.shard(shard).enumerate() {
                prop_assert_eq!(slot.seq, number as u64);
                prop_assert!(slot.due_ns >= last_ns && slot.due_ns < schedule.duration_ns());
                prop_assert_eq!(slot.due_ns % 1_000, 0);
                last_ns = slot.due_ns;
            }
        }
    }

    #[test]
    fn shards_divide_the_uniform_slots_among_them(phases in phases(), producers in 2..6_u16) {
        let whole = Schedule::new(&load(Arrivals::Uniform, 1, phases.clone()), 0);
        let parts = Schedule::new(&load(Arrivals::Uniform, producers, phases), 0);
        let mut shards: Vec<_> = (0..producers).map(|shard| parts.shard(shard)).collect();
        for (number, slot) in whole.shard(0).enumerate() {
            let own = shards[number % usize::from(producers)].next();
            prop_assert_eq!(own.map(|own| own.due_ns), Some(slot.due_ns));
        }
        for mut shard in shards {
            prop_assert_eq!(shard.next(), None);
        }
    }

    #[test]
    fn phases_and_counts_agree(phases in phases()) {
        let schedule = Schedule::new(&load(Arrivals::Uniform, 1, phases.clone()), 0);
        let sum: f64 = (0..phases.len()).map(|phase| schedule.expected_in(phase)).sum();
        prop_assert!((sum - schedule.expected_total()).abs() < 1e-6);
        let mut counts = vec![0.0; phases.len()];
        for slot in schedule.shard(0) {
            counts[schedule.phase_at(slot.due_ns)] += 1.0;
        }
        for (phase, count) in counts.into_iter().enumerate() {
            prop_assert!((count - schedule.expected_in(phase)).abs() <= 1.0 + 1e-6);
        }
    }
}
