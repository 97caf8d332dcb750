//! What a run tells while it goes on: data, and no text for people. `output/` makes lines, a bar
//! and metrics of it; whatever else wants to know is a [`Listener`] more.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::live::Live;
use super::run_outcome::RunOutcome;
use super::timeline_event::TimelineEvent;
use crate::client::facts::BrokerInfo;
use crate::plan::sweep::{Excluded, PointSettings};

/// Who is told what a run does. It is called on the thread that looks after the run, which waits
/// for it meanwhile.
pub trait Listener {
    /// Something has happened.
    fn on(&mut self, event: &RunEvent);

    /// The run as it is now: once an interval, from the schedule's start to the end of the drain.
    fn look(&mut self, _live: &Live<'_>) {}
}

/// Nobody listens.
impl Listener for () {
    fn on(&mut self, _: &RunEvent) {}
}

/// Somebody may listen.
impl<L: Listener> Listener for Option<L> {
    fn on(&mut self, event: &RunEvent) {
        if let Some(listener) = self {
            listener.on(event);
        }
    }

    fn look(&mut self, live: &Live<'_>) {
        if let Some(listener) = self {
            listener.look(live);
        }
    }
}

/// Both listen, one after the other.
impl<A: Listener, B: Listener> Listener for (A, B) {
    fn on(&mut self, event: &RunEvent) {
        self.0.on(event);
        self.1.on(event);
    }

    fn look(&mut self, live: &Live<'_>) {
        self.0.look(live);
        self.1.look(live);
    }
}

/// Something that has happened to a run, in the order of a run's life. `repeated` says of an event
/// that another run of the same sweep or race has told the same before.
#[derive(Debug, Clone, PartialEq)]
pub enum RunEvent {
    /// The embedded broker runs, because none was named.
    EmbeddedStarted {
        /// Where.
        address: SocketAddr,
        /// Each run of a sweep or race has one of its own.
        one_of_many: bool,
        /// See above.
        repeated: bool,
    },
    /// The brokers have answered, and the topic is there.
    Connected {
        /// What was found out about them.
        facts: Box<BrokerInfo>,
        /// See above.
        repeated: bool,
    },
    /// The loops are about to start.
    Started {
        /// The scenario's name.
        scenario: String,
        /// The applications' names, in the plan's order.
        apps: Vec<String>,
    },
    /// A recording is about to be read.
    ReplayBegan {
        /// Its topic.
        topic: String,
        /// How many records it holds.
        records: u64,
        /// From its first event to its last, in seconds.
        span_s: f64,
        /// How many times faster it is sent than it was recorded.
        speed: f64,
    },
    /// The groups take their time to get ready.
    NotReadyYet {
        /// The most time that they still get.
        left: Duration,
        /// Who is missing, and why.
        missing: Vec<NotReady>,
    },
    /// Every group reads every partition, and the clients are connected: the schedule starts.
    Ready {
        /// See above.
        repeated: bool,
    },
    /// A phase of the load begins.
    PhaseBegan {
        /// Its name.
        phase: String,
        /// Whether it is kept out of every latency figure.
        warmup: bool,
        /// When, in seconds since the schedule's start.
        at_s: f64,
    },
    /// What is due from now on is measured.
    MeasuringBegan {
        /// When, in seconds since the schedule's start.
        at_s: f64,
    },
    /// An action of the timeline was carried out, or could not be.
    Acted(TimelineEvent),
    /// Nothing is sent any more: the schedule is over, or was cut.
    LoadEnded {
        /// When, in seconds since the schedule's start.
        at_s: f64,
    },
    /// The drain takes its time.
    Draining {
        /// The most time that it still gets.
        left: Duration,
        /// What has not come.
        outstanding: Outstanding,
    },
    /// Every receipt has come, and every group has read all that was acknowledged.
    Drained,
    /// The loops have ended: nothing is sent or read any more.
    Stopped,
    /// Some events are in doubt: the topic is read once more.
    InDoubt,
    /// Something takes its time.
    Waiting {
        /// What.
        what: Awaited,
        /// The most time that it still gets.
        left: Duration,
    },
    /// The result is saved.
    Saved {
        /// Where.
        folder: PathBuf,
        /// Whether no event is in doubt.
        settled: bool,
    },
    /// The result's data is saved, and something else could not be.
    NotWhole {
        /// Where.
        folder: PathBuf,
        /// Why not.
        why: String,
    },
    /// The clients do not close, and are left behind.
    ClientsLeftBehind,
    /// The run's topic could not be deleted.
    TopicStays {
        /// Its name.
        topic: String,
        /// At which brokers.
        at: String,
        /// Why.
        why: String,
    },
    /// Something has happened to a sweep.
    Sweep(SweepEvent),
    /// Something has happened to a race.
    Race(RaceEvent),
}

/// Something that has happened to a sweep of runs.
#[derive(Debug, Clone, PartialEq)]
pub enum SweepEvent {
    /// A point of its axes is no scenario.
    LeftOut(Excluded),
    /// A trial begins.
    TrialBegan {
        /// Its place, from 0.
        place: u32,
        /// How many there are.
        trials: usize,
        /// Its point of the sweep's axes.
        settings: PointSettings,
        /// Which repeat of the point, from 0.
        repeat: u32,
        /// How many there are.
        repeats: u32,
        /// How long the rest of the sweep takes.
        left: Duration,
    },
    /// A trial has come to its end.
    TrialEnded(RunOutcome),
    /// A trial could not be run.
    TrialFailed {
        /// Its place, from 0.
        place: u32,
        /// Why.
        why: String,
    },
    /// The sweep ends before its time, and can be resumed.
    CutShort {
        /// The trials that are saved.
        done: usize,
        /// How many there are.
        trials: usize,
        /// The sweep's folder.
        folder: PathBuf,
    },
}

/// Something that has happened to a race of two configurations.
#[derive(Debug, Clone, PartialEq)]
pub enum RaceEvent {
    /// So many pairs have run before: the race is resumed.
    Resumed {
        /// How many.
        pairs: u32,
    },
    /// A run of a pair begins.
    LapBegan {
        /// Which pair, from 0.
        pair: u32,
        /// How many there are.
        pairs: u32,
        /// The race may end before.
        at_most: bool,
        /// The side that runs.
        side: &'static str,
    },
    /// A run of a pair has come to its end.
    LapEnded(RunOutcome),
    /// The pairs can't be compared so far.
    NotComparable {
        /// Why not.
        reasons: Vec<String>,
    },
    /// The pairs are enough.
    Decided {
        /// How many.
        pairs: usize,
    },
    /// The pairs are not enough.
    Undecided {
        /// How many.
        pairs: usize,
        /// The gates and metrics that are open, each with what it came to so far.
        open: Vec<String>,
    },
}

/// What has not come when a run is drained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outstanding {
    /// Sent events without an answer.
    pub receipts: u64,
    /// Acknowledged records that each group has not read.
    pub unread: Vec<u64>,
}

/// Why the schedule can't start yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotReady {
    /// A group does not have all of its workers, or of the partitions.
    Unassigned {
        /// The group.
        group: String,
        /// The workers that have joined.
        joined: usize,
        /// How many there are.
        workers: usize,
        /// The partitions that they were assigned.
        assigned: usize,
        /// How many there are.
        partitions: usize,
    },
    /// A group has seen no probe on a partition.
    Unprobed {
        /// The group.
        group: String,
        /// The first such partition.
        partition: usize,
    },
    /// Who else reads in a group of the run.
    Stranger(String),
    /// What the clients say.
    ClientsSay(String),
}

/// What is waited for at the end of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Awaited {
    /// The broker's word on who leads which partition.
    Leaders,
    /// The broker's word on where the partitions end.
    Ends,
    /// The broker's word on the topic's id.
    TopicId,
    /// The topic is read once more.
    Rescan,
    /// The clients close.
    ClientsClosed,
    /// The run's topic, of this name, is deleted.
    TopicDeleted(String),
    /// The last connection closes.
    ConnectionClosed,
    /// What an application by itself has read is committed.
    Committed,
}

impl fmt::Display for Outstanding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { receipts, unread } = self;
        write!(out, "{receipts} receipts are outstanding, unread are {unread:?}")
    }
}

impl NotReady {
    /// All of them, as the reason why a run could not be made.
    #[must_use]
    pub fn words(all: &[Self]) -> String {
        all.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    }
}

impl fmt::Display for NotReady {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unassigned { group, joined, workers, assigned, partitions } => write!(
                out,
                "group {group} has {joined} of {workers} workers and {assigned} of {partitions} \
                 partitions assigned"
            ),
            Self::Unprobed { group, partition } => {
                write!(out, "group {group} has seen no probe on partition {partition}")
            }
            Self::Stranger(who) => out.write_str(who),
            Self::ClientsSay(what) => write!(out, "the clients say: {what}"),
        }
    }
}
