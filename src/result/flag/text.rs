//! A flag in words: what was seen, the limit, and what to do.

use std::fmt;

use super::Flag;
use super::limits::{
    BUSY_LIMIT, CEILING_LIMIT, FULL_IN_LIMIT_S, HARNESS_SHARE_LIMIT, LATE_NS, LATE_SHARE_LIMIT,
    SLIP_P99_LIMIT_NS, STEP_LIMIT_US, TAKEN_LIMIT, WAIT_LIMIT,
};
use crate::base::text::{count, duration};
use crate::result::self_watch::WAIT_LONG_NS;

/// A share in hundredths: each text has digits of its own.
fn hundredths(share: f64) -> f64 {
    share * 1e2
}

fn ms(ns: f64) -> f64 {
    ns / 1e6
}

impl fmt::Display for Flag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.kind().words();
        match self {
            Self::OtherWriters { .. }
            | Self::RecordingLate { .. }
            | Self::RecordingSkipped { .. }
            | Self::RecordingKeys { .. }
            | Self::RecordingTimes { .. } => self.of_topic(kind, f),
            Self::AppFellBehind { .. }
            | Self::BrokerFellBehind { .. }
            | Self::Throttled { .. }
            | Self::EventsLate { .. }
            | Self::Hurried { .. }
            | Self::LeadersMoved(_)
            | Self::BrokersDiffer(_)
            | Self::BrokerMemoryFull { .. }
            | Self::ClocksApart { .. } => self.of_system(kind, f),
            Self::ThreadBusy { .. }
            | Self::ThreadWaited { .. }
            | Self::QuotaUsedUp { .. }
            | Self::CpuTaken { .. } => self.of_cpu(kind, f),
            _ => self.of_harness(kind, f),
        }
    }
}

impl Flag {
    /// What the harness and its host did.
    fn of_harness(&self, kind: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SentLate { share } => write!(
                f,
                "{kind}: {:.1} % of the events were sent over {:.0} ms late (limit {:.0} %): give \
                 it more CPU",
                hundredths(*share),
                ms(LATE_NS as f64),
                hundredths(LATE_SHARE_LIMIT)
            ),
            Self::Slipped { p99_ns } => write!(
                f,
                "{kind}: 1 % of the events were sent {:.1} ms late or more (limit {:.0} ms): give \
                 it more CPU",
                ms(*p99_ns as f64),
                ms(SLIP_P99_LIMIT_NS as f64)
            ),
            Self::NearCeiling { share, ceiling_per_s } => write!(
                f,
                "{kind}: offered {:.0} % of the {ceiling_per_s:.0}/s that this host can make \
                 (limit {:.0} %): add producers",
                hundredths(*share),
                hundredths(CEILING_LIMIT)
            ),
            Self::QueueFull { events } => write!(
                f,
                "{kind}: {events} events found the client's queue full and were never sent"
            ),
            Self::Drifted(drift) => write!(
                f,
                "{kind}: {}'s p50 went by {:+.1} %/min ({:+.1} to {:+.1}) at one rate: warm up \
                 longer",
                drift.app,
                drift.percent_per_min,
                drift.low_percent_per_min,
                drift.high_percent_per_min
            ),
            Self::MemoryGrew { bytes_per_s, full_in_s } => write!(
                f,
                "{kind}: grew {:.1} MiB/s, full in {:.0} min (limit {:.0} min): something queues \
                 up",
                bytes_per_s / 1_048_576.0,
                full_in_s / 60.0,
                FULL_IN_LIMIT_S / 60.0
            ),
            Self::ClockStepped { step_us } => write!(
                f,
                "{kind}: the wall clock stepped by {:.1} ms (limit {:.0} ms): dates of events are \
                 in doubt",
                *step_us as f64 / 1e3,
                STEP_LIMIT_US as f64 / 1e3
            ),
            Self::StoodStill { longest_ns, at_s, share, of, percentile } => write!(
                f,
                "{kind}: kbench or its host stood still, for {} at {at_s:.1} s: {:.0} % of {of}'s \
                 {percentile} (limit {:.0} %)",
                duration(i64::try_from(*longest_ns).ok()),
                hundredths(*share),
                hundredths(HARNESS_SHARE_LIMIT)
            ),
            _ => write!(f, "{kind}: these are no figures"),
        }
    }

    /// What the harness lacked.
    fn of_cpu(&self, kind: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ThreadBusy { thread, share } => write!(
                f,
                "{kind}: thread {thread} was {:.0} % busy (limit {:.0} %): spread its work",
                hundredths(*share),
                hundredths(BUSY_LIMIT)
            ),
            Self::ThreadWaited { thread, share, wait_mean_ns } => write!(
                f,
                "{kind}: thread {thread} waited {:.0} % of the time for a core, {:.1} ms each \
                 (limit {:.0} %, {:.1} ms): free some",
                hundredths(*share),
                ms(*wait_mean_ns),
                hundredths(WAIT_LIMIT),
                ms(WAIT_LONG_NS)
            ),
            Self::QuotaUsedUp { share } => write!(
                f,
                "{kind}: the CPU quota ran out in {:.0} % of its periods (limit {:.0} %): raise it",
                hundredths(*share),
                hundredths(TAKEN_LIMIT)
            ),
            Self::CpuTaken { share } => write!(
                f,
                "{kind}: the hypervisor took {:.1} % of the CPU (limit {:.0} %): use another host",
                hundredths(*share),
                hundredths(TAKEN_LIMIT)
            ),
            _ => f.write_str(kind),
        }
    }

    /// What is in the topic, or in the one that is replayed.
    fn of_topic(&self, kind: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherWriters { beyond, unacked } => write!(
                f,
                "the broker holds {beyond} records behind the last that it has acknowledged to \
                 us, and at most {unacked} of them are ours: {kind}"
            ),
            Self::RecordingLate { events, late_max_ns } => write!(
                f,
                "{kind}: {events} events were read after they were due, up to {:.1} ms",
                ms(*late_max_ns as f64)
            ),
            Self::RecordingSkipped { skipped, read, reasons } => {
                write!(f, "{skipped} of {read} {kind} and were not sent: {}", reasons.join(", "))
            }
            Self::RecordingKeys { events } => {
                write!(f, "{events} {kind}: sessions are not checked")
            }
            Self::RecordingTimes { events } => {
                write!(f, "{events} {kind} and were sent with the event before")
            }
            _ => f.write_str(kind),
        }
    }

    /// What brokers and applications did.
    fn of_system(&self, kind: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AppFellBehind { app, slope, lag_s } => {
                write!(f, "{kind}: {app} fell behind by {slope}")?;
                lag_s.map_or(Ok(()), |lag_s| write!(f, "; {lag_s:.1} s at the end"))
            }
            Self::BrokerFellBehind { rates, found } => match rates {
                Some(rates) => write!(f, "{kind}: {rates}; {found}"),
                None => write!(f, "{kind}: {found}"),
            },
            Self::Throttled { side, longest_ms, of_time } => write!(
                f,
                "{kind}: brokers held the {side} back by quota, up to {longest_ms:.0} ms at once, \
                 {:.0} % of the time",
                hundredths(*of_time)
            ),
            Self::EventsLate { events } => write!(
                f,
                "{kind}: {} events came further behind others of their partition than \
                 lateness_ms: in no window",
                count(*events)
            ),
            Self::Hurried { phase, times } => write!(
                f,
                "{kind}: in {phase} sessions lived up to {times:.1} times as fast as configured, \
                 as the rate asks for more of them than there are users (`kbench plan` says how \
                 many would do; population.hurry = \"allowed\" accepts it)"
            ),
            Self::LeadersMoved(all) | Self::BrokersDiffer(all) => {
                write!(f, "{kind}: {}", all.join(", "))
            }
            Self::BrokerMemoryFull { refused } => {
                write!(f, "{kind}: it refused {refused} batches for a while")
            }
            Self::ClocksApart { app, bound_ns: None } => write!(
                f,
                "{app}: {kind}: its clock and the producer's are of different hosts or boots"
            ),
            Self::ClocksApart { app, bound_ns: Some(bound_ns) } => write!(
                f,
                "{app}: {kind}: the clocks may be {:.3} ms apart, and the median is less",
                ms(*bound_ns as f64)
            ),
            _ => f.write_str(kind),
        }
    }
}
