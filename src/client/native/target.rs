//! Brokers, with producers and consumers of our own.
//!
//! Of what carries no load, leaders and ends are asked for here. The rest is librdkafka's, by its
//! own target: topics, probes, distances, readers, and the look at groups.

use std::sync::Arc;
use std::time::Duration;

use super::administration::Administration;
use super::notes::TargetNotes;
use super::own_members::OtherMembers;
use super::settings::{ConsumerSettings, NativeSettings};
use super::sink::NativeSink;
use super::source::NativeSource;
use crate::base::clock::Clock;
use crate::base::error::Result;
use crate::client::applied::AppliedProperties;
use crate::client::facts::{BrokerInfo, Brokers, ClientProperties, Distance, TopicFacts};
use crate::client::library::{ClientLibrary, Endpoint};
use crate::client::librdkafka::Librdkafka;
use crate::client::target::{GroupWatch, Target};
use crate::client::topic_reader::TopicReader;
use crate::event::codec::StampPlace;
use crate::plan::{AppPlan, KafkaPlan, Plan, TopicPlan};
use crate::workers::consume::Source;
use crate::workers::produce::{Receiver, Sink};

/// Brokers at an address.
#[allow(missing_debug_implementations, reason = "holds a client")]
pub(super) struct NativeTarget {
    bootstrap: String,
    topic: String,
    kafka: KafkaPlan,
    /// Of every member.
    consumer: NativeSettings<ConsumerSettings>,
    own: Administration,
    /// Whatever else carries no load.
    administration: Arc<dyn Target>,
    /// What the clients made so far run with; one of each kind.
    applied: AppliedProperties,
    notes: TargetNotes,
}

impl NativeTarget {
    /// A place for a run; nobody has answered yet when this returns.
    ///
    /// # Errors
    /// [`crate::base::error::Error::Usage`] when either client refuses a property.
    pub(super) fn connect(endpoint: &Endpoint<'_>) -> Result<Self> {
        let producer = NativeSettings::producer(endpoint.bootstrap, &endpoint.kafka.producer)?;
        let consumer = NativeSettings::consumer(endpoint.bootstrap, &endpoint.kafka.consumer)?;
        let of = if endpoint.reads_only { &consumer.connection } else { &producer.connection };
        Ok(Self {
            own: Administration::new(of, endpoint.topic)?,
            consumer,
            bootstrap: endpoint.bootstrap.to_owned(),
            topic: endpoint.topic.to_owned(),
            kafka: endpoint.kafka.clone(),
            administration: Librdkafka.connect(endpoint)?,
            applied: AppliedProperties::default(),
            notes: TargetNotes::default(),
        })
    }
}

impl Target for NativeTarget {
    fn sink(
        &self,
        _plan: &Plan,
        clock: &Arc<dyn Clock>,
        receiver: Arc<dyn Receiver>,
    ) -> Result<Box<dyn Sink>> {
        let (bootstrap, topic) = (&self.bootstrap, &self.topic);
        let properties = &self.kafka.producer;
        let sink = NativeSink::new(bootstrap, properties, topic, clock.clone(), receiver)?;
        self.applied.note(sink.applied().clone());
        Ok(Box::new(sink))
    }

    fn clients(&self) -> Vec<ClientProperties> {
        self.applied.all()
    }

    fn source(&self, plan: &Plan, app: &AppPlan) -> Result<Box<dyn Source>> {
        let topic = (self.topic.as_str(), plan.event.codec().stamp_place());
        let source = NativeSource::new(self.consumer.clone(), topic, &app.group, &self.notes)?;
        // What the plan sets is taken as it is, or refused.
        let mut properties = self.kafka.consumer.clone();
        let decisive = self.consumer.own.decisive();
        properties.extend(decisive.map(|(name, value)| (name.to_owned(), value)));
        properties.insert("group.id".to_owned(), app.group.clone());
        self.applied.note(ClientProperties { client: app.name.clone(), properties });
        Ok(Box::new(source))
    }

    fn brokers(&self, wait: Duration) -> Result<Brokers> {
        self.administration.brokers(wait)
    }

    fn make_topic(&self, plan: &TopicPlan, record_bytes_max: Option<u64>) -> Result<TopicFacts> {
        self.administration.make_topic(plan, record_bytes_max)
    }

    fn delete_topic(&self) -> Result<()> {
        self.administration.delete_topic()
    }

    fn prepare(&self, plan: &Plan, check: &dyn Fn(usize) -> Result<()>) -> Result<BrokerInfo> {
        self.administration.prepare(plan, check)
    }

    fn reader(&self, other: Option<&str>, stamp_place: StampPlace) -> Result<TopicReader> {
        self.administration.reader(other, stamp_place)
    }

    fn leaders(&self) -> Vec<i32> {
        self.own.leaders()
    }

    fn ends(&self, partitions: usize) -> Result<Vec<i64>> {
        self.own.ends(partitions)
    }

    fn probe(
        &self,
        partition: usize,
        header: Option<(&'static str, &[u8])>,
        payload: &[u8],
    ) -> Result<()> {
        self.administration.probe(partition, header, payload)
    }

    fn distances(&self, leaders: &[i32]) -> Result<Vec<Distance>> {
        self.administration.distances(leaders)
    }

    fn own_topic(&self, plan: &Plan) -> Option<(&str, &str)> {
        self.administration.own_topic(plan)
    }

    fn answers(&self, wait: Duration) -> bool {
        self.administration.answers(wait)
    }

    fn why(&self) -> Option<String> {
        self.notes.complaint.get().or_else(|| self.administration.why())
    }

    fn refusal(&self) -> Option<String> {
        self.notes.complaint.refusal().or_else(|| self.administration.refusal())
    }

    fn group_watch(&self) -> Option<Arc<dyn GroupWatch>> {
        let (watch, own) = (self.administration.group_watch()?, self.notes.members.clone());
        Some(Arc::new(OtherMembers { watch, own }))
    }

    fn topic_fault(&self, facts: &TopicFacts) -> Option<String> {
        self.administration.topic_fault(facts)
    }
}
