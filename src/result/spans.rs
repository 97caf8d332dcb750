//! How much of each interval there was: the last ones are not whole, and a count over a part of
//! an interval is not a rate of the whole.

use super::{Interval, RunResult};

/// What there was of one interval of a run's series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct IntervalSpan {
    /// Its start, in seconds from the schedule's start.
    pub from_s: f64,
    /// Its end, or that of the run if it came first, in seconds from the schedule's start.
    pub to_s: f64,
    /// For how many seconds of it the producers' process was at work.
    pub sending_s: f64,
    /// For how many seconds of it the schedule went on: none in the drain; `None` where a signal
    /// ended it at a moment that is not recorded.
    pub due_s: Option<f64>,
}

impl IntervalSpan {
    /// Events that came due in it, per second; `None` in the drain.
    #[must_use]
    pub fn offered_per_s(&self, events: u64) -> Option<f64> {
        rate(events, self.due_s?)
    }

    /// Events that were sent or acknowledged in it, per second; `None` where the producers' process
    /// had ended.
    #[must_use]
    pub fn sent_per_s(&self, events: u64) -> Option<f64> {
        rate(events, self.sending_s)
    }

    /// Events that were processed in it, per second.
    #[must_use]
    pub fn seen_per_s(&self, events: u64) -> Option<f64> {
        rate(events, self.to_s - self.from_s)
    }
}

fn rate(events: u64, seconds: f64) -> Option<f64> {
    (seconds > 0.0).then(|| events as f64 / seconds)
}

impl RunResult {
    /// How long a whole interval is, in seconds.
    #[must_use]
    pub fn interval_s(&self) -> f64 {
        let planned = self.plan["measure"]["interval_ms"].as_f64().map(|ms| ms / 1e3);
        match (self.series.as_slice(), planned) {
            ([first, second, ..], _) => second.from_s - first.from_s,
            (_, Some(planned_s)) if planned_s > 0.0 => planned_s,
            _ => 1.0,
        }
    }

    /// When the schedule ended, in seconds from its start: from then on the run drained. Where a
    /// signal ended it, the start of the last interval in which anything came due.
    #[must_use]
    pub fn schedule_end_s(&self) -> f64 {
        let planned_s = self.phases.iter().map(|phase| phase.to_s).fold(0.0, f64::max);
        let last = self.series.iter().rfind(|interval| interval.offered > 0);
        match (self.verdict.interrupted_by, last) {
            (Some(_), Some(last)) if last.from_s + self.interval_s() < planned_s => last.from_s,
            // A recording has no phases; neither has a producer that stops after a count.
            (_, Some(last)) if planned_s <= 0.0 => self.duration_s.max(last.from_s),
            _ => planned_s,
        }
    }

    /// What there was of each interval of the series.
    #[must_use]
    pub fn spans(&self) -> Vec<IntervalSpan> {
        let (whole_s, end_s) = (self.interval_s(), self.schedule_end_s());
        let is_cut = self.verdict.interrupted_by.is_some();
        // Processes of their own read on after the producers' end.
        let is_one = self.processes.is_empty();
        let span = |interval: &Interval| {
            let from_s = interval.from_s;
            let sending_s = (self.duration_s - from_s).clamp(0.0, whole_s);
            let due_s = (end_s - from_s).clamp(0.0, whole_s);
            IntervalSpan {
                from_s,
                to_s: from_s + if is_one && sending_s > 0.0 { sending_s } else { whole_s },
                sending_s,
                due_s: (due_s > 0.0 || interval.offered == 0 || !is_cut).then_some(due_s),
            }
        };
        self.series.iter().map(span).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::result::{AppInterval, Interval, ProcessResult, load};

    /// A recorded run with a series of its own: events offered and acknowledged by interval.
    fn run(duration_s: f64, schedule_s: f64, rows: &[(u64, u64)]) -> RunResult {
        let name = "results/recorded/steady-20261123T071318Z-d47e7083";
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
        let mut run = load(&folder).unwrap().result;
        run.duration_s = duration_s;
        run.phases.truncate(1);
        run.phases[0].to_s = schedule_s;
        let row = |(at, (offered, acked)): (usize, &(u64, u64))| Interval {
            from_s: at as f64,
            offered: *offered,
            sent: *offered,
            acked: *acked,
            apps: vec![AppInterval::default()],
            ..Interval::default()
        };
        run.series = rows.iter().enumerate().map(row).collect();
        run
    }

    fn rates(run: &RunResult) -> Vec<(Option<f64>, Option<f64>)> {
        let round = |rate: f64| rate.round();
        let spans = run.spans().into_iter().zip(&run.series);
        spans
            .map(|(span, row)| {
                (span.offered_per_s(row.offered).map(round), span.sent_per_s(row.acked).map(round))
            })
            .collect()
    }

    #[test]
    fn a_part_of_an_interval_is_a_rate_by_its_own_length() {
        let run = run(2.6, 2.5, &[(100, 100), (100, 99), (50, 60)]);
        let whole = (Some(100.0), Some(100.0));
        assert_eq!(rates(&run), [whole, (Some(100.0), Some(99.0)), whole]);
    }

    #[test]
    fn the_drain_offers_nothing_and_ends_with_the_run() {
        let run = run(3.25, 2.0, &[(100, 50), (100, 50), (0, 60), (0, 40)]);
        assert_eq!(
            rates(&run),
            [
                (Some(100.0), Some(50.0)),
                (Some(100.0), Some(50.0)),
                (None, Some(60.0)),
                (None, Some(160.0))
            ]
        );
        assert!((run.schedule_end_s() - 2.0).abs() < 1e-9);
    }

    #[test]
    fn a_signal_ends_the_schedule_at_a_time_that_nobody_knows() {
        let mut run = run(1.7, 60.0, &[(100, 100), (40, 40)]);
        run.verdict.interrupted_by = Some(130);
        assert_eq!(rates(&run)[1], (None, Some((40.0_f64 / 0.7).round())));
        assert!((run.schedule_end_s() - 1.0).abs() < 1e-9);
    }

    #[test]
    fn consumers_that_read_on_are_not_cut_at_the_producers_end() {
        let mut run = run(1.5, 1.5, &[(100, 100), (50, 50), (0, 0), (0, 0)]);
        assert!((run.spans()[1].to_s - 1.5).abs() < 1e-9);
        let process = ProcessResult {
            role: "consumer".to_owned(),
            pid: 1,
            apps: Vec::new(),
            command_line: Vec::new(),
            cpu_s: 0.0,
            cpu_measured_s: None,
            memory_peak_bytes: None,
            wall_step_us: 0,
            clock: None,
        };
        run.processes = vec![process];
        assert_eq!((run.spans()[1].to_s, run.spans()[1].sending_s), (2.0, 0.5));
        assert_eq!((run.spans()[3].to_s, run.spans()[3].sent_per_s(0)), (4.0, None));
        assert_eq!(run.spans()[3].seen_per_s(7), Some(7.0));
    }
}
