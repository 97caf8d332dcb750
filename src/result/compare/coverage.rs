//! Bounds of a percentile from within one run, held against the truth: how often they hold it,
//! on real runs of the same and on simulated ones.
//!
//! The truth for a run is what all other runs together say. Bounds that claim 95 % and hold less
//! than 90 % of such truths are not shown anywhere; this is the measurement behind that.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use super::power::experiment::normal;
use super::stats::{ALPHA, Estimate, quantile as student};
use crate::measure::latency::{Block, Footing, decoded, ranks_around};
use crate::result::{LatencySummary, RunResult};

/// The percentiles that are looked at.
const QUANTILES: [(&str, f64); 2] = [("p99", 0.99), ("p99.9", 0.999)];

/// Most samples of a run that are laid out: a gigabyte.
const SAMPLES_MAX: u64 = 1 << 27;

/// Whole runs a side of the interval over runs.
const RUNS: usize = 5;

/// One run of several that are of the same.
#[derive(Debug, Clone, Default)]
struct CoverageRun {
    /// All samples in ns, in ascending order.
    sorted: Vec<f64>,
    /// For each of [`QUANTILES`], how many independent samples it has; `None` where not measured.
    independent: [Option<f64>; 2],
    /// The 99th percentile of each interval.
    p99_by_interval: Vec<f64>,
}

/// A way to bounds that are said to hold a percentile with 95 %.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Method {
    /// By order statistics, as if every sample were independent.
    Naive,
    /// By order statistics, as if there were as many samples as are independent.
    Effective,
    /// By order statistics, as if one of sixteen samples were independent.
    Sixteenth,
    /// By the spread of the intervals' own percentiles (sectioning: Asmussen and Glynn 2007).
    Sections,
}

impl Method {
    const ALL: [Self; 4] = [Self::Naive, Self::Effective, Self::Sixteenth, Self::Sections];

    const fn name(self) -> &'static str {
        match self {
            Self::Naive => "as if independent",
            Self::Effective => "by independent samples",
            Self::Sixteenth => "as if 1 of 16 were",
            Self::Sections => "by intervals",
        }
    }

    /// `None` where the run has too little for it.
    fn bounds(self, run: &CoverageRun, which: usize) -> Option<(f64, f64)> {
        let quantile = QUANTILES[which].1;
        let count = run.sorted.len() as u64;
        match self {
            Self::Naive => {
                let (low, high) = ranks_around(count, quantile)?;
                Some((run.at(low), run.at(high)))
            }
            Self::Effective => run.ranked(run.independent[which]?, quantile),
            Self::Sixteenth => run.ranked(count as f64 / 16.0, quantile),
            Self::Sections => {
                let n = run.p99_by_interval.len();
                if which != 0 || n < 4 {
                    return None;
                }
                let own = run.percentile(quantile)?;
                let off = run.p99_by_interval.iter().map(|p99| (p99 / own).ln().powi(2));
                let error = (off.sum::<f64>() / (n - 1) as f64 / n as f64).sqrt();
                let half = student(1.0 - ALPHA / 2.0, (n - 1) as f64) * error;
                Some((own * (-half).exp(), own * half.exp()))
            }
        }
    }
}

impl CoverageRun {
    /// The sample at a rank, from 1.
    fn at(&self, rank: u64) -> f64 {
        let place = (rank.max(1) as usize - 1).min(self.sorted.len().saturating_sub(1));
        self.sorted.get(place).copied().unwrap_or_default()
    }

    fn percentile(&self, quantile: f64) -> Option<f64> {
        if self.sorted.is_empty() {
            return None;
        }
        Some(self.at((quantile * self.sorted.len() as f64).ceil() as u64))
    }

    /// The samples at the ranks that hold a percentile of so many independent ones.
    fn ranked(&self, independent: f64, quantile: f64) -> Option<(f64, f64)> {
        let count = self.sorted.len() as u64;
        let independent = (independent.floor() as u64).min(count);
        let (low, high) = ranks_around(independent, quantile)?;
        let at = |rank: u64| {
            let share = (rank as f64 - 0.5) / independent as f64;
            self.at((share * count as f64).ceil() as u64)
        };
        Some((at(low), at(high)))
    }

    /// What was recorded of a stage; `by_interval` are the intervals' 99th percentiles.
    fn recorded(latency: &LatencySummary, by_interval: Vec<f64>) -> Option<Self> {
        let bytes = STANDARD.decode(&latency.histogram).ok()?;
        let histogram = decoded(&bytes).ok()?;
        if histogram.len() > SAMPLES_MAX {
            return None;
        }
        let mut sorted = Vec::new();
        for value in histogram.iter_recorded() {
            let times = value.count_since_last_iteration() as usize;
            sorted.extend(std::iter::repeat_n(value.value_iterated_to() as f64, times));
        }
        let rests_on = [&latency.p99_rests_on, &latency.p99_9_rests_on];
        let independent = rests_on.map(|it| it.as_ref().map(|footing| footing.independent));
        Some(Self { sorted, independent, p99_by_interval: by_interval })
    }

    /// Of samples in the order of their due times, so many to an interval.
    fn simulated(samples: &[f64], per_interval: usize) -> Self {
        let mut sorted = samples.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        let mut run = Self { sorted, ..Self::default() };
        for (which, (_, quantile)) in QUANTILES.iter().enumerate() {
            let Some(limit) = run.percentile(*quantile) else { continue };
            let blocks: Vec<Block> = (0..)
                .zip(samples.chunks(per_interval))
                .map(|(index, chunk)| Block {
                    index,
                    samples: chunk.len() as u64,
                    above: chunk.iter().filter(|sample| **sample > limit).count() as u64,
                })
                .collect();
            run.independent[which] = Footing::of(&blocks, *quantile).map(|it| it.independent);
        }
        let mut p99 = |chunk: &[f64]| {
            let mut chunk = chunk.to_vec();
            chunk.sort_unstable_by(f64::total_cmp);
            chunk[((0.99 * chunk.len() as f64).ceil() as usize).max(1) - 1]
        };
        run.p99_by_interval = samples.chunks(per_interval).map(&mut p99).collect();
        run
    }
}

/// For each run what all the others together say; `None` where there are none.
fn truths(runs: &[CoverageRun], quantile: f64) -> Option<Vec<f64>> {
    let mut all: Vec<f64> = runs.iter().flat_map(|run| run.sorted.iter().copied()).collect();
    all.sort_unstable_by(f64::total_cmp);
    let one = |run: &CoverageRun| {
        let others = all.len() - run.sorted.len();
        let rank = ((quantile * others as f64).ceil() as usize).max(1);
        let up_to = |sorted: &[f64], value: f64| sorted.partition_point(|it| *it <= value);
        // The least value that so many of the others' samples don't exceed.
        let (mut few, mut many) = (0, all.len().checked_sub(1)?);
        while few < many {
            let middle = usize::midpoint(few, many);
            let at_most = up_to(&all, all[middle]) - up_to(&run.sorted, all[middle]);
            if at_most >= rank { many = middle } else { few = middle + 1 }
        }
        (others > 0).then(|| all[many])
    };
    runs.iter().map(one).collect()
}

/// What became of one method.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Coverage {
    /// Runs that it had bounds for, as a share.
    bounded: f64,
    /// Of these, how many held the truth.
    held: f64,
    /// Median of half their width, as a share of the middle.
    half: f64,
}

impl Coverage {
    fn of(method: Method, runs: &[CoverageRun], truths: &[f64], which: usize) -> Option<Self> {
        let bounds: Vec<((f64, f64), f64)> = runs
            .iter()
            .zip(truths)
            .filter_map(|(run, truth)| Some((method.bounds(run, which)?, *truth)))
            .collect();
        let held = bounds.iter().filter(|((low, high), it)| low <= it && it <= high).count();
        let halves = bounds.iter().map(|((low, high), _)| ((high / low).ln() / 2.0).exp_m1());
        Self::from(halves.collect(), held, runs.len())
    }

    fn from(mut halves: Vec<f64>, held: usize, runs: usize) -> Option<Self> {
        halves.sort_unstable_by(f64::total_cmp);
        let bounded = halves.len();
        Some(Self {
            bounded: bounded as f64 / runs as f64,
            held: held as f64 / bounded as f64,
            half: *halves.get(bounded / 2)?,
        })
    }
}

/// The interval that a comparison gives of five whole runs against five others, which are of the
/// same: it should hold 1.
fn over_runs(runs: &[CoverageRun], quantile: f64, times: u32, seed: u64) -> Option<Coverage> {
    let mut figures: Vec<f64> = runs.iter().filter_map(|run| run.percentile(quantile)).collect();
    if figures.len() < 2 * RUNS {
        return None;
    }
    let mut random = Pcg64Mcg::seed_from_u64(seed);
    let (mut halves, mut held) = (Vec::new(), 0);
    for _ in 0..times {
        figures.shuffle(&mut random);
        let (some, others) = figures.split_at(RUNS);
        let (low, high) = Estimate::of(some, &others[..RUNS])?.interval();
        held += usize::from(low <= 1.0 && 1.0 <= high);
        halves.push(((high / low).ln() / 2.0).exp_m1());
    }
    Coverage::from(halves, held, times as usize)
}

const HEAD: &str = "| runs of | percentile | bounds | given | hold the truth | half their width |\n\
                    |---|---|---|--:|--:|--:|\n";

fn rows(name: &str, runs: &[CoverageRun], times: u32, seed: u64) -> String {
    let mut out = String::new();
    for (which, (percentile, quantile)) in QUANTILES.iter().enumerate() {
        let Some(truths) = truths(runs, *quantile) else { continue };
        let within =
            Method::ALL.map(|method| (method.name(), Coverage::of(method, runs, &truths, which)));
        let over = ("a ratio of 5 runs to 5", over_runs(runs, *quantile, times, seed));
        for (method, coverage) in within.into_iter().chain([over]) {
            let Some(Coverage { bounded, held, half }) = coverage else { continue };
            let [bounded, held] = [bounded, held].map(|share| format!("{:.0} %", 100.0 * share));
            let half = 100.0 * half;
            out.push_str(&format!(
                "| {name} | {percentile} | {method} | {bounded} | {held} | ± {half:.1} % |\n"
            ));
        }
    }
    out
}

/// The table for recorded runs of the same: acknowledgements, and each application's end to end.
#[must_use]
pub fn recorded(results: &[&RunResult], times: u32, seed: u64) -> String {
    let mut out = HEAD.to_owned();
    let ack = results.iter().filter_map(|result| CoverageRun::recorded(&result.ack, Vec::new()));
    out.push_str(&rows("ack", &ack.collect::<Vec<_>>(), times, seed));
    let apps = results.first().map_or(0, |result| result.apps.len());
    for place in 0..apps {
        let run = |result: &&RunResult| {
            let by_interval = result.series.iter().filter_map(|row| row.apps.get(place)?.p99_ns);
            let by_interval = by_interval.map(|p99_ns| p99_ns as f64).collect();
            CoverageRun::recorded(&result.apps.get(place)?.end_to_end, by_interval)
        };
        let runs: Vec<CoverageRun> = results.iter().filter_map(run).collect();
        let name = format!("{}.e2e", results[0].apps[place].name);
        out.push_str(&rows(&name, &runs, times, seed));
    }
    out
}

/// How latencies of a simulated run hang together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Process {
    /// Not at all.
    Independent,
    /// What an event meets is mostly what the one before met (correlation 0.99).
    Sluggish,
    /// A pause every four seconds or so, of 30 ms on average, in which everything waits.
    Pauses,
    /// The same, and each run is 8 % slower or faster as a whole.
    PausesAndRuns,
}

const PER_INTERVAL: usize = 1_000;

impl Process {
    const ALL: [(&'static str, Self); 4] = [
        ("independent samples", Self::Independent),
        ("correlated samples", Self::Sluggish),
        ("pauses", Self::Pauses),
        ("pauses, and runs that differ by 8 %", Self::PausesAndRuns),
    ];

    /// A run at 1,000 events/s.
    fn run(self, seconds: usize, random: &mut Pcg64Mcg) -> CoverageRun {
        CoverageRun::simulated(&self.samples(seconds, random), PER_INTERVAL)
    }

    /// The latencies of such a run in the order of their due times, in ms.
    fn samples(self, seconds: usize, random: &mut Pcg64Mcg) -> Vec<f64> {
        let pause_share = 1.0 / 4_000.0;
        let level = if self == Self::PausesAndRuns { 0.08 * normal(random) } else { 0.0 };
        let (mut before, mut paused_ms) = (normal(random), 0.0_f64);
        let mut sample = || {
            let kept = if self == Self::Sluggish { 0.99_f64 } else { 0.0 };
            before = kept * before + (1.0 - kept * kept).sqrt() * normal(random);
            if matches!(self, Self::Pauses | Self::PausesAndRuns) {
                paused_ms = (paused_ms - 1.0).max(0.0);
                if random.random_bool(pause_share) {
                    paused_ms = paused_ms.max(-30.0 * (1.0 - random.random::<f64>()).ln());
                }
            }
            (0.2 * before + level).exp() * 5.0 + paused_ms
        };
        (0..seconds * PER_INTERVAL).map(|_| sample()).collect()
    }
}

/// The table for simulated runs of 30 s, so many of each kind.
#[must_use]
pub fn simulated(runs: usize, times: u32, seed: u64) -> String {
    let mut out = format!("{runs} simulated runs of 30 s at 1,000/s, seed {seed}\n\n{HEAD}");
    for (name, process) in Process::ALL {
        let mut random = Pcg64Mcg::seed_from_u64(seed);
        let runs: Vec<CoverageRun> = (0..runs).map(|_| process.run(30, &mut random)).collect();
        out.push_str(&rows(name, &runs, times, seed));
    }
    out
}

#[cfg(test)]
mod tests;
