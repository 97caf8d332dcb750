//! What has to stand above a result's numbers. A flag says what was seen, the limit, and what to
//! do; its text is made of the limit itself, and a saved text tells its kind again.

mod kind;
pub mod limits;
#[cfg(test)]
mod tests;
mod text;

use super::self_watch::Drift;

pub use kind::FlagKind;

/// One flag, with the figures that raised it.
#[derive(Debug, Clone, PartialEq)]
pub enum Flag {
    /// A share of the slots was sent late.
    SentLate {
        /// From 0 to 1.
        share: f64,
    },
    /// One slot in a hundred was sent later than the limit.
    Slipped {
        /// 99th percentile of sent − due.
        p99_ns: u64,
    },
    /// The load came near to what this host can make.
    NearCeiling {
        /// Share of the ceiling that was offered, from 0 to 1.
        share: f64,
        /// The ceiling.
        ceiling_per_s: f64,
    },
    /// A thread of the harness has no reserve.
    ThreadBusy {
        /// Its name.
        thread: String,
        /// Share of a core, from 0 to 1.
        share: f64,
    },
    /// The client's queue was full.
    QueueFull {
        /// Events that were never sent.
        events: u64,
    },
    /// A thread waited for a core.
    ThreadWaited {
        /// Its name.
        thread: String,
        /// Share of its time, from 0 to 1.
        share: f64,
        /// How long at a time.
        wait_mean_ns: f64,
    },
    /// The CPU quota ran out.
    QuotaUsedUp {
        /// Share of its periods, from 0 to 1.
        share: f64,
    },
    /// The hypervisor took CPU.
    CpuTaken {
        /// Share of the time, from 0 to 1.
        share: f64,
    },
    /// The program was built without optimisation.
    Unoptimised,
    /// A latency went up or down though the rate did not.
    Drifted(Drift),
    /// The memory grew.
    MemoryGrew {
        /// By so much.
        bytes_per_s: f64,
        /// When nothing is left at that slope.
        full_in_s: f64,
    },
    /// The wall clock stepped.
    ClockStepped {
        /// By so much, either way.
        step_us: i64,
    },
    /// kbench or its host stood still, and a percentile shows it.
    StoodStill {
        /// The longest stall.
        longest_ns: u64,
        /// When it began, from the schedule's start.
        at_s: f64,
        /// Share of the percentile, from 0 to 1.
        share: f64,
        /// Whose percentile.
        of: String,
        /// Which one.
        percentile: String,
    },
    /// The topic holds more than this run has written.
    OtherWriters {
        /// Records behind the last one that was acknowledged.
        beyond: u64,
        /// Records of this run that may be among them.
        unacked: u64,
    },
    /// The recording was read after its events were due.
    RecordingLate {
        /// So many events.
        events: u64,
        /// The longest delay.
        late_max_ns: u64,
    },
    /// Records of the recording are no events.
    RecordingSkipped {
        /// So many records.
        skipped: u64,
        /// Of so many.
        read: u64,
        /// Reasons, each with its count.
        reasons: Vec<String>,
    },
    /// Recorded events have another key than their user.
    RecordingKeys {
        /// So many events.
        events: u64,
    },
    /// Recorded events have a time that was not believed.
    RecordingTimes {
        /// So many events.
        events: u64,
    },
    /// An application fell behind.
    AppFellBehind {
        /// Its name.
        app: String,
        /// The slope of its lag and the limit, in words.
        slope: String,
        /// Its lag at the end.
        lag_s: Option<f64>,
    },
    /// The broker fell behind.
    BrokerFellBehind {
        /// What was offered and acknowledged, in words.
        rates: Option<String>,
        /// By what it was found, in words.
        found: String,
    },
    /// Brokers held clients back for a quota.
    Throttled {
        /// `producers` or `consumers`.
        side: &'static str,
        /// The longest time at once.
        longest_ms: f64,
        /// Share of the time, from 0 to 1.
        of_time: f64,
    },
    /// Events came too late for an application's windows.
    EventsLate {
        /// So many, of the application that has most.
        events: u64,
    },
    /// Sessions had to live faster than configured.
    Hurried {
        /// The worst phase.
        phase: String,
        /// So many times as fast.
        times: f64,
    },
    /// Partitions got other leaders.
    LeadersMoved(Vec<String>),
    /// The brokers have several versions.
    BrokersDiffer(Vec<String>),
    /// The embedded broker had no room for a while.
    BrokerMemoryFull {
        /// Batches that it refused meanwhile.
        refused: u64,
    },
    /// The clocks of two processes don't bear out an application's latencies.
    ClocksApart {
        /// The application.
        app: String,
        /// How far they may lie apart; `None` where they have nothing in common.
        bound_ns: Option<u64>,
    },
}

impl Flag {
    /// What it is about.
    #[must_use]
    pub const fn kind(&self) -> FlagKind {
        match self {
            Self::SentLate { .. }
            | Self::Slipped { .. }
            | Self::NearCeiling { .. }
            | Self::ThreadBusy { .. } => FlagKind::HarnessLimited,
            Self::QueueFull { .. } => FlagKind::ClientLimited,
            Self::ThreadWaited { .. } | Self::QuotaUsedUp { .. } | Self::CpuTaken { .. } => {
                FlagKind::Starved
            }
            Self::Unoptimised => FlagKind::Unoptimised,
            Self::Drifted(_) => FlagKind::Drift,
            Self::MemoryGrew { .. } => FlagKind::Memory,
            Self::ClockStepped { .. } => FlagKind::Clock,
            Self::StoodStill { .. } => FlagKind::Hiccups,
            Self::OtherWriters { .. } => FlagKind::OtherWriters,
            Self::RecordingLate { .. } => FlagKind::RecordingLate,
            Self::RecordingSkipped { .. } => FlagKind::RecordingSkipped,
            Self::RecordingKeys { .. } => FlagKind::RecordingKeys,
            Self::RecordingTimes { .. } => FlagKind::RecordingTimes,
            Self::AppFellBehind { .. } | Self::BrokerFellBehind { .. } => FlagKind::Overload,
            Self::Throttled { .. } => FlagKind::Throttled,
            Self::EventsLate { .. } => FlagKind::Late,
            Self::Hurried { .. } => FlagKind::Hurried,
            Self::LeadersMoved(_) => FlagKind::LeadersMoved,
            Self::BrokersDiffer(_) => FlagKind::BrokersDiffer,
            Self::BrokerMemoryFull { .. } => FlagKind::BrokerMemory,
            Self::ClocksApart { .. } => FlagKind::ClocksApart,
        }
    }
}
