//! `[load]`: when events are due.

use super::rates;
use std::time::Duration;

use super::rates::{RATE, WARMUP_NAME};
use super::toml::reader::{TomlTable, range};
use super::{Arrivals, LoadPlan, PhasePlan, RateSegment, Shape, phase, replay};

/// Longest schedule as a whole. Also keeps the number of events far below what a stamp can count.
const SCHEDULE_MAX: Duration = Duration::from_secs(30 * 24 * 3600);

/// Longest warm-up.
const WARMUP_MAX: Duration = Duration::from_secs(24 * 3600);

/// A producer's longest pause between two wake-ups while events come due: it stands in the send
/// delay.
const TICK_MAX: Duration = Duration::from_millis(100);

/// The pause where a scenario says none. docs/performance.md has what others cost and add.
const TICK: Duration = Duration::from_micros(500);

/// Most phases of a scenario.
const PHASES_MAX: usize = 1000;

pub(crate) fn resolve(table: TomlTable<'_>) -> LoadPlan {
    let producers = table.whole("producers", 1..=1024, " producers").unwrap_or(1);
    let arrivals = match table.word("arrivals", &["uniform", "poisson"]) {
        Some(0) => Arrivals::Uniform,
        _ => Arrivals::Poisson,
    };
    let warmup = table.duration("warmup", Duration::ZERO, WARMUP_MAX);
    let warmup = warmup.unwrap_or(Duration::from_secs(5));
    let producers = u16::try_from(producers).unwrap_or(u16::MAX);
    let tick = table.duration("tick", Duration::ZERO, TICK_MAX).unwrap_or(TICK);
    let tick_ns = rates::ns(tick);
    let scale = table.number("scale", range(1e-6, 1e6, ""));
    if table.has("replay") {
        let load = LoadPlan { tick_ns, ..replay::resolve(&table, producers, warmup) };
        table.finish();
        return load;
    }
    if table.has("replay_speed") {
        table.fault("replay_speed", "says nothing without a recording; expected replay too");
        table.pass("replay_speed");
    }
    let (mut phases, complete) = phases(&table);
    if let Some(scale) = scale {
        multiply(&table, &mut phases, scale);
    }
    if complete {
        check_whole(&table, &phases);
    }
    if !warmup.is_zero() {
        phases.insert(0, warmup_phase(warmup, &phases));
    }
    table.finish();
    LoadPlan { producers, arrivals, tick_ns, phases, replay: None }
}

/// Multiplies every rate.
fn multiply(table: &TomlTable<'_>, phases: &mut [PhasePlan], scale: f64) {
    let mut greatest = 0.0_f64;
    for segment in phases.iter_mut().flat_map(|phase| &mut phase.segments) {
        match &mut segment.shape {
            Shape::Linear { from_per_s, to_per_s } => {
                (*from_per_s, *to_per_s) = (*from_per_s * scale, *to_per_s * scale);
                greatest = greatest.max(*from_per_s).max(*to_per_s);
            }
            Shape::Sine { mean_per_s, amplitude_per_s, .. } => {
                (*mean_per_s, *amplitude_per_s) = (*mean_per_s * scale, *amplitude_per_s * scale);
                greatest = greatest.max(*mean_per_s + *amplitude_per_s);
            }
        }
    }
    if greatest > RATE.most {
        let what = format!("makes {greatest} events/s; expected at most {}", RATE.most);
        table.fault("scale", &what);
    }
}

/// The scenario's phases, and whether each of them could be read.
fn phases(table: &TomlTable<'_>) -> (Vec<PhasePlan>, bool) {
    let short = ["rate_per_s", "duration"].into_iter().find(|key| table.has(key));
    let typed = table.tables("phase");
    let rate = table.number("rate_per_s", RATE);
    let duration = table.duration("duration", crate::plan::rates::DURATION_MIN, SCHEDULE_MAX);
    if let (Some(key), true) = (short, table.has("phase")) {
        let what = "contradicts [[load.phase]]; expected one or the other (load.scale multiplies \
                    the rates of all phases)";
        table.fault(key, what);
        return (Vec::new(), false);
    }
    if table.has("phase") {
        let count = typed.len();
        if count > PHASES_MAX {
            // Before any of them is looked at: each is compared with those before it.
            table.fault("phase", &format!("{count} phases; expected at most {PHASES_MAX}"));
            return (Vec::new(), false);
        }
        let mut phases: Vec<PhasePlan> = Vec::with_capacity(count);
        for typed in typed {
            phases.extend(phase::resolve(typed, &phases));
        }
        let complete = phases.len() == count && count > 0;
        return (phases, complete);
    }
    if short.is_none() {
        let what = "no load; expected rate_per_s and duration, or [[load.phase]]";
        table.fault_here(what);
        return (Vec::new(), false);
    }
    let rate = table.require("rate_per_s", rate, "expected events per second, such as 1000");
    let duration = table.require("duration", duration, "expected a duration such as \"30s\"");
    let (Some(rate), Some(duration)) = (rate, duration) else {
        return (Vec::new(), false);
    };
    let segments = vec![rates::constant(rates::ns(duration), rate)];
    (
        vec![PhasePlan {
            name: "constant".to_owned(),
            warmup: false,
            segments,
            hot: None,
            sale: None,
        }],
        true,
    )
}

/// Checks that only the whole schedule can show.
fn check_whole(table: &TomlTable<'_>, phases: &[PhasePlan]) {
    let total = Duration::from_nanos(phases.iter().map(PhasePlan::duration_ns).sum());
    if total > SCHEDULE_MAX {
        table.fault("phase", "the phases last longer than 30d together; expected less");
    }
    let events: f64 = phases.iter().map(events_of).sum();
    if events < 1.0 {
        let key = if table.has("phase") { "phase" } else { "rate_per_s" };
        table.fault(key, "the whole schedule sends less than one event; expected a rate above 0");
    }
}

/// A steady run-up at the rate with which the first phase starts; where that is 0, at the mean of
/// the first phase that sends anything.
fn warmup_phase(warmup: Duration, phases: &[PhasePlan]) -> PhasePlan {
    let start = phases.first().and_then(|phase| phase.segments.first()).map_or(0.0, start_of);
    let busy = phases.iter().find(|phase| events_of(phase) > 0.0);
    let mean = busy.map_or(0.0, |phase| {
        events_of(phase) / Duration::from_nanos(phase.duration_ns()).as_secs_f64()
    });
    let rate_per_s = if start > 0.0 { start } else { mean };
    let segments = vec![rates::constant(rates::ns(warmup), rate_per_s)];
    PhasePlan { name: WARMUP_NAME.to_owned(), warmup: true, segments, hot: None, sale: None }
}

fn start_of(segment: &RateSegment) -> f64 {
    match segment.shape {
        Shape::Linear { from_per_s, .. } => from_per_s,
        Shape::Sine { mean_per_s, .. } => mean_per_s,
    }
}

/// Expected events of a phase; a sine counts as its mean, which is near enough for these checks.
fn events_of(phase: &PhasePlan) -> f64 {
    let of = |segment: &RateSegment| {
        let seconds = Duration::from_nanos(segment.duration_ns).as_secs_f64();
        match segment.shape {
            Shape::Linear { from_per_s, to_per_s } => (from_per_s + to_per_s) / 2.0 * seconds,
            Shape::Sine { mean_per_s, .. } => mean_per_s * seconds,
        }
    };
    phase.segments.iter().map(of).sum()
}
