//! From what the loops left to a saved result, and the end of everything else.
//!
//! What was measured is saved before anything that may take long: the topic is read once more, the
//! page drawn, clients closed and the topic deleted only then. What is found out later replaces it.

use std::time::Duration;

use super::assemble::{self, End, GroupAnswer, Kept};
use super::collect::Collector;
use super::finished::FinishedRun;
use super::keep::Keep;
use super::merge::merge;
use super::planned::PlannedRun;
use super::workers::{self, Workers};
use super::{rescan, undelivered};
use crate::base::error::Result;
use crate::client::target::Target;
use crate::measure::verify::books::Books;
use crate::result::run_event::{Awaited, Listener, RunEvent};
use crate::result::{self, RunResult};

/// The most time that closing the clients may take: it can hang while a broker is away.
const CLOSE: Duration = Duration::from_secs(5);

/// The most time for the topic to be deleted.
const DELETE: Duration = Duration::from_secs(10);

/// The most time for the last connection.
const DISCONNECT: Duration = Duration::from_secs(2);

impl PlannedRun {
    /// Saves what was measured, settles what is in doubt, and closes.
    pub(super) fn end(
        mut self,
        finished: FinishedRun,
        keep: &mut dyn Keep,
        listener: &mut dyn Listener,
    ) -> Result<RunResult> {
        let FinishedRun { workers: mut crew, collector, sources, sinks, merge, mut end } = finished;
        result::mask_arguments(&mut self.options.command_line);
        let leaders = |target: &dyn Target| target.leaders();
        let leaders = self.closing.ask(&self.target, (Awaited::Leaders, 0), listener, leaders);
        self.facts.leaders_after = leaders.unwrap_or_default();
        let answers = assemble::answers(&self.plan, crew.take_groups(), &Books::of_all(&end.books));
        let mut in_doubt = crew.ledger().needs_rescan();
        if let Some(why) = self.closing.gone().filter(|_| in_doubt) {
            crew.ledger().rescanned(0, Some(why));
            in_doubt = false;
        }
        if in_doubt {
            let (copy, answers) = (collector.copy(), answers.clone());
            let (mut result, kept) = self.assemble(&crew, copy, answers, &end)?;
            result.verdict.reasons.insert(0, UNSETTLED.to_owned());
            result.verdict.valid = false;
            self.save(keep, &mut result, &kept, false, listener);
            let Self { target, facts, closing, .. } = &self;
            let codec = self.plan.event.codec();
            rescan::settle(codec, target, facts, crew.ledger(), closing, listener);
            end.interrupted_by = closing.interrupted_by();
        }
        let (mut result, kept) = self.assemble(&crew, collector, answers, &end)?;
        self.save(keep, &mut result, &kept, true, listener);
        keep.draw(&result);
        let close = move || workers::close(sources, sinks, merge);
        if self.closing.wait(Awaited::ClientsClosed, CLOSE, listener, close).is_none() {
            listener.on(&RunEvent::ClientsLeftBehind);
        }
        self.leave(listener);
        Ok(result)
    }

    fn save(
        &self,
        keep: &mut dyn Keep,
        result: &mut RunResult,
        kept: &Kept,
        settled: bool,
        listener: &mut dyn Listener,
    ) {
        if let Some(folder) = keep.save(result, kept) {
            self.options.remains.saved(folder, settled);
            listener.on(&RunEvent::Saved { folder: folder.to_owned(), settled });
        }
    }

    /// Puts a result together from what is known now.
    fn assemble(
        &self,
        crew: &Workers,
        mut collector: Collector,
        answers: Vec<GroupAnswer>,
        end: &End,
    ) -> Result<(RunResult, Kept)> {
        let Self { plan, clock, .. } = self;
        let start = crew.start_ns() / (plan.measure.interval_ms * 1_000_000);
        let ledger = crew.ledger();
        undelivered::settle(plan, ledger, start, &mut collector, &end.timed_out);
        let sent = assemble::sending(self, crew, &mut collector, end)?;
        let read = assemble::reading(plan, start, collector, answers);
        let (result, log) = merge(&sent, read, ledger)?;
        let (ledger, clock) = (ledger.clone(), clock.clone());
        Ok((result, Kept { log, sent, ledger, clock }))
    }

    /// Takes the run's topic away, and lets go of the brokers.
    pub(super) fn leave(self, listener: &mut dyn Listener) {
        let Self { plan, target, closing, options, .. } = &self;
        if let Some((topic, at)) = target.own_topic(plan) {
            let what = Awaited::TopicDeleted(topic.to_owned());
            let work = {
                let (plan, target) = (plan.clone(), target.clone());
                move || target.clean_up(&plan)
            };
            let failed = match closing.gone() {
                Some(why) => Some(why),
                None => match closing.wait(what, DELETE, listener, work) {
                    Some(Ok(())) => None,
                    Some(Err(error)) => Some(error.to_string()),
                    None => Some("the broker did not delete it in time".to_owned()),
                },
            };
            match failed {
                None => options.remains.topic_gone(),
                Some(why) => {
                    let (topic, at) = (topic.to_owned(), at.to_owned());
                    listener.on(&RunEvent::TopicStays { topic, at, why });
                }
            }
        }
        let Self { target, closing, .. } = self;
        let close = move || drop(target);
        let _ = closing.wait(Awaited::ConnectionClosed, DISCONNECT, listener, close);
    }
}

/// Why a result that is saved before the topic is read once more is not the last word.
const UNSETTLED: &str = "not settled: some events are in doubt, and this was saved before the \
                         topic was read once more to settle them";
