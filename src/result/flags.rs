//! What has to stand above a result's numbers, as it follows from them: one list, for the run's
//! verdict and for whoever checks a saved one.

use super::flag::Flag;
use super::flag::limits::HURRY_LIMIT;
use super::{AppResult, RecordingResult, RunResult, keep_up};

impl RunResult {
    /// The flags that follow from the figures.
    pub(crate) fn flags(&self) -> Vec<Flag> {
        // Of several processes the stalls themselves are not kept.
        let hiccups = self.hiccups.as_ref().filter(|_| self.processes.is_empty());
        let unacked = self.ledger.unknown_written;
        let mut flags = self.watch.flags();
        flags.extend(hiccups.and_then(|hiccups| hiccups.flag(&self.stacks())));
        flags.extend(self.end_lag.iter().filter_map(|lag| lag.flag(unacked)));
        flags.extend(self.recording.iter().flat_map(RecordingResult::flags));
        flags.extend(keep_up::flags(self));
        flags.extend(self.throttling.flags());
        flags.extend(self.late());
        flags.extend(self.hurried());
        flags.extend(self.of_brokers());
        let refused = self.embedded_broker.as_ref().map_or(0, |stats| stats.refused_batches);
        flags.extend((refused > 0).then_some(Flag::BrokerMemoryFull { refused }));
        flags.extend(self.apps.iter().filter_map(AppResult::clock_flag));
        flags
    }

    /// The same in words, as a verdict keeps them.
    pub(crate) fn flags_told(&self) -> Vec<String> {
        self.flags().iter().map(ToString::to_string).collect()
    }

    /// Events that an application left out of its windows.
    fn late(&self) -> Option<Flag> {
        let late = self.apps.iter().filter_map(|app| Some(app.summary.as_ref()?.late())).max()?;
        (late > 0).then_some(Flag::EventsLate { events: late })
    }

    /// Sessions that had to live faster than the scenario says, unless it says that they may.
    fn hurried(&self) -> Option<Flag> {
        if self.plan["population"]["hurry"] == "allowed" {
            return None;
        }
        let measured = self.phases.iter().filter(|phase| !phase.warmup);
        let lived = measured.filter_map(|phase| Some((phase, phase.sessions.as_ref()?)));
        let (phase, sessions) =
            lived.max_by(|(_, one), (_, other)| one.hurry_most.total_cmp(&other.hurry_most))?;
        let (phase, times) = (phase.name.clone(), sessions.hurry_most);
        (times > HURRY_LIMIT).then_some(Flag::Hurried { phase, times })
    }

    /// Brokers that did not stay as they were, or are not alike.
    fn of_brokers(&self) -> Vec<Flag> {
        let (moved, releases) = (self.broker.moved(), self.broker.releases());
        let moved = (!moved.is_empty()).then_some(Flag::LeadersMoved(moved));
        let differ = (releases.len() > 1).then_some(Flag::BrokersDiffer(releases));
        moved.into_iter().chain(differ).collect()
    }
}

impl AppResult {
    /// Clocks that are not good enough for its figures.
    fn clock_flag(&self) -> Option<Flag> {
        let clock = self.clock.filter(|clock| !clock.usable)?;
        Some(Flag::ClocksApart { app: self.name.clone(), bound_ns: clock.bound_ns })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apps::{Row, Section, Value};
    use crate::base::text::count;
    use crate::measure::latency::Throttled;
    use crate::result::PhaseSessions;

    fn recorded() -> RunResult {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("results/recorded");
        crate::result::load_all(&folder.join("aa/embedded/a")).unwrap().remove(0).result
    }

    #[test]
    fn only_measured_phases_are_said_to_have_hurried_and_the_worst_is_named() {
        let mut run = recorded();
        let mut phase = run.phases[0].clone();
        let lived = |hurry_most: f64| PhaseSessions {
            alive: 100.0,
            needed: 100.0 * hurry_most,
            hurry: Some(hurry_most),
            hurry_most,
            pause_p50_wanted_s: 8.0,
            pause_p50_s: None,
            length_wanted: 12.0,
            length: None,
            begun: 0,
            ended: 0,
        };
        let mut of = |name: &str, warmup: bool, hurry_most: f64| {
            (phase.name, phase.warmup) = (name.to_owned(), warmup);
            phase.sessions = Some(lived(hurry_most));
            phase.clone()
        };
        let phases = [of("warm", true, 9.0), of("a", false, 1.25), of("b", false, 1.3)];
        run.phases = phases[..2].to_vec();
        assert_eq!(run.hurried(), None);
        run.phases = phases.to_vec();
        let flag = run.hurried().unwrap().to_string();
        assert!(flag.starts_with("hurried: in b sessions lived up to 1.3 times"), "{flag}");
    }

    #[test]
    fn what_an_application_left_out_for_its_time_is_a_flag() {
        let mut run = recorded();
        let before = run.flags_told();
        let late = |count| {
            let rows = vec![Row { name: "late events".to_owned(), value: Value::Count(count) }];
            Section { title: "stream".to_owned(), rows }
        };
        let summaries = run.apps.iter_mut().filter_map(|app| app.summary.as_mut());
        for (count, summary) in (8_000..).zip(summaries) {
            summary.sections = vec![late(count)];
        }
        let most = run.apps.len() as u64 + 7_999;
        let words = format!(
            "late: {} events came further behind others of their partition than lateness_ms: in no \
             window",
            count(most)
        );
        let flags: Vec<_> =
            run.flags_told().into_iter().filter(|flag| !before.contains(flag)).collect();
        assert_eq!(flags, [words]);
    }

    #[test]
    fn a_quota_is_a_flag() {
        let mut run = recorded();
        let before = run.flags_told().len();
        run.throttling.consumers = Some(Throttled { longest_ms: 40.0, of_time: 0.5 });
        let flags = run.flags_told();
        assert_eq!(flags.len(), before + 1);
        assert!(flags.iter().any(|flag| flag.contains("the consumers back by quota")), "{flags:?}");
    }
}
