//! Samples that wait to be counted together.
//!
//! A histogram has some hundred kilobytes, and each sample another place in it. Between two events
//! others' memory is worked on, so that a place is in no cache any more: counted one by one, each
//! sample waits for memory by itself. Counted in a row they wait at once.

use std::ops::Range;

use super::window::{Stage, Window};

/// So many samples of a stage are counted together.
const TOGETHER: usize = 64;

/// The samples of each stage that are in no histogram yet.
#[derive(Debug, Default)]
pub(super) struct WaitingSamples {
    of_stage: [StageSamples; Stage::COUNT],
}

#[derive(Debug, Default)]
pub(super) struct StageSamples {
    /// When their events were due, on the run's clock: in one interval, where that matters.
    due_ns: Range<u64>,
    values_ns: Vec<i64>,
}

impl WaitingSamples {
    /// Takes in a sample, in ns, of an event that was due then; counts those before it, if they are
    /// many or of another interval.
    #[inline]
    pub(super) fn push(
        &mut self,
        stage: Stage,
        due_ns: u64,
        value_ns: i64,
        (window, interval_ns): (&mut Window, u64),
    ) {
        let samples = &mut self.of_stage[stage as usize];
        if samples.values_ns.len() >= TOGETHER || !samples.due_ns.contains(&due_ns) {
            samples.count(stage, window);
            samples.due_ns = if stage.is_dated() {
                let begin_ns = due_ns - due_ns % interval_ns;
                begin_ns..begin_ns.saturating_add(interval_ns)
            } else {
                0..u64::MAX
            };
        }
        samples.values_ns.push(value_ns);
    }

    /// Counts all.
    pub(super) fn settle(&mut self, window: &mut Window) {
        for (stage, samples) in Stage::ALL.into_iter().zip(&mut self.of_stage) {
            samples.count(stage, window);
        }
    }
}

impl StageSamples {
    fn count(&mut self, stage: Stage, window: &mut Window) {
        if self.values_ns.is_empty() {
            return;
        }
        let latency =
            if stage.is_dated() { window.due(stage, &self.due_ns) } else { window.stage(stage) };
        self.values_ns.drain(..).for_each(|value_ns| latency.record(value_ns));
    }
}
