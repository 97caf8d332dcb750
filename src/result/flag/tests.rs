use super::*;

/// One flag of each variant.
fn all() -> Vec<Flag> {
    let name = || "fraud".to_owned();
    vec![
        Flag::SentLate { share: 0.02 },
        Flag::Slipped { p99_ns: 2_500_000 },
        Flag::NearCeiling { share: 0.8, ceiling_per_s: 1e5 },
        Flag::ThreadBusy { thread: "memory".to_owned(), share: 0.97 },
        Flag::QueueFull { events: 7 },
        Flag::ThreadWaited { thread: "late".to_owned(), share: 0.2, wait_mean_ns: 1.2e6 },
        Flag::QuotaUsedUp { share: 0.4 },
        Flag::CpuTaken { share: 0.02 },
        Flag::Unoptimised,
        Flag::Drifted(Drift { app: name(), ..Drift::default() }),
        Flag::MemoryGrew { bytes_per_s: 2e6, full_in_s: 3_000.0 },
        Flag::ClockStepped { step_us: -60_000 },
        Flag::StoodStill {
            longest_ns: 75_000_000,
            at_s: 3.2,
            share: 0.5,
            of: name(),
            percentile: "p99".to_owned(),
        },
        Flag::OtherWriters { beyond: 5, unacked: 1 },
        Flag::RecordingLate { events: 6, late_max_ns: 7_500_000 },
        Flag::RecordingSkipped { skipped: 3, read: 10, reasons: vec!["not JSON 3".to_owned()] },
        Flag::RecordingKeys { events: 2 },
        Flag::RecordingTimes { events: 1 },
        Flag::AppFellBehind { app: name(), slope: "9/s".to_owned(), lag_s: Some(1.5) },
        Flag::BrokerFellBehind { rates: None, found: "ack p99 grew by 9 ms/s".to_owned() },
        Flag::Throttled { side: "producers", longest_ms: 812.0, of_time: 0.83 },
        Flag::EventsLate { events: 8_000 },
        Flag::Hurried { phase: "rush".to_owned(), times: 1.3 },
        Flag::LeadersMoved(vec!["partition 0 from broker 1 to 2".to_owned()]),
        Flag::BrokersDiffer(vec!["4.2".to_owned(), "4.3".to_owned()]),
        Flag::BrokerMemoryFull { refused: 4 },
        Flag::ClocksApart { app: name(), bound_ns: None },
        Flag::ClocksApart { app: name(), bound_ns: Some(1_000) },
    ]
}

#[test]
fn a_saved_flag_tells_its_kind_again() {
    let mut kinds: Vec<FlagKind> = Vec::new();
    for flag in all() {
        assert_eq!(FlagKind::of(&flag.to_string()), Some(flag.kind()), "{flag}");
        kinds.push(flag.kind());
    }
    kinds.sort_unstable();
    kinds.dedup();
    assert_eq!(kinds, FlagKind::ALL, "every kind has a flag here");
    assert_eq!(FlagKind::of("analytics: the consumer process 7 read topic x"), None);
    assert_eq!(FlagKind::of("later: a flag of another kbench"), None);
}

#[test]
fn a_flag_ends_in_its_advice_where_there_is_something_to_do() {
    let advice = |flag: &Flag| flag.to_string().rsplit(": ").next().unwrap().to_owned();
    assert_eq!(advice(&all()[0]), "give it more CPU");
    assert_eq!(advice(&all()[2]), "add producers");
    let still = "hiccups: kbench or its host stood still, for 75.0 ms at 3.2 s: 50 % of \
                 fraud's p99 (limit 20 %)";
    assert_eq!(all()[12].to_string(), still);
    let behind = "overload: fraud fell behind by 9/s; 1.5 s at the end";
    assert_eq!(all()[18].to_string(), behind);
}
