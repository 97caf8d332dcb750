//! What of a latency was the harness and its host: said beside the figure, and above the numbers
//! where the host stood still.

use super::flag::Flag;
use super::flag::limits::HARNESS_SHARE_LIMIT;
use super::self_watch::{Hiccups, STALL_NS};
use super::{AppResult, RunResult, StackedPercentile};
use crate::base::text::duration;
use crate::plan::metric::Statistic;

/// The slowest event by itself: printed and marked, and no percentile.
const MAX: &str = "max";

impl StackedPercentile {
    /// The share of these events' latency that was the harness and its host, from 0 to 1: what
    /// was sent late, and what the host stood still afterwards. `None` where neither is known.
    #[must_use]
    pub fn harness_share(&self) -> Option<f64> {
        let known = [self.send_delay_ns, self.host_ns].into_iter().flatten();
        let own_ns: f64 = known.clone().sum();
        (known.count() > 0).then(|| own_ns / self.end_to_end_ns.max(own_ns).max(1.0))
    }

    /// The share in which a core of the host stood still, from 0 to 1, send delay or not.
    #[must_use]
    pub fn stalled_share(&self) -> Option<f64> {
        self.stalled_ns.map(|ns| (ns / self.end_to_end_ns.max(1.0)).min(1.0))
    }

    /// Whether so much of it was the harness's that it has to be said beside the figure.
    #[must_use]
    pub fn is_marked(&self) -> bool {
        self.harness_share().is_some_and(|share| share > HARNESS_SHARE_LIMIT)
    }
}

/// Whose latency it is, and where its time went.
pub(crate) type NamedStack<'a> = (&'a str, &'a [StackedPercentile]);

impl Hiccups {
    /// What has to stand above the numbers: a stall of 5 ms or more that shows in a printed
    /// percentile, the lowest that it shows in.
    pub(crate) fn flag(&self, stacks: &[NamedStack<'_>]) -> Option<Flag> {
        if self.stalls == 0 {
            return None;
        }
        let shows = |slice: &&StackedPercentile| {
            let share = slice.stalled_share().unwrap_or(0.0);
            !slice.percentile.starts_with(MAX) && share > HARNESS_SHARE_LIMIT
        };
        let all = stacks.iter().flat_map(|(name, stack)| {
            let shown = stack.iter().enumerate().filter(move |(_, slice)| shows(slice));
            shown.map(move |(place, slice)| {
                (place, slice.stalled_share().unwrap_or(0.0), name, slice)
            })
        });
        let worst = |one: &(usize, f64, _, _), other: &(usize, f64, _, _)| {
            one.0.cmp(&other.0).then(other.1.total_cmp(&one.1))
        };
        let (_, share, name, slice) = all.min_by(worst)?;
        Some(self.flag_of(share, name, &slice.percentile))
    }

    fn flag_of(&self, share: f64, of: &str, percentile: &str) -> Flag {
        Flag::StoodStill {
            longest_ns: self.longest_ns,
            at_s: self.longest_at_s,
            share,
            of: of.to_owned(),
            percentile: percentile.to_owned(),
        }
    }
}

impl RunResult {
    /// A figure of an application's end to end in words, as [`AppResult::shown_ns`] has it:
    /// `≤ host` where the host made a thread wait as long that only slept, with a `*` where more
    /// than a fifth of it was the harness's.
    #[must_use]
    pub fn end_to_end_shown(&self, app: &AppResult, statistic: Statistic) -> String {
        let text = app.end_to_end.shown(statistic, |ns| app.shown_ns(ns));
        let value_ns = app.known_ns(app.end_to_end.reading(statistic).value_ns());
        self.said_of(text, value_ns, &app.stack, statistic)
    }

    /// The same of the acknowledgements.
    #[must_use]
    pub fn ack_shown(&self, statistic: Statistic) -> String {
        let value_ns = self.ack.reading(statistic).value_ns();
        self.said_of(self.ack.shown(statistic, duration), value_ns, &self.ack_stack, statistic)
    }

    fn said_of(
        &self,
        text: String,
        value_ns: Option<i64>,
        stack: &[StackedPercentile],
        statistic: Statistic,
    ) -> String {
        let Some(value_ns) = value_ns else { return text };
        let host = self.hiccups.as_ref().filter(|_| statistic.quantile().is_some());
        let host_ns = host.and_then(|hiccups| hiccups.late.reading(statistic).value_ns());
        if host_ns.is_some_and(|host_ns| value_ns <= host_ns) {
            return "≤ host".to_owned();
        }
        let is_marked =
            |slice: &StackedPercentile| slice.percentile == statistic.name() && slice.is_marked();
        if stack.iter().any(is_marked) { format!("{text}*") } else { text }
    }

    /// The flag of a run that several processes have recorded, from the longest stall of each
    /// interval of the measured part: where one is of 5 ms or more, and the waiting that they make
    /// of moments is over a fifth of a percentile at the same percentile.
    pub(crate) fn stall_flag(&self, stalls_ns: &[u64], measured_ns: f64) -> Option<Flag> {
        let hiccups = self.hiccups.as_ref()?;
        let long: Vec<u64> =
            stalls_ns.iter().copied().filter(|&stall_ns| stall_ns >= STALL_NS).collect();
        let all = [Statistic::P50, Statistic::P90, Statistic::P99, Statistic::P99_9];
        for statistic in all {
            let tail = 1.0 - statistic.quantile().unwrap_or(1.0);
            let waited_ns = waited_ns(&long, tail * measured_ns);
            for app in &self.apps {
                let value_ns = app.known_ns(app.end_to_end.reading(statistic).value_ns());
                let share = waited_ns / value_ns.map_or(f64::INFINITY, |ns| ns.max(1) as f64);
                if share > HARNESS_SHARE_LIMIT {
                    return Some(hiccups.flag_of(share.min(1.0), &app.name, statistic.name()));
                }
            }
        }
        None
    }

    /// What may be marked, in the order of printing.
    pub(crate) fn stacks(&self) -> Vec<NamedStack<'_>> {
        let apps = self.apps.iter().map(|app| (app.name.as_str(), app.stack.as_slice()));
        apps.chain([("ack", self.ack_stack.as_slice())]).collect()
    }

    /// What the marks mean: for each percentile the greatest share.
    #[must_use]
    pub fn marks(&self) -> Option<String> {
        let mut worst: Vec<(&str, f64, &str)> = Vec::new();
        for (name, stack) in self.stacks() {
            for slice in stack.iter().filter(|slice| slice.is_marked()) {
                let share = slice.harness_share().unwrap_or(0.0);
                match worst.iter_mut().find(|(percentile, ..)| *percentile == slice.percentile) {
                    Some(known) if known.1 >= share => {}
                    Some(known) => *known = (&slice.percentile, share, name),
                    None => worst.push((&slice.percentile, share, name)),
                }
            }
        }
        let one = |(percentile, share, name): &(&str, f64, &str)| {
            format!("{percentile} up to {:.0} % ({name})", share * 1e2)
        };
        let all: Vec<String> = worst.iter().map(one).collect();
        (!all.is_empty()).then(|| {
            format!(
                "* over {:.0} % was kbench or its host (sent late, or stood still): {}",
                HARNESS_SHARE_LIMIT * 1e2,
                all.join(", ")
            )
        })
    }
}

/// What the host did to a thread that only sleeps, in a line.
pub(crate) fn host_line(result: &RunResult) -> Option<String> {
    let Hiccups { cores, late, longest_ns, .. } = result.hiccups.as_ref()?;
    Some(format!(
        "the host: a sleep of 1 ms ends late by p50 {} p99 {} p99.9 {} max {} ({cores} cores)",
        duration(late.p50_ns),
        duration(late.p99_ns),
        duration(late.p99_9_ns),
        duration(i64::try_from(*longest_ns).ok()),
    ))
}

/// For how long moments of `tail_ns` in all had still to wait at least, or longer, in ns: those
/// that lay so long before the end of a stall.
fn waited_ns(stalls_ns: &[u64], tail_ns: f64) -> f64 {
    let mut sorted: Vec<f64> = stalls_ns.iter().map(|&ns| ns as f64).collect();
    sorted.sort_by(|one, other| other.total_cmp(one));
    let (mut sum_ns, mut best_ns) = (0.0, 0.0_f64);
    for (place, stall_ns) in sorted.iter().enumerate() {
        // Of the longest so many, all that lies above this is the tail.
        sum_ns += stall_ns;
        best_ns = best_ns.max((sum_ns - tail_ns) / (place + 1) as f64);
    }
    best_ns
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::summary::markdown;
    use crate::output::table::terminal;
    use crate::result::{LatencySummary, load_all};
    use std::path::Path;

    fn slice(
        percentile: &str,
        send_delay_ns: f64,
        stalled_ns: f64,
        host_ns: f64,
    ) -> StackedPercentile {
        StackedPercentile {
            percentile: percentile.to_owned(),
            end_to_end_ns: 10e6,
            send_delay_ns: Some(send_delay_ns),
            stalled_ns: Some(stalled_ns),
            host_ns: Some(host_ns),
            ..StackedPercentile::default()
        }
    }

    fn recorded(folder: &str) -> Vec<RunResult> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("results/recorded").join(folder);
        load_all(&folder).unwrap().into_iter().map(|saved| saved.result).collect()
    }

    #[test]
    fn a_fifth_is_not_marked_and_anything_above_is() {
        assert!(!slice("p99", 1.5e6, 9e6, 0.5e6).is_marked());
        assert!(slice("p99", 1.5e6, 0.0, 0.5001e6).is_marked());
        assert!(slice("p99", 2.001e6, 0.0, 0.0).is_marked());
        assert_eq!(slice("p99", 9e6, 9e6, 9e6).harness_share(), Some(1.0), "never more than all");
        let unknown = StackedPercentile { end_to_end_ns: 1.0, ..StackedPercentile::default() };
        assert_eq!((unknown.harness_share(), unknown.is_marked()), (None, false));
    }

    /// In five of the twenty recorded runs on a Kafka, send delay is between a fifth and three
    /// quarters of some application's p99.9. Nobody looked at their hosts.
    #[test]
    fn the_recorded_runs_whose_tail_was_sent_late_are_marked() {
        let mut marked = Vec::new();
        for run in recorded("aa/kafka/a").into_iter().chain(recorded("aa/kafka/b")) {
            let slices = run.apps.iter().flat_map(|app| &app.stack);
            let shares = slices
                .filter(|slice| slice.percentile == "p99.9")
                .filter_map(StackedPercentile::harness_share);
            let most = shares.fold(0.0, f64::max);
            let is_shown = run
                .apps
                .iter()
                .any(|app| run.end_to_end_shown(app, Statistic::P99_9).ends_with('*'));
            assert_eq!(is_shown, most > 0.2, "{}: {most}", run.run);
            let text = terminal(&run, false);
            assert_eq!(text.contains("p99.9 up to"), is_shown, "{text}");
            if is_shown {
                marked.push((most * 1e2).round() as u32);
            }
        }
        marked.sort_unstable();
        assert_eq!(marked.len(), 5, "{marked:?}");
        assert!(marked[0] > 20 && marked[4] == 72, "{marked:?}");
    }

    #[test]
    fn a_stall_is_flagged_from_a_fifth_of_a_printed_percentile_on() {
        let hiccups =
            Hiccups { stalls: 1, longest_ns: 75_200_000, longest_at_s: 5.12, ..Hiccups::default() };
        let flag = |stalls, slices: &[StackedPercentile]| {
            let hiccups = Hiccups { stalls, ..hiccups.clone() };
            let flag = hiccups.flag(&[("fraud", slices), ("ack", &slices[..1])]);
            flag.map(|flag| flag.to_string())
        };
        let slices = [slice("p99", 0.0, 2e6, 2e6), slice("p99.9", 0.0, 9e6, 0.0)];
        assert_eq!(
            flag(1, &slices).unwrap(),
            "hiccups: kbench or its host stood still, for 75.2 ms at 5.1 s: 90 % of fraud's p99.9 \
             (limit 20 %)"
        );
        assert_eq!(flag(0, &slices), None, "none was as long as 5 ms");
        assert_eq!(flag(1, &slices[..1]), None, "a fifth of p99");
        let beyond = [slice("p99", 0.0, 2.001e6, 0.0), slice("p99.9", 0.0, 9e6, 0.0)];
        assert!(flag(1, &beyond).unwrap().contains("20 % of fraud's p99 ("), "the lowest");
        assert_eq!(flag(1, &[slice("max", 0.0, 9e6, 9e6)]), None, "no percentile");
    }

    #[test]
    fn moments_wait_as_long_as_the_stalls_let_them() {
        let near = |stalls: &[u64], tail: f64, expected: f64| {
            let found = waited_ns(stalls, tail);
            assert!((found - expected).abs() < 1e-6, "{stalls:?} {tail}: {found}");
        };
        near(&[], 10.0, 0.0);
        near(&[75], 10.0, 65.0);
        near(&[75], 80.0, 0.0);
        // 25 moments above 50 of the longer, and 5 + 30 above 45.
        near(&[75, 50], 25.0, 50.0);
        near(&[50, 75], 35.0, 45.0);
    }

    /// Several processes: 75 ms in 10 s are 0.75 % of the moments.
    #[test]
    fn a_stall_of_some_process_is_flagged_where_it_fills_a_percentile() {
        let mut run = recorded("aa/kafka/a").remove(0);
        run.hiccups = Some(Hiccups { longest_ns: 75_000_000, ..Hiccups::default() });
        run.apps.truncate(1);
        run.apps[0].end_to_end.p99_9_ns = Some(70_000_000);
        let flag = run.stall_flag(&[75_000_000, 100_000], 10e9).unwrap().to_string();
        assert!(flag.contains("stood still, for 75.0 ms") && flag.contains("93 % of"), "{flag}");
        assert!(flag.contains("p99.9 ("), "{flag}");
        run.apps[0].end_to_end.p99_9_ns = Some(330_000_000);
        assert_eq!(run.stall_flag(&[75_000_000], 10e9), None, "65 ms are a fifth of it");
        run.apps[0].end_to_end.p99_9_ns = Some(1_000_000);
        assert_eq!(run.stall_flag(&[4_999_999], 1e6), None, "no stall of 5 ms");
    }

    #[test]
    fn a_percentile_that_the_host_reaches_by_itself_reads_so() {
        let mut run = recorded("aa/kafka/a").remove(0);
        let app = run.apps[0].clone();
        let p99_ns = app.end_to_end.p99_ns.unwrap();
        let host = |p99_ns| {
            let late = LatencySummary {
                p99_ns: Some(p99_ns),
                max_ns: Some(i64::MAX),
                ..Default::default()
            };
            Some(Hiccups { cores: 2, late, ..Hiccups::default() })
        };
        run.hiccups = host(p99_ns);
        assert_eq!(run.end_to_end_shown(&app, Statistic::P99), "≤ host");
        assert_ne!(run.end_to_end_shown(&app, Statistic::Max), "≤ host");
        assert!(terminal(&run, false).contains("≤ host"));
        assert!(markdown(&run).contains("≤ host"));
        run.hiccups = host(p99_ns - 1);
        assert_eq!(run.end_to_end_shown(&app, Statistic::P99), duration(Some(p99_ns)));
        assert!(terminal(&run, false).contains("the host: a sleep of 1 ms ends late by p50 n/a"));
    }
}
