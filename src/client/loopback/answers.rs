//! The answers to what was written: at once from the sending thread, or later from one of their
//! own, as a client gives them.

use std::sync::Arc;
use std::sync::mpsc::{Receiver as Inbox, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use super::delay::{Delays, ns, wait_until};
use crate::base::clock::Clock;
use crate::event::{Outcome, Receipt, Stamp};
use crate::workers::produce::Receiver;

/// The answer to one event.
#[derive(Debug)]
pub(super) struct LoopbackAnswer {
    pub(super) stamp: Stamp,
    pub(super) outcome: Outcome,
    pub(super) partition: i32,
    pub(super) offset: i64,
}

/// Gives answers to a producer.
pub(super) struct Answers {
    receiver: Arc<dyn Receiver>,
    clock: Arc<dyn Clock>,
    /// To the thread that gives them later, with the time at which they were ready.
    later: Option<Sender<(u64, Vec<LoopbackAnswer>)>>,
}

impl Answers {
    pub(super) fn new(receiver: Arc<dyn Receiver>, clock: Arc<dyn Clock>, delays: &Delays) -> Self {
        let later = (!delays.answer.is_none()).then(|| {
            let (later, inbox) = channel();
            let courier = Self { receiver: receiver.clone(), clock: clock.clone(), later: None };
            let delays = delays.clone();
            thread::spawn(move || courier.run(&inbox, &delays));
            later
        });
        Self { receiver, clock, later }
    }

    /// Gives these answers, or has them given.
    pub(super) fn give(&self, answers: &mut Vec<LoopbackAnswer>) {
        match &self.later {
            // The courier ends after this side.
            Some(later) => {
                let _ = later.send((self.clock.now_ns(), std::mem::take(answers)));
            }
            None => answers.drain(..).for_each(|answer| self.tell(&answer)),
        }
    }

    fn tell(&self, answer: &LoopbackAnswer) {
        let LoopbackAnswer { stamp, outcome, partition, offset } = *answer;
        let at_ns = self.clock.now_ns();
        let reason = match outcome {
            Outcome::Acked => "",
            Outcome::Failed => "planted: not written",
            Outcome::Unknown => "planted: the answer got lost",
        };
        self.receiver.receive(&Receipt { stamp, outcome, at_ns, partition, offset, reason });
    }

    /// Gathers what is ready by a tick, and gives it then, a gap apart.
    fn run(&self, inbox: &Inbox<(u64, Vec<LoopbackAnswer>)>, delays: &Delays) {
        while let Ok((ready_ns, mut answers)) = inbox.recv() {
            let tick_ns = delays.answer.end_ns(ready_ns);
            loop {
                let left_ns = tick_ns.saturating_sub(self.clock.now_ns());
                match inbox.recv_timeout(Duration::from_nanos(left_ns).saturating_sub(EARLY)) {
                    Ok((_, more)) => answers.extend(more),
                    Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
                }
            }
            for (place, answer) in (0..).zip(&answers) {
                wait_until(&*self.clock, tick_ns + place * ns(delays.answer_gap));
                self.tell(answer);
            }
        }
    }
}

/// So long before the tick the inbox is closed: a wait on it may end late.
const EARLY: Duration = Duration::from_millis(1);
