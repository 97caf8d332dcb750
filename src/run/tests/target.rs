//! A whole run against a target of the test's own: what it needs of one is the trait, and no more.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::super::assemble::Kept;
use super::super::setup::Scene;
use super::super::*;
use super::Heard;
use crate::base::clock::{Clock, SystemClock};
use crate::base::error::Error;
use crate::client::facts::{BrokerInfo, BrokerKind, Brokers, ClientProperties, TopicFacts};
use crate::client::target::Target;
use crate::client::tests::planned;
use crate::client::topic_reader::{LogStep, TopicLog, TopicReader};
use crate::event::codec::StampPlace;
use crate::event::{Arrival, Outcome, Receipt};
use crate::plan::toml::source::ScenarioSource;
use crate::plan::{AppPlan, TopicPlan};
use crate::workers::consume::{Membership, Source};
use crate::workers::produce::{Batch, Handover, Receiver, RecordRef, Sink};

/// The one event whose answer gets lost, though it is written: the topic is read again for it.
const UNANSWERED: u64 = 7;

/// Its key and its value.
type ShelfRecord = (Vec<u8>, Vec<u8>);

/// A topic that is a vector for each partition; a group has one member, which has all of them.
#[derive(Clone, Default)]
struct Shelves {
    partitions: Arc<Mutex<Vec<Vec<ShelfRecord>>>>,
    asked: Arc<Mutex<Vec<&'static str>>>,
}

impl Shelves {
    fn new(partitions: usize) -> Self {
        let shelves = Self::default();
        shelves.partitions.lock().unwrap().resize_with(partitions, Vec::new);
        shelves
    }

    fn put(&self, partition: usize, key: &[u8], payload: &[u8]) -> i64 {
        let mut partitions = self.partitions.lock().unwrap();
        partitions[partition].push((key.to_vec(), payload.to_vec()));
        partitions[partition].len() as i64 - 1
    }

    fn get(&self, partition: usize, offset: i64) -> Option<ShelfRecord> {
        self.partitions.lock().unwrap()[partition].get(offset as usize).cloned()
    }

    fn spans(&self) -> Vec<(i64, i64)> {
        self.partitions.lock().unwrap().iter().map(|records| (0, records.len() as i64)).collect()
    }

    fn note(&self, what: &'static str) {
        self.asked.lock().unwrap().push(what);
    }
}

struct ShelvesSink(Shelves, Arc<dyn Receiver>, Arc<dyn Clock>);

impl Sink for ShelvesSink {
    fn send(&mut self, batch: &Batch, range: Range<usize>) -> Result<Handover> {
        let Self(shelves, receiver, clock) = self;
        for index in range.clone() {
            let (stamp, key) = (*batch.stamp(index), batch.key(index));
            let place = crc32c::crc32c(key) as usize % shelves.spans().len();
            let offset = shelves.put(place, key, batch.payload(index));
            let lost = stamp.seq == UNANSWERED;
            receiver.receive(&Receipt {
                stamp,
                outcome: if lost { Outcome::Unknown } else { Outcome::Acked },
                at_ns: clock.now_ns(),
                partition: place as i32,
                offset: if lost { -1 } else { offset },
                reason: if lost { "nobody answered" } else { "" },
            });
        }
        Ok(Handover { taken: range.len(), refusal: None })
    }
}

/// A member, and where it is in each partition.
struct ShelvesSource(Shelves, Vec<i64>, Membership);

impl Source for ShelvesSource {
    fn poll(
        &mut self,
        max: usize,
        wait: Duration,
        each: &mut dyn FnMut(&Arrival<'_>),
    ) -> Result<usize> {
        let Self(shelves, positions, _) = self;
        let mut count = 0;
        for (place, position) in positions.iter_mut().enumerate() {
            while count < max
                && let Some((key, payload)) = shelves.get(place, *position)
            {
                let (partition, offset) = (place as i32, *position);
                let (key, payload) = (Some(key.as_slice()), Some(payload.as_slice()));
                each(&Arrival { partition, offset, key, header: None, payload, at_us: None });
                *position += 1;
                count += 1;
            }
        }
        if count == 0 {
            std::thread::sleep(wait.min(Duration::from_millis(2)));
        }
        Ok(count)
    }

    fn membership(&self) -> &Membership {
        &self.2
    }
}

struct ShelvesLog(Shelves, Vec<(i32, i64)>);

impl TopicLog for ShelvesLog {
    fn spans(&self) -> Result<Vec<(i64, i64)>> {
        Ok(self.0.spans())
    }

    fn span(&self, partition: i32, _wait: Duration) -> Result<Result<(i64, i64), String>> {
        Ok(Ok(self.0.spans()[partition as usize]))
    }

    fn offsets_at(&self, partitions: usize, _at_ms: i64) -> Result<Vec<Option<i64>>> {
        Ok(vec![None; partitions])
    }

    fn seek(&mut self, starts: &[(i32, i64)], _is_apart: bool) -> Result<()> {
        self.1 = starts.to_vec();
        Ok(())
    }

    fn next(
        &mut self,
        _place: Option<usize>,
        _wait: Duration,
        each: &mut dyn FnMut(i32, &RecordRef<'_>),
    ) -> Result<LogStep> {
        let Some((partition, next)) = self.1.last_mut() else { return Ok(LogStep::Nothing) };
        let Some((_, payload)) = self.0.get(*partition as usize, *next) else {
            return Ok(LogStep::End(*partition));
        };
        let (offset, payload) = (*next, Some(payload.as_slice()));
        *next += 1;
        each(*partition, &RecordRef { offset, key: None, header: None, payload, at_us: None });
        Ok(LogStep::Record)
    }

    fn stop(&mut self, partition: i32) -> Result<()> {
        self.1.retain(|(it, _)| *it != partition);
        Ok(())
    }

    fn quiet(&self) -> Duration {
        Duration::ZERO
    }
}

impl Target for Shelves {
    fn brokers(&self, _wait: Duration) -> Result<Brokers> {
        Ok(Brokers { advertised: vec!["1@shelf:1".to_owned()], cluster_id: None })
    }

    fn make_topic(&self, plan: &TopicPlan, _record_bytes_max: Option<u64>) -> Result<TopicFacts> {
        self.note("make");
        let partitions = self.spans().len();
        Ok(TopicFacts {
            name: plan.name.clone(),
            id: None,
            partitions,
            leaders: vec![1; partitions],
            starts: vec![0; partitions],
            replicas: vec![1; partitions],
            configs: BTreeMap::new(),
        })
    }

    fn delete_topic(&self) -> Result<()> {
        self.note("delete");
        Ok(())
    }

    fn prepare(&self, plan: &Plan, check: &dyn Fn(usize) -> Result<()>) -> Result<BrokerInfo> {
        let advertised = self.brokers(Duration::ZERO)?.advertised;
        check(advertised.len())?;
        Ok(BrokerInfo {
            kind: BrokerKind::Kafka,
            bootstrap_servers: "shelf:1".to_owned(),
            advertised,
            cluster_id: None,
            topic: self.make_topic(&plan.topic, None)?,
            versions: Vec::new(),
            leaders_after: Vec::new(),
        })
    }

    fn sink(
        &self,
        _plan: &Plan,
        clock: &Arc<dyn Clock>,
        receiver: Arc<dyn Receiver>,
    ) -> Result<Box<dyn Sink>> {
        Ok(Box::new(ShelvesSink(self.clone(), receiver, clock.clone())))
    }

    fn source(&self, _plan: &Plan, _app: &AppPlan) -> Result<Box<dyn Source>> {
        let (positions, membership) = (vec![0; self.spans().len()], Membership::default());
        membership.gained(positions.len());
        Ok(Box::new(ShelvesSource(self.clone(), positions, membership)))
    }

    fn clients(&self) -> Vec<ClientProperties> {
        let properties = BTreeMap::from([("shelves".to_owned(), "3".to_owned())]);
        vec![ClientProperties { client: "producer".to_owned(), properties }]
    }

    fn reader(&self, other: Option<&str>, _stamp_place: StampPlace) -> Result<TopicReader> {
        if other.is_some() {
            return Err(Error::usage("there is one topic"));
        }
        self.note("read");
        Ok(TopicReader::new("shelf", Box::new(ShelvesLog(self.clone(), Vec::new()))))
    }

    fn ends(&self, _partitions: usize) -> Result<Vec<i64>> {
        Ok(self.spans().into_iter().map(|(_, end)| end).collect())
    }

    fn probe(
        &self,
        partition: usize,
        _header: Option<(&'static str, &[u8])>,
        payload: &[u8],
    ) -> Result<()> {
        self.put(partition, b"", payload);
        Ok(())
    }

    fn own_topic(&self, _plan: &Plan) -> Option<(&str, &str)> {
        Some(("shelf", "shelf:1"))
    }
}

struct Nowhere;

impl Keep for Nowhere {
    fn save(&mut self, _: &mut RunResult, _: &Kept) -> Option<&Path> {
        None
    }
}

#[test]
fn a_run_knows_no_more_of_a_target_than_the_trait() {
    let text = "seed = 1\n[load]\nrate_per_s = 400\nduration = \"2s\"\nproducers = 1\n\
                [apps]\nrun = [\"analytics\", \"fraud\"]\n[topic]\npartitions = 3\n\
                [apps.analytics]\nworkers = 1\n[apps.fraud]\nworkers = 1\n";
    let source = ScenarioSource::new("shelf.toml", text);
    let plan = planned(&source);
    let target = Shelves::new(3);
    let clock = Arc::new(SystemClock::start_on_border(plan.measure.interval_ms * 1_000));
    let scene = Scene { run: 77, clock, world: Arc::new(target.clone()), embedded: None };
    let (options, mut heard) = (RunOptions::default(), Heard::default());
    let result =
        perform_in(scene, &plan, Sending::default(), options, &mut heard, &mut Nowhere).unwrap();
    let (ledger, verdict) = (&result.ledger, &result.verdict);
    assert!(verdict.valid, "{:?}", verdict.reasons);
    assert!(ledger.closes && ledger.sent > 700 && ledger.acked == ledger.sent - 1, "{ledger:?}");
    assert_eq!((ledger.unknown, ledger.unknown_written, ledger.lost), (1, 1, 0));
    assert_eq!(result.broker.words(), "Kafka at shelf:1");
    assert_eq!(result.clients, target.clients());
    assert!(heard.names().contains(&"InDoubt".to_owned()), "{:?}", heard.events);
    assert_eq!(*target.asked.lock().unwrap(), ["make", "read", "delete"]);
}
