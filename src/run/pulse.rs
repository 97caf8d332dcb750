//! Whether the broker is still there while a run goes on: a run that nobody answers ends early,
//! in order.

use std::time::{Duration, Instant};

use super::embedded::EmbeddedBroker;
use super::workers::Workers;
use crate::plan::Plan;
use crate::result::run_fault::RunFault;

/// The most that one look adds to a silence: a process that was stopped, or whose host slept, has
/// not listened meanwhile.
const LOOK_MAX: Duration = Duration::from_secs(1);

/// Looks after the broker.
pub(super) struct Pulse<'a> {
    embedded: Option<&'a EmbeddedBroker>,
    silence: Silence,
    looked: Instant,
}

impl<'a> Pulse<'a> {
    /// Of a run that begins.
    pub(super) fn new(plan: &Plan, embedded: Option<&'a EmbeddedBroker>) -> Self {
        let limit = Duration::from_millis(plan.measure.ack_timeout_ms);
        Self { embedded, silence: Silence::new(limit), looked: Instant::now() }
    }

    /// Looks once more. Gives the reason why the run can't go on, if there is one.
    pub(super) fn look(&mut self, crew: &Workers) -> Option<String> {
        if let Some(ended) = self.embedded.and_then(EmbeddedBroker::ended) {
            return Some(ended);
        }
        let passed = self.looked.elapsed();
        self.looked = Instant::now();
        let receipts = crew.receipts();
        let counts = PulseCounts {
            accepted: receipts.accepted(),
            acked: receipts.acked(),
            outstanding: crew.outstanding(),
        };
        self.silence.look(passed, counts)
    }

    /// How long ago the last acknowledgement came, by what was seen of it.
    pub(super) fn since_ack(&self) -> Duration {
        self.silence.since_ack
    }
}

/// Events so far.
#[derive(Debug, Clone, Copy, Default)]
struct PulseCounts {
    accepted: u64,
    acked: u64,
    outstanding: u64,
}

/// The time since the last acknowledgement, while events wait for one or have failed since.
#[derive(Debug)]
struct Silence {
    limit: Duration,
    at_last_ack: PulseCounts,
    silent: Duration,
    /// The same, whether anything waits or not.
    since_ack: Duration,
}

impl Silence {
    fn new(limit: Duration) -> Self {
        let (silent, since_ack) = (Duration::ZERO, Duration::ZERO);
        Self { limit, at_last_ack: PulseCounts::default(), silent, since_ack }
    }

    fn look(&mut self, passed: Duration, now: PulseCounts) -> Option<String> {
        if now.acked > self.at_last_ack.acked {
            (self.at_last_ack, self.silent, self.since_ack) = (now, Duration::ZERO, Duration::ZERO);
            return None;
        }
        self.since_ack += passed.min(LOOK_MAX);
        let sent = now.accepted - self.at_last_ack.accepted.min(now.accepted);
        if sent == 0 && now.outstanding == 0 {
            self.silent = Duration::ZERO;
            return None;
        }
        self.silent += passed.min(LOOK_MAX);
        (self.silent >= self.limit).then(|| {
            let (limit, waiting) = (self.limit, now.outstanding);
            RunFault::Unanswered { limit, sent, waiting }.to_string()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TICK: Duration = Duration::from_millis(100);

    /// Looks ten times a second, for so long.
    fn wait(silence: &mut Silence, s: u64, now: PulseCounts) -> Option<String> {
        (0..s * 10).find_map(|_| silence.look(TICK, now))
    }

    #[test]
    fn a_run_ends_when_events_wait_and_none_is_acknowledged() {
        let mut silence = Silence::new(Duration::from_secs(30));
        assert_eq!(wait(&mut silence, 100, PulseCounts::default()), None, "nothing was sent");
        let waits = PulseCounts { accepted: 9, acked: 5, outstanding: 4 };
        assert_eq!(wait(&mut silence, 29, waits), None);
        let one_more = PulseCounts { accepted: 12, acked: 6, outstanding: 6 };
        assert_eq!(wait(&mut silence, 30, one_more), None, "the first look saw an answer");
        let fault = wait(&mut silence, 1, PulseCounts { accepted: 20, ..one_more }).unwrap();
        assert!(fault.contains("no acknowledgement for 30 s"), "{fault}");
        assert!(fault.contains("8 events were sent; 6 wait"), "{fault}");
    }

    #[test]
    fn a_process_that_was_stopped_has_not_listened_meanwhile() {
        let mut silence = Silence::new(Duration::from_secs(30));
        let waits = PulseCounts { accepted: 9, acked: 5, outstanding: 4 };
        assert_eq!(silence.look(TICK, waits), None);
        assert_eq!(silence.look(Duration::from_secs(3_600), waits), None, "the lid was shut");
        assert!(silence.silent <= Duration::from_secs(1));
        assert!(wait(&mut silence, 30, waits).is_some());
    }

    #[test]
    fn what_failed_since_the_last_answer_is_no_answer() {
        let mut silence = Silence::new(Duration::from_secs(3));
        let answered = PulseCounts { accepted: 5, acked: 5, outstanding: 0 };
        assert_eq!(wait(&mut silence, 100, answered), None, "all is answered, and none is due");
        assert!(silence.since_ack > Duration::from_secs(99));
        // Each fails for good within a second, so none is waiting for long.
        let failed = PulseCounts { accepted: 8, acked: 5, outstanding: 0 };
        assert!(wait(&mut silence, 4, failed).is_some());
    }
}
