//! Batches on their way: which go into the next request of a broker. What becomes of those that
//! were answered, lost or too late is in the files below.

mod answers;
mod endings;

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use bytes::Bytes;
use kafka_protocol::messages::ApiKey;

use super::super::backoff::Backoff;
use super::super::network::{LinkId, Network};
use super::accumulator::{Accumulator, OpenRecords};
use super::lane::{IN_FLIGHT_OF_PARTITION, Lane, LaneStep, ProducerIdentity, SealedBatch};
use super::produce_request::{BatchAnswer, ProduceHead, pieces};
use super::settlement::{BatchEnd, Settlement};
use super::shared::SinkShared;
use crate::base::record_batch::{BatchCodec, Compressor};
use crate::client::native::settings::{AckLevel, ConnectionSettings, ProducerSettings};
use crate::workers::produce::WireBytes;

/// A request without an answer so far.
#[derive(Debug)]
struct Flight {
    id: i32,
    /// Partition and batch.
    batches: Vec<(usize, SealedBatch)>,
    /// Where it ends among the bytes of its connection.
    ends_at: u64,
}

/// What goes into the next request.
#[derive(Debug)]
enum Picked {
    Again(usize, SealedBatch),
    New(usize, OpenRecords),
}

/// All that a sink has on its way.
#[allow(missing_debug_implementations, reason = "holds a compressor and a receiver")]
pub(super) struct Outbox {
    topic: String,
    settings: ProducerSettings,
    request_timeout: Duration,
    retry: (Duration, Duration),
    compressor: Compressor,
    lanes: Vec<Lane>,
    /// The partitions that each link leads to.
    led: BTreeMap<LinkId, Vec<usize>>,
    flights: BTreeMap<LinkId, VecDeque<Flight>>,
    pub(super) settlement: Settlement,
    /// Records and payload that were sent for the first time.
    sent: WireBytes,
    answers: Vec<BatchAnswer>,
    /// Which partition is asked first, so that none is always the last.
    first: usize,
}

impl Outbox {
    /// # Errors
    /// What this build has no codec for.
    pub(super) fn new(
        topic: &str,
        connection: &ConnectionSettings,
        settings: &ProducerSettings,
        settlement: Settlement,
    ) -> Result<Self, String> {
        let codec = BatchCodec::named(settings.compression).unwrap_or(BatchCodec::None);
        let compressor = Compressor::new(codec, settings.compression_level);
        Ok(Self {
            topic: topic.to_owned(),
            settings: settings.clone(),
            request_timeout: connection.request_timeout,
            retry: (connection.retry_first, connection.retry_most),
            compressor: compressor.map_err(|fault| fault.to_string())?,
            lanes: Vec::new(),
            led: BTreeMap::new(),
            flights: BTreeMap::new(),
            settlement,
            sent: WireBytes::default(),
            answers: Vec::new(),
            first: 0,
        })
    }

    /// The links that lead to leaders.
    pub(super) fn links(&self) -> Vec<LinkId> {
        self.led.keys().copied().collect()
    }

    /// Whether every partition has a leader that can be reached by a link.
    pub(super) fn is_led(&self) -> bool {
        !self.lanes.is_empty() && self.lanes.iter().all(|lane| lane.leader.is_some())
    }

    /// What was sent for the first time.
    pub(super) fn sent(&self) -> WireBytes {
        self.sent
    }

    /// Takes the leaders over from the metadata.
    pub(super) fn place_leaders(&mut self, network: &Network) {
        let leaders = network.view().leaders();
        let most = match self.settings.is_idempotent {
            true => self.settings.in_flight_max.min(IN_FLIGHT_OF_PARTITION),
            false => self.settings.in_flight_max,
        };
        for index in self.lanes.len()..leaders.len() {
            let backoff = Backoff::new(self.retry.0, self.retry.1, index as u64);
            self.lanes.push(Lane::new(most, backoff));
        }
        self.led.clear();
        for (index, (lane, leader)) in self.lanes.iter_mut().zip(leaders).enumerate() {
            lane.leader = leader.broker.and_then(|broker| network.link_of(broker));
            if let Some(link) = lane.leader {
                self.led.entry(link).or_default().push(index);
            }
        }
    }

    /// Lets partitions begin anew after a fault, where all is answered; true where some partition
    /// needs another producer id for that.
    pub(super) fn recover(&mut self, identity: Option<ProducerIdentity>) -> bool {
        let mut needs_new_id = false;
        for (partition, lane) in self.lanes.iter_mut().enumerate() {
            if let Some(identity) = identity {
                lane.identify(identity);
            }
            for batch in lane.recover(identity) {
                let why = "given up after a gap in the sequence: perhaps written";
                self.settlement.end(partition, batch, BatchEnd::given_up(true, why));
            }
            needs_new_id |= lane.needs_new_id();
        }
        needs_new_id
    }

    /// Sends what is due; gives when something will be.
    ///
    /// # Errors
    /// What a broker lacks that is needed.
    pub(super) fn send(
        &mut self,
        network: &mut Network,
        shared: &SinkShared,
        now: Instant,
    ) -> Result<Option<Instant>, String> {
        for link in self.links() {
            while self.has_room(link) && network.is_ready(link) {
                if network.muted_until(link, now).is_some() {
                    break;
                }
                let picked = self.pick(link, &mut shared.accumulator(), now);
                if picked.is_empty() {
                    break;
                }
                self.send_request(network, link, picked, now)?;
                network.flush(link);
            }
        }
        let mut accumulator = shared.accumulator();
        self.settlement.hand_back(&mut accumulator);
        let next = self.next(network, &accumulator, now);
        accumulator.looked(next);
        Ok(next)
    }

    fn has_room(&self, link: LinkId) -> bool {
        let of_link = self.flights.get(&link).map_or(0, VecDeque::len);
        of_link < self.settings.in_flight_max
    }

    /// Whether a lane may send at all, as far as its producer id goes.
    fn may_send(&self, lane: &Lane) -> bool {
        !self.settings.is_idempotent || lane.is_known()
    }

    /// When a partition has something to send.
    fn due(&self, partition: usize, accumulator: &Accumulator, now: Instant) -> Option<Instant> {
        let lane = &self.lanes[partition];
        if !self.may_send(lane) {
            return None;
        }
        match lane.step(now) {
            LaneStep::Wait => None,
            LaneStep::WaitUntil(at) => Some(at),
            LaneStep::Again => Some(now),
            LaneStep::New => accumulator.due(partition),
        }
    }

    /// When the next partition has something to send that can be sent.
    fn next(&self, network: &Network, accumulator: &Accumulator, now: Instant) -> Option<Instant> {
        let ready =
            self.led.iter().filter(|(link, _)| network.is_ready(**link) && self.has_room(**link));
        let of_link = |(link, partitions): (&LinkId, &Vec<usize>)| {
            let due = partitions.iter().filter_map(|it| self.due(*it, accumulator, now)).min()?;
            Some(network.muted_until(*link, now).map_or(due, |until| due.max(until)))
        };
        ready.filter_map(of_link).min()
    }

    /// The batches of a broker's next request, one for each partition: none before one of them is
    /// due, and then whatever there is, as Kafka's producer does, so that requests are few.
    fn pick(&mut self, link: LinkId, accumulator: &mut Accumulator, now: Instant) -> Vec<Picked> {
        let Some(partitions) = self.led.get(&link) else { return Vec::new() };
        let is_due =
            |partition: &usize| self.due(*partition, accumulator, now).is_some_and(|at| at <= now);
        if !partitions.iter().any(is_due) {
            return Vec::new();
        }
        let mut picked = Vec::with_capacity(partitions.len());
        let mut room = self.settings.request_bytes_max;
        let from = self.first % partitions.len();
        self.first = self.first.wrapping_add(1);
        let in_turn = partitions[from..].iter().chain(&partitions[..from]);
        for &partition in in_turn {
            if !self.may_send(&self.lanes[partition]) {
                continue;
            }
            let lane = &mut self.lanes[partition];
            // The first one goes whatever its size.
            let limit = if picked.is_empty() { usize::MAX } else { room };
            match lane.step(now) {
                LaneStep::Again if lane.waiting_bytes() <= limit => {
                    if let Some(batch) = lane.take_waiting() {
                        room = room.saturating_sub(batch.bytes.len());
                        picked.push(Picked::Again(partition, batch));
                    }
                }
                LaneStep::New => {
                    if let Some(batch) = accumulator.take_within(partition, limit) {
                        room = room.saturating_sub(batch.writer.bytes());
                        picked.push(Picked::New(partition, batch));
                    }
                }
                _ => {}
            }
        }
        self.settlement.hand_back(accumulator);
        self.settlement.take_memory(accumulator, picked.len());
        picked
    }

    fn send_request(
        &mut self,
        network: &mut Network,
        link: LinkId,
        picked: Vec<Picked>,
        now: Instant,
    ) -> Result<(), String> {
        let mut batches = Vec::with_capacity(picked.len());
        for one in picked {
            match one {
                Picked::Again(partition, batch) => batches.push((partition, batch)),
                Picked::New(partition, open) => {
                    batches.extend(self.seal(partition, open).map(|batch| (partition, batch)));
                }
            }
        }
        let begun = network.version(link, ApiKey::Produce).and_then(|version| {
            let connection = network.connection(link).ok_or("the connection is gone")?;
            let begun = connection.begin(ApiKey::Produce, version);
            let (id, head) = begun.map_err(|error| error.to_string())?;
            let request = ProduceHead {
                version,
                acks: self.settings.acks.number(),
                timeout_ms: i32::try_from(self.request_timeout.as_millis()).unwrap_or(i32::MAX),
                topic: &self.topic,
            };
            let numbered = batches
                .iter()
                .map(|(partition, batch)| (i32::try_from(*partition).unwrap_or(-1), &batch.bytes));
            let pieces = pieces(head, &request, numbered);
            let deadline =
                (self.settings.acks != AckLevel::Nobody).then_some(now + self.request_timeout);
            let finished = connection.finish((id, ApiKey::Produce, version), pieces, deadline);
            finished.map_err(|error| error.to_string())?;
            Ok((id, connection.queued()))
        });
        for (partition, batch) in &mut batches {
            self.lanes[*partition].sent(link);
            batch.tries = batch.tries.saturating_add(u32::from(begun.is_ok()));
        }
        match begun {
            Ok((id, ends_at)) => {
                let flight = Flight { id, batches, ends_at };
                self.flights.entry(link).or_default().push_back(flight);
                Ok(())
            }
            Err(why) => {
                for (partition, batch) in batches {
                    self.lanes[partition].answered();
                    self.lanes[partition].again(batch, Some(now));
                }
                Err(why)
            }
        }
    }

    /// Closes a batch; `None` where the codec fails, and then it is over.
    fn seal(&mut self, partition: usize, open: OpenRecords) -> Option<SealedBatch> {
        let OpenRecords { mut writer, stamps, payload_bytes, opened, reserved } = open;
        let lane = &mut self.lanes[partition];
        let mut bytes = self.settlement.sealing_memory(reserved);
        let sequence = lane.take_sequence(stamps.len());
        let sealed = writer.seal(&mut self.compressor, sequence, &mut bytes);
        if let Err(fault) = sealed {
            // The sequence that it took is a gap.
            lane.breaks();
            let reason = fault.to_string();
            let open = OpenRecords { writer, stamps, payload_bytes, opened, reserved };
            self.settlement.end_open(partition, open, BatchEnd::given_up(false, &reason));
            return None;
        }
        self.settlement.writer(writer);
        self.sent.records += stamps.len() as u64;
        self.sent.payload_bytes += payload_bytes;
        Some(SealedBatch {
            ordinal: lane.take_ordinal(),
            bytes: Bytes::from(bytes),
            stamps,
            base_sequence: sequence.base_sequence,
            expires: opened + self.settings.delivery_timeout,
            tries: 0,
            is_perhaps_written: false,
            is_settled: false,
            reserved,
        })
    }
}
