//! When the harness or its host was the limit.

use super::flag::Flag;
use super::flag::limits::{
    BUSY_LIMIT, CEILING_LIMIT, DRIFT_LIMIT_PERCENT, FULL_IN_LIMIT_S, LATE_SHARE_LIMIT,
    SLIP_P99_LIMIT_NS, STEP_LIMIT_US, TAKEN_LIMIT, WAIT_LIMIT,
};
use super::self_watch::{SelfWatch, ThreadShare};

impl SelfWatch {
    /// Whether the harness or its machine was the limit, so that the figures say little of Kafka.
    ///
    /// A busy worker or client thread is not among the reasons, and neither is one that waits for
    /// a core: both may be what a scenario asks about. They are flags of the run all the same.
    #[must_use]
    pub fn limits_harness(&self) -> bool {
        let is_taken = |share: Option<f64>| share.is_some_and(|share| share > TAKEN_LIMIT);
        self.debug_build
            || self.late().is_some()
            || self.ceiling().is_some()
            || is_taken(self.throttled_share)
            || is_taken(self.steal_share)
    }

    /// What has to stand above the numbers.
    #[must_use]
    pub fn flags(&self) -> Vec<Flag> {
        let mut flags = Vec::new();
        flags.extend(self.late());
        flags.extend(self.ceiling());
        flags.extend((self.unsent > 0).then_some(Flag::QueueFull { events: self.unsent }));
        flags.extend(self.starved());
        flags.extend(self.unsteady());
        flags.extend(self.debug_build.then_some(Flag::Unoptimised));
        flags
    }

    /// What a reader has to know before the numbers, though it limits nothing by itself.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.broker_on_this_host {
            notes.push(
                "broker and harness share this host: each takes from the other's cores".to_owned(),
            );
        }
        notes
    }

    fn late(&self) -> Option<Flag> {
        if self.late_share > LATE_SHARE_LIMIT {
            return Some(Flag::SentLate { share: self.late_share });
        }
        let p99_ns = self.slip_p99_ns.filter(|&slip| slip > SLIP_P99_LIMIT_NS)?;
        Some(Flag::Slipped { p99_ns })
    }

    fn ceiling(&self) -> Option<Flag> {
        let (share, ceiling_per_s) = (self.ceiling_share()?, self.ceiling_per_s?);
        (share > CEILING_LIMIT).then_some(Flag::NearCeiling { share, ceiling_per_s })
    }

    /// Where the process lacked CPU, or a thread of it was one core's worth.
    fn starved(&self) -> Vec<Flag> {
        let mut flags = Vec::new();
        if let Some(ThreadShare { thread, share, .. }) = &self.busiest
            && *share > BUSY_LIMIT
        {
            flags.push(Flag::ThreadBusy { thread: thread.clone(), share: *share });
        }
        if let Some(waiting) = &self.most_waiting
            && waiting.share > WAIT_LIMIT
            && waiting.waits_long()
        {
            flags.push(Flag::ThreadWaited {
                thread: waiting.thread.clone(),
                share: waiting.share,
                wait_mean_ns: waiting.wait_mean_ns.unwrap_or(0.0),
            });
        }
        let above = |share: Option<f64>| share.filter(|&share| share > TAKEN_LIMIT);
        flags.extend(above(self.throttled_share).map(|share| Flag::QuotaUsedUp { share }));
        flags.extend(above(self.steal_share).map(|share| Flag::CpuTaken { share }));
        flags
    }

    /// What should have stayed as it was.
    fn unsteady(&self) -> Vec<Flag> {
        let drifted = self.drift.iter().filter(|it| it.change_percent() > DRIFT_LIMIT_PERCENT);
        let mut flags: Vec<Flag> = drifted.cloned().map(Flag::Drifted).collect();
        if let Some(growth) = &self.memory_growth
            && let Some(full_in_s) = growth.full_in_s().filter(|&s| s < FULL_IN_LIMIT_S)
        {
            flags.push(Flag::MemoryGrew { bytes_per_s: growth.bytes_per_s, full_in_s });
        }
        if self.wall_step_max_us.abs() > STEP_LIMIT_US {
            flags.push(Flag::ClockStepped { step_us: self.wall_step_max_us });
        }
        flags
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The flags as they are told.
    fn told(watch: &SelfWatch) -> Vec<String> {
        watch.flags().iter().map(ToString::to_string).collect()
    }
    use crate::result::self_watch::{Drift, Growth};

    fn share(thread: &str, share: f64) -> Option<ThreadShare> {
        let wait_mean_ns = Some(1_200_000.0);
        Some(ThreadShare { thread: thread.to_owned(), share, wait_mean_ns })
    }

    #[test]
    fn a_thread_that_waits_often_and_never_long_is_not_starved() {
        let mut waiting = share("rdk:broker1", 0.09);
        let watch = SelfWatch { most_waiting: waiting.clone(), ..SelfWatch::default() };
        assert_eq!(told(&watch).len(), 1);
        waiting.as_mut().unwrap().wait_mean_ns = Some(52_000.0);
        let watch = SelfWatch { most_waiting: waiting, ..SelfWatch::default() };
        assert_eq!(told(&watch), Vec::<String>::new());
    }

    #[test]
    fn a_healthy_run_raises_no_flag() {
        let watch = SelfWatch {
            slip_p99_ns: Some(400_000),
            late_share: 0.009,
            busiest: share("producer-0", 0.84),
            most_waiting: share("rdk:broker1", 0.049),
            throttled_share: Some(0.009),
            steal_share: Some(0.009),
            ceiling_per_s: Some(100_000.0),
            offered_peak_per_s: 69_000.0,
            wall_step_us: 60_000,
            wall_step_max_us: 500,
            broker_on_this_host: true,
            ..SelfWatch::default()
        };
        assert_eq!(told(&watch), Vec::<String>::new());
        let shares_the_host =
            "broker and harness share this host: each takes from the other's cores";
        assert_eq!(watch.notes(), [shares_the_host]);
        assert_eq!(SelfWatch::default().notes(), Vec::<String>::new());
    }

    /// Each with the value that is over its limit, and the words that it must find.
    fn over_the_limit() -> Vec<(SelfWatch, &'static str)> {
        let new = SelfWatch::default;
        let drift = Drift {
            app: "fraud".to_owned(),
            from_s: 0.0,
            to_s: 120.0,
            percent_per_min: -4.0,
            low_percent_per_min: -5.0,
            high_percent_per_min: -3.0,
        };
        let growth = Growth { bytes_per_s: 2e6, low_bytes_per_s: 1e6, left_bytes: 6_000_000_000 };
        vec![
            (SelfWatch { slip_p99_ns: Some(2_500_000), ..new() }, "2.5 ms late or more"),
            (SelfWatch { late_share: 0.02, ..new() }, "2.0 % of the events were sent over 10 ms"),
            (SelfWatch { unsent: 7, ..new() }, "client limited: 7 events"),
            (SelfWatch { busiest: share("producer-0", 0.97), ..new() }, "producer-0 was 97 % busy"),
            (
                SelfWatch { most_waiting: share("fraud-1", 0.2), ..new() },
                "fraud-1 waited 20 % of the time for a core, 1.2 ms each",
            ),
            (SelfWatch { throttled_share: Some(0.4), ..new() }, "the CPU quota ran out in 40 %"),
            (SelfWatch { steal_share: Some(0.02), ..new() }, "the hypervisor took 2.0 %"),
            (
                SelfWatch { ceiling_per_s: Some(1e5), offered_peak_per_s: 8e4, ..new() },
                "offered 80 % of the 100000/s",
            ),
            (
                SelfWatch { drift: vec![drift], ..new() },
                "fraud's p50 went by -4.0 %/min (-5.0 to -3.0)",
            ),
            (SelfWatch { memory_growth: Some(growth), ..new() }, "1.9 MiB/s, full in 50 min"),
            (SelfWatch { wall_step_max_us: -60_000, ..new() }, "stepped by -60.0 ms"),
            (SelfWatch { debug_build: true, ..new() }, "without optimisation"),
        ]
    }

    fn drift(least_percent: f64) -> SelfWatch {
        let drift = Drift {
            from_s: 0.0,
            to_s: 120.0,
            low_percent_per_min: least_percent / 2.0,
            high_percent_per_min: 99.0,
            ..Drift::default()
        };
        SelfWatch { drift: vec![drift], ..SelfWatch::default() }
    }

    fn full_in(left_bytes: u64) -> SelfWatch {
        let growth = Growth { bytes_per_s: 1e6, low_bytes_per_s: 1.0, left_bytes };
        SelfWatch { memory_growth: Some(growth), ..SelfWatch::default() }
    }

    fn waiting(of_time: f64, wait_mean_ns: f64) -> SelfWatch {
        let mut most_waiting = share("x", of_time);
        most_waiting.as_mut().unwrap().wait_mean_ns = Some(wait_mean_ns);
        SelfWatch { most_waiting, ..SelfWatch::default() }
    }

    /// Each flag's limit as its value, a value just beyond it, and the limit as it is told.
    fn at_and_beyond() -> Vec<(SelfWatch, SelfWatch, &'static str)> {
        let new = SelfWatch::default;
        let slip = |ns| SelfWatch { slip_p99_ns: Some(ns), ..new() };
        let late = |late_share| SelfWatch { late_share, ..new() };
        let busy = |of_core| SelfWatch { busiest: share("x", of_core), ..new() };
        let throttled = |share| SelfWatch { throttled_share: Some(share), ..new() };
        let stolen = |share| SelfWatch { steal_share: Some(share), ..new() };
        let offered = |offered_peak_per_s| SelfWatch {
            ceiling_per_s: Some(1_000.0),
            offered_peak_per_s,
            ..new()
        };
        let step = |wall_step_max_us| SelfWatch { wall_step_max_us, ..new() };
        let unsent = |unsent| SelfWatch { unsent, ..new() };
        let debug = |debug_build| SelfWatch { debug_build, ..new() };
        vec![
            (slip(1_000_000), slip(1_000_001), "(limit 1 ms)"),
            (late(0.01), late(0.010_001), "over 10 ms late (limit 1 %)"),
            (busy(0.85), busy(0.850_1), "(limit 85 %)"),
            (waiting(0.05, 1e6), waiting(0.050_1, 1e6), "(limit 5 %, 0.1 ms)"),
            (waiting(0.5, 99_999.0), waiting(0.5, 100_000.0), "(limit 5 %, 0.1 ms)"),
            (throttled(0.01), throttled(0.010_1), "(limit 1 %)"),
            (stolen(0.01), stolen(0.010_1), "(limit 1 %)"),
            (offered(700.0), offered(700.1), "(limit 70 %)"),
            (drift(5.0), drift(5.001), "drift: "),
            (full_in(3_600_000_000), full_in(3_599_000_000), "(limit 60 min)"),
            (step(50_000), step(50_001), "(limit 50 ms)"),
            (step(-50_000), step(-50_001), "(limit 50 ms)"),
            (unsent(0), unsent(1), "client limited"),
            (debug(false), debug(true), "without optimisation"),
        ]
    }

    #[test]
    fn a_limit_itself_raises_no_flag_and_what_lies_just_beyond_raises_its_own() {
        let mut faults = Vec::new();
        for (at, beyond, words) in at_and_beyond() {
            let flags = told(&beyond);
            if !(told(&at).is_empty() && flags.len() == 1 && flags[0].contains(words)) {
                faults.push(format!("{words}: at {:?}, beyond {flags:?}", told(&at)));
            }
        }
        assert!(faults.is_empty(), "{faults:#?}");
    }

    /// Which of them say that the figures are the harness's: the sweep leaves such runs out.
    #[test]
    fn at_a_limit_the_harness_is_none_and_just_beyond_it_is() {
        let is_limit = |words: &str| {
            ["(limit 1 ms)", "(limit 1 %)", "(limit 70 %)", "without optimisation"]
                .iter()
                .any(|limit| words.contains(limit))
        };
        for (at, beyond, words) in at_and_beyond() {
            assert!(!at.limits_harness(), "{words}");
            assert_eq!(beyond.limits_harness(), is_limit(words), "{words}");
        }
    }

    #[test]
    fn every_limit_raises_its_own_flag_in_one_line() {
        for (watch, words) in over_the_limit() {
            let flags = told(&watch);
            assert_eq!(flags.len(), 1, "{flags:?}");
            assert!(flags[0].contains(words), "{words}: {}", flags[0]);
            assert!(flags[0].chars().count() <= 110, "{}", flags[0]);
        }
    }
}
