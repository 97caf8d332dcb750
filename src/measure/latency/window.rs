//! What a thread has recorded in an interval.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::breakdown::Breakdown;
use super::distribution::Latency;

/// Part of an event's way. All count from the due time, but for service and what is uncorrected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Handed to the client − due.
    SendDelay,
    /// Acknowledged − due.
    Ack,
    /// Polled by a worker − due.
    Arrival,
    /// Processed − polled.
    Service,
    /// Processed − due.
    EndToEnd,
    /// Acknowledged − the begin of the hand-over to the client: blind to a sender that is late.
    AckUncorrected,
    /// Processed − the begin of the hand-over to the client.
    EndToEndUncorrected,
}

impl Stage {
    /// Every stage, in the order of an event's way.
    pub const ALL: [Self; 7] = [
        Self::SendDelay,
        Self::Ack,
        Self::Arrival,
        Self::Service,
        Self::EndToEnd,
        Self::AckUncorrected,
        Self::EndToEndUncorrected,
    ];

    pub(super) const COUNT: usize = Self::ALL.len();

    /// How many are dated.
    pub(super) const DATED: usize = 3;

    /// Whether it is shown over time: by the interval in which its events were due.
    pub(super) const fn is_dated(self) -> bool {
        matches!(self, Self::SendDelay | Self::Ack | Self::EndToEnd)
    }
}

/// What one thread recorded in one interval.
#[derive(Debug)]
pub struct Window {
    /// In which interval of the run's clock it was recorded: time / width.
    pub index: u64,
    /// Events recorded, those of the warm-up too; an event with several stages counts once.
    pub events: u64,
    /// By the interval in which the events were due; the stages that are shown over time.
    pub(super) dated: Vec<Dated>,
    /// All other stages.
    undated: [Option<Box<Latency>>; Stage::COUNT],
    pub(super) stack: Option<Box<Breakdown>>,
}

/// Measured samples of one stage that were due in one interval.
#[derive(Debug)]
pub(super) struct Dated {
    stage: Stage,
    index: u64,
    /// The same on the run's clock, in ns.
    due_ns: Range<u64>,
    latency: Box<Latency>,
}

/// Most due intervals of one window: in the backlog of an outage there may be hundreds, and each
/// takes a quarter of a megabyte. Then it is given away before its time.
pub(super) const DATED_MAX: usize = 16;

impl Window {
    pub(super) fn new(index: u64) -> Self {
        let undated = [const { None }; Stage::COUNT];
        Self { index, events: 0, dated: Vec::new(), undated, stack: None }
    }

    /// All measured samples of a stage; `None` when there is none.
    #[must_use]
    pub fn latency(&self, stage: Stage) -> Option<Latency> {
        let dated = self.dated().filter(|(of, ..)| *of == stage).map(|(.., latency)| latency);
        let undated = self.undated().filter(|(of, _)| *of == stage).map(|(_, latency)| latency);
        dated.chain(undated).fold(None, |sum: Option<Latency>, latency| {
            let mut sum = sum.unwrap_or_default();
            sum.merge(latency);
            Some(sum)
        })
    }

    /// The stages that are shown over time, by the interval in which their events were due.
    pub(super) fn dated(&self) -> impl Iterator<Item = (Stage, u64, &Latency)> {
        self.dated.iter().map(|dated| (dated.stage, dated.index, &*dated.latency))
    }

    pub(super) fn undated(&self) -> impl Iterator<Item = (Stage, &Latency)> {
        let all = Stage::ALL.into_iter().zip(&self.undated);
        all.filter_map(|(stage, latency)| Some((stage, &**latency.as_ref()?)))
    }

    /// The stages of the measured events by their end-to-end latency, or by that of their ack where
    /// it is about these; `None` when there is none.
    #[must_use]
    pub fn stack(&self) -> Option<&Breakdown> {
        self.stack.as_deref()
    }

    pub(super) fn stage(&mut self, stage: Stage) -> &mut Latency {
        self.undated[stage as usize].get_or_insert_with(Box::default)
    }

    /// The samples of a stage that were due in that interval.
    pub(super) fn due(&mut self, stage: Stage, due_ns: &Range<u64>) -> &mut Latency {
        // Events mostly come in the order in which they were due: the last one, or the one before.
        let is_meant = |dated: &Dated| dated.stage == stage && dated.due_ns == *due_ns;
        let place = self.dated.iter().rposition(is_meant).unwrap_or_else(|| {
            let index = due_ns.start / (due_ns.end - due_ns.start).max(1);
            let due_ns = due_ns.clone();
            self.dated.push(Dated { stage, index, due_ns, latency: Box::default() });
            self.dated.len() - 1
        });
        &mut self.dated[place].latency
    }
}

/// `later − earlier`, which may be negative when clocks disagree: that is counted, not hidden.
pub(super) fn difference(later_ns: i64, earlier_ns: i64) -> i64 {
    later_ns.wrapping_sub(earlier_ns)
}
