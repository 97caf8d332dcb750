use super::*;
use proptest::prelude::*;

const REACH_US: i64 = 60_000_000;
const HOUR_US: i64 = 3_600_000_000;

fn new() -> Leaps<i64> {
    Leaps::new(REACH_US)
}

/// A stream that has begun: three users at second 0.
fn begun() -> Leaps<i64> {
    let mut leaps = new();
    assert_eq!(run(&mut leaps, &[(0, 1), (0, 2), (0, 3)]), (vec![0, 0, 0], 0));
    leaps
}

/// Takes in (second, user), and gives the seconds that were applied, in their order, and how many
/// events were left out so far.
fn run(leaps: &mut Leaps<i64>, events: &[(i64, u64)]) -> (Vec<i64>, u64) {
    let mut applied = Vec::new();
    for &(second, user) in events {
        if leaps.enter(second * 1_000_000, user, || second) {
            applied.push(second);
        }
        applied.extend(std::iter::from_fn(|| leaps.take_agreed()).map(|(_, second)| second));
    }
    (applied, leaps.left_out())
}

/// The same for what is held when nothing more comes.
fn ended(leaps: &mut Leaps<i64>) -> (Vec<i64>, u64) {
    leaps.end(leaps.stretch());
    (
        std::iter::from_fn(|| leaps.take_agreed()).map(|(_, second)| second).collect(),
        leaps.left_out(),
    )
}

#[test]
fn an_event_ahead_waits_until_two_others_agree() {
    let mut leaps = begun();
    assert_eq!(run(&mut leaps, &[(100, 1), (101, 1), (102, 2)]), (vec![], 0));
    assert_eq!(run(&mut leaps, &[(103, 3)]), (vec![100, 101, 102, 103], 0));
    assert_eq!(leaps.stretch().span_us, Some((0, 103_000_000)));
    // At the edge of the reach an event is near, and what it brings within reach comes along.
    assert_eq!(run(&mut leaps, &[(163, 1), (224, 1)]), (vec![163], 0));
    assert_eq!(run(&mut leaps, &[(164, 2)]), (vec![164, 224], 0));
}

#[test]
fn an_event_ahead_that_others_disagree_with_is_left_out_and_moves_nothing() {
    let mut leaps = begun();
    assert_eq!(run(&mut leaps, &[(3_300, 9), (1, 1), (2, 2)]), (vec![1, 2], 1));
    assert_eq!(leaps.stretch().span_us, Some((0, 2_000_000)));
    // One user who says so often is still one.
    let burst: Vec<_> = (0..7).map(|n| (3_300 + n, 9)).collect();
    assert_eq!(run(&mut leaps, &burst), (vec![], 1));
    assert_eq!(run(&mut leaps, &[(3, 1); 9]), (vec![3; 9], 8));
}

#[test]
fn the_first_event_of_a_partition_has_no_more_weight_than_any_other() {
    let mut leaps = new();
    let events = [(3_300, 9), (0, 1), (1, 2), (2, 3)];
    assert_eq!(run(&mut leaps, &events), (vec![0, 1, 2], 1));
    // One that lies behind takes nobody along.
    let mut leaps = new();
    let events = [(0, 1), (-3_300, 9), (1, 2), (2, 3), (3, 4), (4, 5)];
    assert_eq!(run(&mut leaps, &events), (vec![-3_300, 0, 1, 2, 3, 4], 0));
}

#[test]
fn what_is_late_has_no_say() {
    let mut leaps = begun();
    let events = [(3_300, 9), (-61, 1), (-3_300, 2), (-62, 3)];
    assert_eq!(run(&mut leaps, &events), (vec![-61, -3_300, -62], 0));
    assert_eq!(run(&mut leaps, &[(3_301, 1), (3_302, 2)]).0, [3_300, 3_301, 3_302]);
}

#[test]
fn a_stream_of_one_user_goes_on_after_eight_events() {
    let mut leaps = new();
    let events: Vec<_> = (0..8).map(|second| (second, 1)).collect();
    assert_eq!(run(&mut leaps, &events[..7]).0.len(), 0);
    assert_eq!(run(&mut leaps, &events[7..]).0.len(), 8);
}

#[test]
fn at_the_end_what_nothing_speaks_against_is_applied() {
    let mut leaps = begun();
    run(&mut leaps, &[(7_200, 1)]);
    assert_eq!(ended(&mut leaps), (vec![7_200], 0), "of four events who knows");
    // No further ahead than the stream is long, and a second further.
    let mut leaps = new();
    let many: Vec<_> = (0..120).map(|second: i64| (second, second.unsigned_abs())).collect();
    run(&mut leaps, &many);
    run(&mut leaps, &[(119 + 119, 1), (119 + 120, 2)]);
    assert_eq!(leaps.doubtful(leaps.stretch()), 1);
    assert_eq!(ended(&mut leaps), (vec![238], 1));
    // As many speak against it as for it.
    let mut leaps = begun();
    run(&mut leaps, &[(3_300, 9), (1, 1)]);
    assert_eq!(ended(&mut leaps), (vec![], 1));
}

#[test]
fn no_more_than_sixty_four_are_held_whoever_argues() {
    let mut leaps = begun();
    for round in 0..1_000 {
        run(&mut leaps, &[(3_300, round), (1, round)]);
        assert!(leaps.held.len() <= HELD_MAX, "{}", leaps.held.len());
    }
    ended(&mut leaps);
    assert_eq!(leaps.stretch().events + leaps.left_out(), 2_003);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    /// Whatever gaps a stream has, and however far its times go back within the lateness.
    #[test]
    fn a_stream_that_goes_back_no_further_than_the_lateness_loses_nothing(
        steps in prop::collection::vec((0..4 * HOUR_US, 0..=REACH_US, 0_u64..6), 1..90),
    ) {
        let (mut leaps, mut newest_us) = (new(), 0);
        let mut applied = Vec::new();
        for (step_us, back_us, user) in &steps {
            newest_us += if user % 2 == 0 { *step_us } else { step_us / 1_000 };
            let at_us = newest_us - back_us;
            if leaps.enter(at_us, *user, || 0) {
                applied.push(at_us);
            }
            applied.extend(std::iter::from_fn(|| leaps.take_agreed()).map(|(at_us, _)| at_us));
        }
        leaps.end(TimeStretch::default());
        applied.extend(std::iter::from_fn(|| leaps.take_agreed()).map(|(at_us, _)| at_us));
        prop_assert_eq!((applied.len(), leaps.left_out()), (steps.len(), 0));
        // Nobody became late who was not.
        let mut newest_us = i64::MIN;
        for at_us in applied {
            newest_us = newest_us.max(at_us);
            prop_assert!(at_us >= newest_us.saturating_sub(REACH_US));
        }
    }
}
