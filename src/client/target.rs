//! What a run takes place against: brokers that some client speaks to, or the loopback. Whoever
//! runs something knows this and no client.

use std::sync::Arc;
use std::time::Duration;

use super::facts::{BrokerInfo, Brokers, ClientProperties, Distance, TopicFacts};
use super::stranger::Stranger;
use super::topic_reader::TopicReader;
use crate::apps::App;
use crate::base::clock::Clock;
use crate::base::error::{Error, Result};
use crate::event::codec::StampPlace;
use crate::plan::{AppPlan, Plan, TopicPlan};
use crate::workers::consume::Source;
use crate::workers::produce::{Receiver, Sink};

/// Where a run takes place, and the one topic that it is about.
pub trait Target: Send + Sync {
    /// Looks who is there.
    ///
    /// # Errors
    /// [`Error::Broker`] when nobody answers within `wait`.
    fn brokers(&self, wait: Duration) -> Result<Brokers>;

    /// Makes the topic, or finds it where it may be used again; an event may take
    /// `record_bytes_max`, if that is known.
    ///
    /// # Errors
    /// [`Error::Broker`] when it can't be had in this shape.
    fn make_topic(&self, plan: &TopicPlan, record_bytes_max: Option<u64>) -> Result<TopicFacts>;

    /// Takes the topic away.
    ///
    /// # Errors
    /// [`Error::Broker`] with the broker's words.
    fn delete_topic(&self) -> Result<()>;

    /// Looks who is there, makes the topic and has the plan's groups begin at its end; before
    /// that `check` is asked about the number of brokers, where there are any.
    ///
    /// # Errors
    /// [`Error::Broker`] when nobody answers, or the topic can't be had; and whatever `check` says.
    fn prepare(&self, plan: &Plan, check: &dyn Fn(usize) -> Result<()>) -> Result<BrokerInfo>;

    /// A producer whose receipts go to `receiver`.
    ///
    /// # Errors
    /// [`Error::Usage`] when the client refuses a property.
    fn sink(
        &self,
        plan: &Plan,
        clock: &Arc<dyn Clock>,
        receiver: Arc<dyn Receiver>,
    ) -> Result<Box<dyn Sink>>;

    /// A new member of an application's group.
    ///
    /// # Errors
    /// [`Error::Usage`] when the client refuses a property.
    fn source(&self, plan: &Plan, app: &AppPlan) -> Result<Box<dyn Source>>;

    /// What the clients made so far really run with: the producers, and each application's
    /// consumers. Nothing where there are no settings.
    fn clients(&self) -> Vec<ClientProperties> {
        Vec::new()
    }

    /// Reads a topic without a group: the run's own, or another one of this name, whose events have
    /// their stamps in that place.
    ///
    /// # Errors
    /// [`Error::Usage`] when the client refuses a property, and where there is no other topic.
    fn reader(&self, other: Option<&str>, stamp_place: StampPlace) -> Result<TopicReader>;

    /// The leader of each partition now; none where nobody answers, or nobody leads.
    fn leaders(&self) -> Vec<i32> {
        Vec::new()
    }

    /// Where each partition ends now.
    ///
    /// # Errors
    /// [`Error::Broker`] when a leader does not answer in time.
    fn ends(&self, partitions: usize) -> Result<Vec<i64>>;

    /// Sends a probe to one partition, with a header where its format has one; without waiting for
    /// it to arrive.
    ///
    /// # Errors
    /// [`Error::Broker`] when the client refuses it.
    fn probe(
        &self,
        partition: usize,
        header: Option<(&'static str, &[u8])>,
        payload: &[u8],
    ) -> Result<()>;

    /// How far each broker is that leads a partition; the topic's records must be stamped by the
    /// broker.
    ///
    /// # Errors
    /// [`Error::Broker`] when a record is refused, or has no receipt in time.
    fn distances(&self, _leaders: &[i32]) -> Result<Vec<Distance>> {
        Ok(Vec::new())
    }

    /// An application's state for one partition, as it works here: a loopback may have planted
    /// that it takes its time.
    fn at_work(&self, _app: &AppPlan, state: Box<dyn App>) -> Box<dyn App> {
        state
    }

    /// The topic that the run has made for itself and will take away, and at which brokers.
    fn own_topic(&self, _plan: &Plan) -> Option<(&str, &str)> {
        None
    }

    /// Whether any broker answers within `wait`.
    fn answers(&self, _wait: Duration) -> bool {
        true
    }

    /// The newest of what the clients complain about, in one line.
    fn why(&self) -> Option<String> {
        None
    }

    /// What the brokers refuse for good, in one line.
    fn refusal(&self) -> Option<String> {
        None
    }

    /// For looking at the groups; `None` where nobody else can be in them.
    fn group_watch(&self) -> Option<Arc<dyn GroupWatch>> {
        None
    }

    /// Why the topic is not the one that the run began with, if so: it was deleted, and perhaps
    /// made anew. `facts` are those from before the load. A broker that does not answer says
    /// nothing here.
    fn topic_fault(&self, _facts: &TopicFacts) -> Option<String> {
        None
    }
}

/// Looks for members of our groups that are not ours; for a thread of its own, since it waits.
pub trait GroupWatch: Send + Sync {
    /// The members of a group that are not this run's.
    fn strangers(&self, group: &str) -> Vec<Stranger>;
}

impl dyn Target + '_ {
    /// The members of the plan's groups that are not this run's, a line each.
    pub(crate) fn strangers(&self, plan: &Plan) -> Vec<String> {
        let Some(watch) = self.group_watch() else { return Vec::new() };
        let of = |group: &String| {
            let strangers = watch.strangers(group);
            strangers
                .into_iter()
                .map(|stranger| format!("group {group} has {stranger}"))
                .collect::<Vec<_>>()
        };
        plan.apps.iter().flat_map(|app| of(&app.group)).collect()
    }

    /// Takes the run's topic away, unless it is to be used again.
    ///
    /// # Errors
    /// [`Error::Broker`] with the broker's words.
    pub(crate) fn clean_up(&self, plan: &Plan) -> Result<()> {
        if self.own_topic(plan).is_none() {
            return Ok(());
        }
        // Nobody waits for the long time-out of a deletion where nobody is there.
        if !self.answers(LAST_WORD) {
            return Err(Error::Broker("no broker answers".to_owned()));
        }
        self.delete_topic()
    }
}

/// Longest wait for a sign of life before the topic is taken away.
const LAST_WORD: Duration = Duration::from_secs(2);
