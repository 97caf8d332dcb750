//! The plots of docs/load.md.

use super::measure::{HONEST, HORIZON_S, SHIPPED, Shipped, file};
use super::plot::{Axis, EXPECTED, MEASURED, Mark, OTHER, Series, plot};
use super::sessions::{activity, alive, lengths, pauses, up_to};
use super::stats::log_normal;
use super::{day, measure, own};

/// A line through what was expected, or dots for what was measured.
fn series<'a>(
    name: &'a str,
    color: &'a str,
    mark: Mark,
    points: impl IntoIterator<Item = (f64, f64)>,
) -> Series<'a> {
    Series { name, color, mark, points: points.into_iter().collect() }
}

fn shipped(name: &str) -> &'static Shipped {
    SHIPPED.iter().find(|shipped| shipped.name == name).unwrap()
}

/// All plots: file name and picture.
pub(super) fn all() -> [(&'static str, String); 6] {
    [
        ("pauses.svg", of_pauses()),
        ("lengths.svg", of_lengths()),
        ("alive.svg", of_alive()),
        ("activity.svg", of_activity()),
        ("gaps.svg", of_gaps()),
        ("day.svg", of_day()),
    ]
}

/// Tenths of a decade.
const TENTHS: std::ops::Range<i32> = -20..25;

/// The share of pauses in each tenth of a decade, by its middle.
fn shares(sample: &[f64]) -> Vec<(f64, f64)> {
    let mut counts = vec![0.0; TENTHS.len()];
    for pause_s in sample {
        let place = (10.0 * libm::log10(*pause_s)).floor() - f64::from(TENTHS.start);
        if let Some(count) = counts.get_mut(place.max(0.0) as usize) {
            *count += 100.0 / sample.len() as f64;
        }
    }
    TENTHS.map(middle).zip(counts).filter(|(_, share)| *share > 0.0).collect()
}

fn middle(tenth: i32) -> f64 {
    libm::pow(10.0, (f64::from(tenth) + 0.5) / 10.0)
}

fn expected(median_s: f64) -> impl Iterator<Item = (f64, f64)> {
    TENTHS.map(move |tenth| {
        let edge = |tenth: i32| libm::pow(10.0, f64::from(tenth) / 10.0);
        let below = |x| log_normal(x, median_s, 1.0);
        (middle(tenth), 100.0 * (below(edge(tenth + 1)) - below(edge(tenth))))
    })
}

fn of_pauses() -> String {
    let (calm, few) = (shipped("peak").calm(), own::few());
    let any = |_, _| true;
    let own_pace = pauses(&calm, (0.0, calm.whole_s() - HORIZON_S), HORIZON_S, any);
    let horizon_s = measure::PAUSE_MAX_S / own::few::factor();
    let hurried = pauses(&few, (0.0, few.whole_s() - horizon_s), horizon_s, any);
    let x = Axis {
        title: "pause between two events of a session (s)",
        range: (0.02, 300.0),
        is_log: true,
        ticks: &[(0.1, "0.1"), (0.3, "0.3"), (1.0, "1"), (3.0, "3"), (10.0, "10"), (100.0, "100")],
    };
    let y = Axis {
        title: "pauses in a tenth of a decade (%)",
        range: (0.0, 10.0),
        is_log: false,
        ticks: &[(0.0, "0"), (2.0, "2"), (4.0, "4"), (6.0, "6"), (8.0, "8"), (10.0, "10")],
    };
    let all = [
        series("log-normal, at both paces", EXPECTED, Mark::Line, expected(8.0)),
        series("enough sessions", MEASURED, Mark::Dots, shares(&own_pace)),
        series("too few: faster, by one factor", OTHER, Mark::Dots, shares(&hurried)),
        series("", EXPECTED, Mark::Line, expected(8.0 / own::few::factor())),
    ];
    plot("Pauses", &x, &y, &all)
}

fn of_lengths() -> String {
    let counts = lengths(&shipped("peak").calm(), HORIZON_S);
    let all: u64 = counts.iter().sum();
    let longer = (1..counts.len()).map(|events| {
        let longer: u64 = counts[events..].iter().sum();
        (events as f64, 100.0 * longer as f64 / all as f64)
    });
    let x = Axis {
        title: "events in a session",
        range: (0.0, 100.0),
        is_log: false,
        ticks: &[
            (0.0, "0"),
            (20.0, "20"),
            (40.0, "40"),
            (60.0, "60"),
            (80.0, "80"),
            (100.0, "100"),
        ],
    };
    let y = Axis {
        title: "sessions that are so long or longer (%)",
        range: (0.01, 100.0),
        is_log: true,
        ticks: &[(0.01, "0.01"), (0.1, "0.1"), (1.0, "1"), (10.0, "10"), (100.0, "100")],
    };
    let geometric = (1..100)
        .map(|events| (f64::from(events), 100.0 - 100.0 * up_to(events as usize - 1, 12.0)));
    let all = [
        series("geometric, by persona", EXPECTED, Mark::Line, geometric),
        series("peak.toml's people", MEASURED, Mark::Dots, longer),
    ];
    plot("Lengths of sessions", &x, &y, &all)
}

/// Every so many seconds of the day's five minutes somebody counts.
const LOOK_S: f64 = 2.0;

/// The rate that the day's curve asks for at a time of the load: the warm-up, at its first rate,
/// then the day in five minutes.
fn day_rate_per_s(at_s: f64) -> f64 {
    let curve = day::points();
    let at = ((at_s - day::WARMUP_S) / day::LASTS_S * 86_400.0).clamp(0.0, 86_399.0);
    let after = curve.partition_point(|point| point.0 <= at);
    let (low, high) = (curve[after - 1], curve[after]);
    low.1 + (high.1 - low.1) * (at - low.0) / (high.0 - low.0)
}

/// Sessions alive over the day, by quicker people, against the plan.
pub(super) fn day_alive() -> (f64, f64, f64) {
    let planned =
        measure::sessions_per_rate(&[&[file("day").as_str()], own::QUICK, HONEST].concat());
    let to_s = day::WARMUP_S + day::LASTS_S - 20.0;
    measure::alive_off(&own::quick_day(), false, (5.0, to_s), |at_s| planned * day_rate_per_s(at_s))
}

const HOURS: &[(f64, &str)] = &[
    (0.0, "0"),
    (3.0, "3"),
    (6.0, "6"),
    (9.0, "9"),
    (12.0, "12"),
    (15.0, "15"),
    (18.0, "18"),
    (21.0, "21"),
    (24.0, "24"),
];

/// The hours of `day.toml`.
const DAY: Axis<'_> = Axis {
    title: "hour of the day, UTC (12.5 s of the run each)",
    range: (0.0, 24.0),
    is_log: false,
    ticks: HOURS,
};

/// The hour of the day at a time of the load.
fn hour(at_s: f64) -> f64 {
    (at_s - day::WARMUP_S) / day::LASTS_S * 24.0
}

fn of_alive() -> String {
    let there = alive(&own::quick_day(), LOOK_S, false);
    let planned =
        measure::sessions_per_rate(&[&[file("day").as_str()], own::QUICK, HONEST].concat());
    let looks = || (3..there.len() - 10).map(|look| look as f64 * LOOK_S);
    let y = Axis {
        title: "sessions alive",
        range: (0.0, 5_000.0),
        is_log: false,
        ticks: &[
            (0.0, "0"),
            (1e3, "1,000"),
            (2e3, "2,000"),
            (3e3, "3,000"),
            (4e3, "4,000"),
            (5e3, "5,000"),
        ],
    };
    let all = [
        series(
            "counted in day.toml's events, median pause 500 ms",
            MEASURED,
            Mark::Dots,
            looks().map(|at_s| (hour(at_s), there[(at_s / LOOK_S) as usize])),
        ),
        series(
            "the plan",
            EXPECTED,
            Mark::Line,
            looks().map(|at_s| (hour(at_s), planned * day_rate_per_s(at_s))),
        ),
    ];
    plot("Sessions alive over a day", &DAY, &y, &all)
}

fn of_activity() -> String {
    let ranked = |counts: Vec<u64>| {
        let all: u64 = counts.iter().sum();
        // Of the many at the end every tenth or so will do.
        let mut next = 1;
        let each = (1..).zip(counts).filter_map(move |(rank, begun): (usize, u64)| {
            let is_shown = rank >= next;
            next += if is_shown { rank.div_ceil(25) } else { 0 };
            (is_shown && begun > 0).then(|| (rank as f64, 100.0 * begun as f64 / all as f64))
        });
        each.collect::<Vec<_>>()
    };
    let weights: Vec<f64> = (1..=2_000).map(|rank| libm::pow(f64::from(rank), -0.8)).collect();
    let sum: f64 = weights.iter().sum();
    let x = Axis {
        title: "rank of the user by activity",
        range: (1.0, 2_000.0),
        is_log: true,
        ticks: &[(1.0, "1"), (10.0, "10"), (100.0, "100"), (1e3, "1,000")],
    };
    let y = Axis {
        title: "part of all sessions (%)",
        range: (0.003, 10.0),
        is_log: true,
        ticks: &[(0.01, "0.01"), (0.1, "0.1"), (1.0, "1"), (10.0, "10")],
    };
    let zipf = (1..).zip(&weights).map(|(rank, weight)| (f64::from(rank), 100.0 * weight / sum));
    let all = [
        series("Zipf, 0.8", EXPECTED, Mark::Line, zipf),
        series("few there at once", MEASURED, Mark::Dots, ranked(activity(&own::sparse()))),
        series("half there at once", OTHER, Mark::Dots, ranked(activity(&own::crowded()))),
    ];
    plot("Activity of 2,000 users", &x, &y, &all)
}

fn of_gaps() -> String {
    let load = shipped("smoke").own();
    let mut gaps: Vec<f64> =
        load.events.windows(2).map(|pair| (pair[1].at_us - pair[0].at_us) as f64 / 1e3).collect();
    gaps.sort_by(f64::total_cmp);
    let count = gaps.len() as f64;
    let longer = (0..40).map(|step| {
        let from_ms = f64::from(step) / 4.0;
        let shorter = gaps.partition_point(|gap_ms| *gap_ms < from_ms);
        (from_ms, 100.0 * (1.0 - shorter as f64 / count))
    });
    let x = Axis {
        title: "gap between an event and the next one (ms)",
        range: (0.0, 10.0),
        is_log: false,
        ticks: &[(0.0, "0"), (2.0, "2"), (4.0, "4"), (6.0, "6"), (8.0, "8"), (10.0, "10")],
    };
    let y = Axis {
        title: "gaps that are so long or longer (%)",
        range: (0.003, 100.0),
        is_log: true,
        ticks: &[(0.01, "0.01"), (0.1, "0.1"), (1.0, "1"), (10.0, "10"), (100.0, "100")],
    };
    let exponential = (0..=100).map(|step| {
        let from_ms = f64::from(step) / 10.0;
        (from_ms, 100.0 * libm::exp(-from_ms))
    });
    let all = [
        series("exponential, 1 ms in the mean", EXPECTED, Mark::Line, exponential),
        series("smoke.toml, 1,000/s", MEASURED, Mark::Dots, longer),
    ];
    plot("Gaps between arrivals", &x, &y, &all)
}

fn of_day() -> String {
    let load = shipped("day").own();
    let mut counts = vec![0.0; load.whole_s() as usize + 1];
    for event in &load.events {
        counts[load.at_s(event) as usize] += 1.0;
    }
    // The last second is not a whole one.
    counts.pop();
    let seconds = (0..).zip(counts).map(|(second, count)| (hour(f64::from(second) + 0.5), count));
    let y = Axis {
        title: "events per second",
        range: (0.0, 6_000.0),
        is_log: false,
        ticks: &[
            (0.0, "0"),
            (1e3, "1,000"),
            (2e3, "2,000"),
            (3e3, "3,000"),
            (4e3, "4,000"),
            (5e3, "5,000"),
            (6e3, "6,000"),
        ],
    };
    let curve = day::points().into_iter().map(|(at, rate)| (at / 3_600.0, rate));
    let all = [
        series("day.toml's events in each second of the run", MEASURED, Mark::Dots, seconds),
        series("day.csv", EXPECTED, Mark::Line, curve),
    ];
    plot("A shop's day", &DAY, &y, &all)
}
