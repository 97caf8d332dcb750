//! What flags are about, and how a saved one tells it.

/// What a flag is about: what runs are counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FlagKind {
    /// The harness did not keep up.
    HarnessLimited,
    /// The client did not take the load.
    ClientLimited,
    /// The harness had too little CPU.
    Starved,
    /// Nothing was optimised.
    Unoptimised,
    /// A latency drifted.
    Drift,
    /// Memory grew.
    Memory,
    /// The wall clock stepped.
    Clock,
    /// The host stood still.
    Hiccups,
    /// Somebody else wrote to the topic.
    OtherWriters,
    /// The recording was read too slowly.
    RecordingLate,
    /// Records of the recording are no events.
    RecordingSkipped,
    /// Recorded events have other keys.
    RecordingKeys,
    /// Recorded events have times that were not believed.
    RecordingTimes,
    /// Somebody fell behind.
    Overload,
    /// Brokers throttled clients.
    Throttled,
    /// Events came too late.
    Late,
    /// Sessions hurried.
    Hurried,
    /// Leaders moved.
    LeadersMoved,
    /// Brokers differ.
    BrokersDiffer,
    /// The embedded broker was full.
    BrokerMemory,
    /// Clocks are too far apart.
    ClocksApart,
}

impl FlagKind {
    /// Every kind.
    pub const ALL: [Self; 21] = [
        Self::HarnessLimited,
        Self::ClientLimited,
        Self::Starved,
        Self::Unoptimised,
        Self::Drift,
        Self::Memory,
        Self::Clock,
        Self::Hiccups,
        Self::OtherWriters,
        Self::RecordingLate,
        Self::RecordingSkipped,
        Self::RecordingKeys,
        Self::RecordingTimes,
        Self::Overload,
        Self::Throttled,
        Self::Late,
        Self::Hurried,
        Self::LeadersMoved,
        Self::BrokersDiffer,
        Self::BrokerMemory,
        Self::ClocksApart,
    ];

    /// The words that name it, and that every flag of the kind has.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::HarnessLimited => "harness limited",
            Self::ClientLimited => "client limited",
            Self::Starved => "starved",
            Self::Unoptimised => "built without optimisation",
            Self::Drift => "drift",
            Self::Memory => "memory",
            Self::Clock => "clock",
            Self::Hiccups => "hiccups",
            Self::OtherWriters => "somebody else writes to the topic",
            Self::RecordingLate => "the recording was read too slowly",
            Self::RecordingSkipped => "records of the recording are no events",
            Self::RecordingKeys => "recorded events have another key than their user_id",
            Self::RecordingTimes => "recorded events have a time beyond the recording's end",
            Self::Overload => "overload",
            Self::Throttled => "throttled",
            Self::Late => "late",
            Self::Hurried => "hurried",
            Self::LeadersMoved => "leaders moved during the run",
            Self::BrokersDiffer => "the brokers differ in version",
            Self::BrokerMemory => "the embedded broker's memory was full",
            Self::ClocksApart => "arrival, end to end and its rows over time are unusable",
        }
    }

    /// The kind of a flag as it was saved; `None` of one that this kbench does not know.
    #[must_use]
    pub fn of(saved: &str) -> Option<Self> {
        let begins = |kind: &Self| {
            saved.strip_prefix(kind.words()).is_some_and(|rest| rest.starts_with(':'))
        };
        // The others have figures before their words.
        let holds = |kind: &Self| kind.words().contains(' ') && saved.contains(kind.words());
        let all = || Self::ALL.into_iter();
        all().find(begins).or_else(|| all().find(holds))
    }

    /// Whether it says that the harness or its machine was the limit.
    #[must_use]
    pub const fn is_limit_of_harness(self) -> bool {
        matches!(self, Self::HarnessLimited | Self::Starved | Self::Unoptimised)
    }
}
