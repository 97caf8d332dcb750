//! From what the loops left to a saved result, and the end of everything else.
//!
//! What was measured is saved before anything that may take long: the topic is read once more, the
//! page drawn, clients closed and the topic deleted only then. What is found out later replaces it.

use std::sync::Arc;
use std::time::Duration;

use super::assemble::{self, Conditions, End, GroupAnswer, Kept};
use super::closing::Closing;
use super::collect::Collector;
use super::embedded::EmbeddedBroker;
use super::keep::Keep;
use super::merge::merge;
use super::remains::Remains;
use super::workers::{self, Workers};
use super::{Played, rescan, undelivered};
use crate::base::clock::SystemClock;
use crate::base::error::Result;
use crate::broker::BrokerStats;
use crate::client::target::Target;
use crate::measure::verify::books::Books;
use crate::plan::Plan;
use crate::result::run_event::{Awaited, Listener, RunEvent};
use crate::result::{Lap, RunResult, Trial};

/// The most time that closing the clients may take: it can hang while a broker is away.
const CLOSE: Duration = Duration::from_secs(5);

/// The most time for the topic to be deleted.
const DELETE: Duration = Duration::from_secs(10);

/// The most time for the last connection.
const DISCONNECT: Duration = Duration::from_secs(2);

/// The end of one run.
pub(super) struct Ending<'a> {
    pub(super) plan: &'a Plan,
    pub(super) world: Arc<dyn Target>,
    pub(super) clock: &'a Arc<SystemClock>,
    pub(super) closing: &'a Closing,
    pub(super) remains: &'a Remains,
    pub(super) trial: Option<Trial>,
    pub(super) race: Option<Lap>,
    pub(super) stats: Option<BrokerStats>,
}

impl Ending<'_> {
    /// Saves what was measured, settles what is in doubt, and closes.
    pub(super) fn run(
        self,
        played: Played,
        conditions: Conditions,
        keep: &mut dyn Keep,
        listener: &mut dyn Listener,
    ) -> Result<RunResult> {
        let Played { mut crew, collector, sources, sinks, merge, mut end } = played;
        let answers = assemble::answers(self.plan, crew.take_groups(), &Books::of_all(&end.books));
        let mut in_doubt = crew.ledger().needs_rescan();
        if let Some(why) = self.closing.gone().filter(|_| in_doubt) {
            crew.ledger().rescanned(0, Some(why));
            in_doubt = false;
        }
        if in_doubt {
            let (copy, answers) = (collector.copy(), answers.clone());
            let (mut result, kept) =
                self.assemble(&crew, copy, answers, conditions.clone(), &end)?;
            result.verdict.reasons.insert(0, UNSETTLED.to_owned());
            result.verdict.valid = false;
            self.save(keep, &mut result, &kept, false, listener);
            let (world, closing) = (&self.world, self.closing);
            rescan::settle(world, &conditions.facts, crew.ledger(), closing, listener);
            end.interrupted_by = closing.interrupted_by();
        }
        let (mut result, kept) = self.assemble(&crew, collector, answers, conditions, &end)?;
        self.save(keep, &mut result, &kept, true, listener);
        keep.draw(&result);
        let close = move || workers::close(sources, sinks, merge);
        if self.closing.wait(Awaited::ClientsClosed, CLOSE, listener, close).is_none() {
            listener.on(&RunEvent::ClientsLeftBehind);
        }
        leave(self.plan, self.world, self.closing, self.remains, listener);
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
            self.remains.saved(folder, settled);
            listener.on(&RunEvent::Saved { folder: folder.to_owned(), settled });
        }
    }

    /// Puts a result together from what is known now.
    fn assemble(
        &self,
        crew: &Workers,
        mut collector: Collector,
        answers: Vec<GroupAnswer>,
        conditions: Conditions,
        end: &End,
    ) -> Result<(RunResult, Kept)> {
        let (plan, clock) = (self.plan, self.clock);
        let start = crew.start_ns() / (plan.measure.interval_ms * 1_000_000);
        let ledger = crew.ledger();
        undelivered::settle(plan, ledger, start, &mut collector, &end.timed_out);
        let mut sent = assemble::sending(plan, clock, crew, &mut collector, conditions, end)?;
        (sent.result.trial, sent.result.race) = (self.trial.clone(), self.race.clone());
        sent.result.embedded_broker.clone_from(&self.stats);
        let read = assemble::reading(plan, start, collector, answers);
        let (result, log) = merge(&sent, read, ledger)?;
        let (ledger, clock) = (ledger.clone(), clock.clone());
        Ok((result, Kept { log, sent, ledger, clock }))
    }
}

/// Why a result that is saved before the topic is read once more is not the last word.
const UNSETTLED: &str = "not settled: some events are in doubt, and this was saved before the \
                         topic was read once more to settle them";

/// Takes the run's topic away, and lets go of the brokers.
pub(super) fn leave(
    plan: &Plan,
    world: Arc<dyn Target>,
    closing: &Closing,
    remains: &Remains,
    listener: &mut dyn Listener,
) {
    if let Some((topic, at)) = world.own_topic(plan) {
        let what = Awaited::TopicDeleted(topic.to_owned());
        let work = {
            let (plan, world) = (plan.clone(), world.clone());
            move || world.clean_up(&plan)
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
            None => remains.topic_gone(),
            Some(why) => {
                let (topic, at) = (topic.to_owned(), at.to_owned());
                listener.on(&RunEvent::TopicStays { topic, at, why });
            }
        }
    }
    let _ = closing.wait(Awaited::ConnectionClosed, DISCONNECT, listener, move || drop(world));
}

/// The embedded broker's last word, if it has one.
pub(super) fn stats(embedded: Option<&EmbeddedBroker>) -> Option<BrokerStats> {
    embedded.filter(|broker| broker.ended().is_none())?.stats().ok()
}
