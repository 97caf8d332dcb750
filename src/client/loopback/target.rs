//! The loopback as a place for a run.

use std::sync::Arc;
use std::time::Duration;

use super::Cluster;
use super::topic_log::LoopbackTopicLog;
use crate::apps::App;
use crate::base::clock::Clock;
use crate::base::error::{Error, Result};
use crate::client::facts::{BrokerInfo, BrokerKind, Brokers, TopicFacts};
use crate::client::target::Target;
use crate::client::topic_reader::TopicReader;
use crate::event::codec::StampPlace;
use crate::plan::{AppPlan, Plan, TopicPlan};
use crate::workers::consume::Source;
use crate::workers::produce::{Receiver, Sink};

impl Target for Cluster {
    fn brokers(&self, _wait: Duration) -> Result<Brokers> {
        Ok(Brokers { advertised: Vec::new(), cluster_id: None })
    }

    fn make_topic(&self, plan: &TopicPlan, _record_bytes_max: Option<u64>) -> Result<TopicFacts> {
        let partitions = usize::try_from(plan.partitions).unwrap_or(0);
        Ok(TopicFacts {
            name: plan.name.clone(),
            id: None,
            partitions,
            leaders: Vec::new(),
            starts: vec![0; partitions],
            replicas: Vec::new(),
            configs: plan.configs.clone(),
        })
    }

    fn delete_topic(&self) -> Result<()> {
        Ok(())
    }

    fn prepare(&self, plan: &Plan, _check: &dyn Fn(usize) -> Result<()>) -> Result<BrokerInfo> {
        for app in &plan.apps {
            self.expect_group(&app.group);
        }
        Ok(BrokerInfo {
            kind: BrokerKind::Loopback,
            bootstrap_servers: "loopback".to_owned(),
            advertised: Vec::new(),
            cluster_id: None,
            topic: self.make_topic(&plan.topic, None)?,
            versions: Vec::new(),
            leaders_after: Vec::new(),
        })
    }

    fn sink(
        &self,
        _plan: &Plan,
        _clock: &Arc<dyn Clock>,
        receiver: Arc<dyn Receiver>,
    ) -> Result<Box<dyn Sink>> {
        Ok(Self::sink(self, receiver))
    }

    fn source(&self, _plan: &Plan, app: &AppPlan) -> Result<Box<dyn Source>> {
        Ok(Self::source(self, &app.group))
    }

    fn reader(&self, other: Option<&str>, _stamp_place: StampPlace) -> Result<TopicReader> {
        if other.is_some() {
            return Err(Error::usage("the loopback has no topic to replay"));
        }
        let log = LoopbackTopicLog::new(self.topic.clone());
        Ok(TopicReader::new("loopback", Box::new(log)))
    }

    fn ends(&self, _partitions: usize) -> Result<Vec<i64>> {
        Ok(Self::ends(self))
    }

    fn probe(
        &self,
        partition: usize,
        header: Option<(&'static str, &[u8])>,
        payload: &[u8],
    ) -> Result<()> {
        Self::probe(self, partition, header.map(|(_, value)| value), payload);
        Ok(())
    }

    fn at_work(&self, app: &AppPlan, state: Box<dyn App>) -> Box<dyn App> {
        Self::at_work(self, &app.group, state)
    }
}
