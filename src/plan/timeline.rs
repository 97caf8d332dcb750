//! What happens at a time during a run, as the plan has it: data, which the runner plays.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::LoadPlan;

/// Something that somebody has to do at a time: a fault, workers that come or go, a setting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedAction {
    /// Since the schedule's start, in nanoseconds.
    pub at_ns: u64,
    /// Who does it, by the name of the kind of action.
    pub actor: String,
    /// What exactly: the target, the length, and so on.
    pub settings: BTreeMap<String, String>,
}

/// An entry of the timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimelineEntry {
    /// Since the schedule's start, in nanoseconds.
    pub at_ns: u64,
    /// What happens.
    pub what: Happening,
}

/// What happens at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happening {
    /// A phase of the load begins: the schedule has it, and nobody has to do anything.
    PhaseBegins {
        /// The phase's name.
        phase: String,
        /// Whether it is kept out of every latency figure.
        warmup: bool,
    },
    /// Events that are due from now on are measured.
    MeasuringBegins,
    /// The schedule is over.
    LoadEnds,
    /// Somebody does something.
    Action(PlannedAction),
}

impl Happening {
    /// Its kind's name, as a result has it.
    #[must_use]
    pub fn kind(&self) -> &str {
        match self {
            Self::PhaseBegins { .. } => "phase_begins",
            Self::MeasuringBegins => "measuring_begins",
            Self::LoadEnds => "load_ends",
            Self::Action(action) => &action.actor,
        }
    }

    /// What exactly, as a result has it: the phase's name, an action's settings.
    #[must_use]
    pub fn detail(&self) -> String {
        match self {
            Self::PhaseBegins { phase, .. } => phase.clone(),
            Self::MeasuringBegins | Self::LoadEnds => String::new(),
            Self::Action(action) => {
                let settings = action.settings.iter().map(|(key, value)| format!("{key}={value}"));
                settings.collect::<Vec<_>>().join(" ")
            }
        }
    }
}

/// All that happens at a time, in the order of their times; of one time the load's entries first.
#[must_use]
pub fn timeline(load: &LoadPlan, actions: &[PlannedAction]) -> Vec<TimelineEntry> {
    let mut entries = Vec::new();
    let mut from_ns = 0;
    for phase in &load.phases {
        let what = Happening::PhaseBegins { phase: phase.name.clone(), warmup: phase.warmup };
        entries.push(TimelineEntry { at_ns: from_ns, what });
        from_ns += phase.duration_ns();
    }
    entries.push(TimelineEntry { at_ns: load.warmup_ns(), what: Happening::MeasuringBegins });
    entries.push(TimelineEntry { at_ns: load.duration_ns(), what: Happening::LoadEnds });
    entries.extend(actions.iter().map(|action| TimelineEntry {
        at_ns: action.at_ns,
        what: Happening::Action(action.clone()),
    }));
    // Stable: of one time they stay in the order above.
    entries.sort_by_key(|entry| entry.at_ns);
    entries
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Arrivals, PhasePlan, RateSegment, Shape};

    fn phase(name: &str, warmup: bool, s: u64) -> PhasePlan {
        let shape = Shape::Linear { from_per_s: 1.0, to_per_s: 1.0 };
        PhasePlan {
            name: name.to_owned(),
            warmup,
            segments: vec![RateSegment { duration_ns: s * 1_000_000_000, shape }],
            hot: None,
            sale: None,
        }
    }

    #[test]
    fn the_timeline_is_the_phases_the_measured_part_and_the_actions_by_their_times() {
        let phases =
            vec![phase("warm-up", true, 2), phase("steady", false, 3), phase("peak", false, 5)];
        let load = LoadPlan {
            producers: 1,
            arrivals: Arrivals::Uniform,
            tick_ns: 0,
            phases,
            replay: None,
        };
        let action = |s: u64, actor: &str| PlannedAction {
            at_ns: s * 1_000_000_000,
            actor: actor.to_owned(),
            settings: BTreeMap::from([("broker".to_owned(), "2".to_owned())]),
        };
        let entries = timeline(&load, &[action(7, "kill"), action(2, "stop")]);
        let shown: Vec<_> = entries
            .iter()
            .map(|entry| (entry.at_ns / 1_000_000_000, entry.what.kind(), entry.what.detail()))
            .collect();
        let expected = [
            (0, "phase_begins", "warm-up"),
            (2, "phase_begins", "steady"),
            (2, "measuring_begins", ""),
            (2, "stop", "broker=2"),
            (5, "phase_begins", "peak"),
            (7, "kill", "broker=2"),
            (10, "load_ends", ""),
        ];
        assert_eq!(shown, expected.map(|(s, kind, detail)| (s, kind, detail.to_owned())));
    }
}
