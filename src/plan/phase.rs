//! `[[load.phase]]`: one part of the schedule, by kind.

use std::collections::HashSet;
use std::time::Duration;

use super::rates::{DURATION_MIN, RATE, WARMUP_NAME, constant, linear, ns};
use super::toml::names::NAME_CHARS_MAX;
use super::toml::reader::TomlTable;
use super::{PhasePlan, RateSegment, Shape, crowd, curve};
use crate::base::visible::is_hidden;

/// Longest phase.
const DURATION_MAX: Duration = Duration::from_secs(30 * 24 * 3600);

const KINDS: [&str; 6] = ["constant", "ramp", "step", "spike", "sine", "curve"];

/// Resolves a phase that comes after `before`; `None` if it has a fault, which is recorded.
pub(crate) fn resolve(table: TomlTable<'_>, before: &[PhasePlan]) -> Option<PhasePlan> {
    let kind = table.word("kind", &KINDS);
    let name = name(&table, kind.map_or("phase", |kind| KINDS[kind]), before);
    let duration = table.duration("duration", DURATION_MIN, DURATION_MAX);
    let expected = "expected constant, ramp, step, spike, sine or curve";
    // Without the kind nobody can say which other keys belong here.
    let kind = table.require("kind", kind, expected)?;
    let duration = match KINDS[kind] {
        // A curve has a length of its own.
        "curve" => duration.or(Some(Duration::ZERO).filter(|_| !table.has("duration"))),
        _ => table.require("duration", duration, "expected a duration such as \"30s\""),
    };
    // A phase without a legal duration is read all the same, for the faults of its other keys.
    let total_ns = ns(duration.unwrap_or(DURATION_MAX));
    let segments = match KINDS[kind] {
        "ramp" => ramp(&table, total_ns),
        "step" => steps(&table, total_ns),
        "spike" => spike(&table, total_ns, duration.is_some()),
        "sine" => sine(&table, total_ns),
        "curve" => curve::resolve(&table, duration.filter(|duration| !duration.is_zero())),
        _ => rate(&table, "rate_per_s").map(|rate| vec![constant(total_ns, rate)]),
    };
    let (hot, sale) = (crowd::hot(&table), crowd::sale(&table));
    table.finish_as(&format!("a {} phase", KINDS[kind]));
    duration?;
    Some(PhasePlan { name, warmup: false, segments: segments?, hot, sale })
}

fn rate(table: &TomlTable<'_>, key: &'static str) -> Option<f64> {
    let rate = table.number(key, RATE);
    table.require(key, rate, "expected events per second, such as 1000")
}

/// The phase's own name, or its kind, numbered where that is taken.
fn name(table: &TomlTable<'_>, kind: &str, before: &[PhasePlan]) -> String {
    let names: HashSet<&str> = before.iter().map(|phase| phase.name.as_str()).collect();
    let taken = |name: &str| names.contains(name);
    let Some(name) = table.text("name") else {
        let numbered = (2..).map(|n: usize| format!("{kind}-{n}"));
        let mut names = std::iter::once(kind.to_owned()).chain(numbered);
        return names.find(|name| !taken(name)).unwrap_or_default();
    };
    if name.trim().is_empty() || name.len() > NAME_CHARS_MAX || name.contains(is_hidden) {
        let what = format!("{name:?} is not a name; expected 1 to {NAME_CHARS_MAX} characters");
        table.fault("name", &what);
    } else if name == WARMUP_NAME {
        let what = format!("{name:?} is what load.warmup makes; expected another name");
        table.fault("name", &what);
    } else if taken(&name) {
        table.fault("name", &format!("{name:?} names an earlier phase; expected another name"));
    }
    name
}

fn ramp(table: &TomlTable<'_>, total_ns: u64) -> Option<Vec<RateSegment>> {
    let (from, to) = (rate(table, "from_per_s"), rate(table, "to_per_s"));
    Some(vec![linear(total_ns, from?, to?)])
}

/// Equal steps, the first at `from_per_s`, the last at `to_per_s`.
fn steps(table: &TomlTable<'_>, total_ns: u64) -> Option<Vec<RateSegment>> {
    let (from, to) = (rate(table, "from_per_s"), rate(table, "to_per_s"));
    let steps = table.whole("steps", 2..=1000, " steps");
    let steps = table.require("steps", steps, "expected a number of steps, such as 5");
    let (from, to, steps) = (from?, to?, steps?);
    // Whole microseconds; the edges are rounded, so that the steps sum to the phase.
    let edge = |step: u64| {
        let us = u128::from(total_ns / 1000) * u128::from(step) / u128::from(steps);
        u64::try_from(us).unwrap_or(u64::MAX) * 1000
    };
    let step = |index: u64| {
        let share = index as f64 / (steps - 1) as f64;
        // As a mean of both ends: the last step is `to_per_s` to the bit.
        constant(edge(index + 1) - edge(index), from * (1.0 - share) + to * share)
    };
    Some((0..steps).map(step).filter(|segment| segment.duration_ns > 0).collect())
}

/// The peak stands in the middle: as much of the base before it as after.
fn spike(table: &TomlTable<'_>, total_ns: u64, total_is_known: bool) -> Option<Vec<RateSegment>> {
    let (base, peak) = (rate(table, "base_per_s"), rate(table, "peak_per_s"));
    let rise = table.duration("rise", Duration::ZERO, DURATION_MAX);
    let hold = table.duration("hold", Duration::ZERO, DURATION_MAX);
    let hold = table.require("hold", hold, "expected how long the peak lasts, such as \"3s\"");
    if let (Some(base), Some(peak)) = (base, peak)
        && peak <= base
    {
        let what = format!("{peak} is not above base_per_s, {base}; expected a peak");
        table.fault("peak_per_s", &what);
        return None;
    }
    let (base, peak, hold_ns) = (base?, peak?, ns(hold?));
    if table.has("rise") {
        rise?;
    }
    let rise_ns = ns(rise.unwrap_or(Duration::ZERO));
    let spike_ns = 2 * rise_ns + hold_ns;
    if !total_is_known {
        return None;
    }
    if spike_ns > total_ns || spike_ns == 0 {
        let what =
            "the spike (rise, hold, and as long a fall) has to last, and to fit into duration";
        table.fault("hold", what);
        return None;
    }
    let before_ns = (total_ns - spike_ns) / 2000 * 1000;
    let segments = [
        constant(before_ns, base),
        linear(rise_ns, base, peak),
        constant(hold_ns, peak),
        linear(rise_ns, peak, base),
        constant(total_ns - spike_ns - before_ns, base),
    ];
    Some(segments.into_iter().filter(|segment| segment.duration_ns > 0).collect())
}

fn sine(table: &TomlTable<'_>, total_ns: u64) -> Option<Vec<RateSegment>> {
    let mean = rate(table, "mean_per_s");
    let amplitude = rate(table, "amplitude_per_s");
    let period = table.duration("period", DURATION_MIN, DURATION_MAX);
    let period = table.require("period", period, "expected the length of a swing, such as \"60s\"");
    let (mean_per_s, amplitude_per_s) = (mean?, amplitude?);
    if amplitude_per_s > mean_per_s {
        let what = format!(
            "{amplitude_per_s} is more than mean_per_s, {mean_per_s}, so that the rate would fall \
             below 0; expected at most the mean"
        );
        table.fault("amplitude_per_s", &what);
        return None;
    }
    if mean_per_s + amplitude_per_s > RATE.most {
        table.fault("amplitude_per_s", "the crest is above 10000000 events/s; expected less");
        return None;
    }
    let shape = Shape::Sine { mean_per_s, amplitude_per_s, period_ns: ns(period?) };
    Some(vec![RateSegment { duration_ns: total_ns, shape }])
}
