//! Fetch: reads at once if there is enough, or waits until there is.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::messages::FetchResponse;
use tokio::time::sleep;

use super::code;
use super::fetch_codec::{self, AnsweredPartition, FetchAsk};
use super::frame::{self, Pieces};
use super::log::Partition;
use super::shared::BrokerState;
use super::stats::add;
use super::topics::Topic;
use super::wait::Waiter;

/// The most bytes of one answer, whatever the client asks for: as Kafka's `fetch.max.bytes`.
const ANSWER_BYTES_MAX: usize = 55 * 1_024 * 1_024;

/// The longest wait, whatever the client asks for.
const WAIT_MAX_MS: i32 = 300_000;

/// One topic as it was asked for.
struct WantedTopic {
    topic: Result<Arc<Topic>, String>,
    partitions: Vec<WantedPartition>,
}

impl WantedTopic {
    fn name(&self) -> &str {
        self.topic.as_ref().map_or_else(String::as_str, |topic| &topic.name)
    }
}

/// One partition as it was asked for.
struct WantedPartition {
    index: i32,
    partition: Option<Arc<Partition>>,
    offset: i64,
    bytes_max: usize,
}

/// What there is to be read.
#[derive(Default)]
struct Available {
    bytes: usize,
    has_error: bool,
}

/// Answers with what there is once it is enough, after the time that the client gave, or at
/// once when a partition can't be read. None when the answer can't be encoded.
pub(super) async fn fetch(
    shared: &BrokerState,
    request: FetchAsk,
    correlation_id: i32,
    version: i16,
) -> Option<Pieces> {
    if request.session_id != 0 && request.session_epoch != -1 {
        // No session was ever given out: session 0 in every answer means a full fetch each time.
        let error = code::FETCH_SESSION_ID_NOT_FOUND;
        let response = FetchResponse::default().with_error_code(error);
        return frame::encode(correlation_id, version, &response);
    }
    let wait_ms = request.wait_max_ms.clamp(0, WAIT_MAX_MS).unsigned_abs();
    let patience = sleep(Duration::from_millis(u64::from(wait_ms)));
    tokio::pin!(patience);
    let bytes_min = usize::try_from(request.bytes_min).unwrap_or(0);
    let bytes_max = usize::try_from(request.bytes_max).unwrap_or(0).min(ANSWER_BYTES_MAX);
    let bytes_min = bytes_min.min(bytes_max);
    let wanted = resolve(shared, request);
    let must_wait = |there: &Available| there.bytes < bytes_min && !there.has_error;
    while wait_ms > 0 && !patience.is_elapsed() && must_wait(&look(&wanted, bytes_max, None)) {
        let waiter = Arc::new(Waiter::new(bytes_min));
        // Looks again while enlisting: what was appended in between must not be overlooked.
        let there = look(&wanted, bytes_max, Some(&waiter));
        if waiter.count(there.bytes) {
            waiter.wake();
        }
        if must_wait(&there) {
            tokio::select! {
                () = waiter.woken() => {}
                () = &mut patience => {}
            }
        }
    }
    read(shared, &wanted, bytes_max, correlation_id, version)
}

fn resolve(shared: &BrokerState, request: FetchAsk) -> Vec<WantedTopic> {
    let topics = request.topics.into_iter().map(|(name, asked)| {
        let topic = shared.topics.get(&name).ok_or(name);
        let partitions = asked.into_iter().map(|asked| WantedPartition {
            index: asked.index,
            partition: topic.as_ref().ok().and_then(|topic| topic.partition(asked.index)),
            offset: asked.offset,
            bytes_max: asked.bytes_max,
        });
        let partitions = partitions.collect();
        WantedTopic { topic, partitions }
    });
    topics.collect()
}

/// Sums up what a read would give, and has the waiter told of what comes behind that.
fn look(wanted: &[WantedTopic], bytes_max: usize, waiter: Option<&Arc<Waiter>>) -> Available {
    let mut there = Available::default();
    for wanted in wanted.iter().flat_map(|topic| &topic.partitions) {
        let Some(partition) = &wanted.partition else {
            there.has_error = true;
            continue;
        };
        let room = wanted.bytes_max.min(bytes_max.saturating_sub(there.bytes));
        let mut log = partition.lock();
        match log.read(wanted.offset, room, there.bytes == 0, None) {
            Ok(read) => {
                there.bytes += read.bytes;
                if let Some(waiter) = waiter {
                    log.enlist(waiter);
                }
            }
            Err(_) => there.has_error = true,
        }
    }
    there
}

/// Reads, and makes the answer of it.
fn read(
    shared: &BrokerState,
    wanted: &[WantedTopic],
    bytes_max: usize,
    correlation_id: i32,
    version: i16,
) -> Option<Pieces> {
    let (mut batches, mut bytes, mut records) = (Vec::new(), 0, 0);
    let partitions = wanted.iter().map(|topic| topic.partitions.len()).sum();
    let mut answers = Vec::with_capacity(partitions);
    for wanted in wanted.iter().flat_map(|topic| &topic.partitions) {
        let room = wanted.bytes_max.min(bytes_max.saturating_sub(bytes));
        let before = batches.len();
        let read = match &wanted.partition {
            None => Err(code::UNKNOWN_TOPIC_OR_PARTITION),
            Some(partition) => {
                let log = partition.lock();
                let read = log.read(wanted.offset, room, bytes == 0, Some(&mut batches));
                read.map(|read| (read, log.start_offset(), log.end_offset()))
            }
        };
        answers.push(match read {
            Ok((read, start_offset, end_offset)) => {
                bytes += read.bytes;
                records += read.records;
                let batches = batches.len() - before;
                let (index, bytes) = (wanted.index, read.bytes);
                AnsweredPartition {
                    index,
                    error: code::NONE,
                    end_offset,
                    start_offset,
                    batches,
                    bytes,
                }
            }
            Err(error) => unreadable(wanted.index, error),
        });
    }
    if records > 0 && shared.faults.corrupts_fetch() {
        corrupt(&mut batches);
    }
    add(&shared.counters.records_out, records);
    add(&shared.counters.bytes_out, bytes as u64);
    let mut rest = &answers[..];
    let topics: Vec<_> = wanted
        .iter()
        .map(|topic| {
            let (own, others) = rest.split_at(topic.partitions.len());
            rest = others;
            (topic.name(), own)
        })
        .collect();
    fetch_codec::write(correlation_id, version, topics.iter().copied(), batches)
}

/// Flips a bit in the last record of the first batch, and leaves the log's own as it is.
fn corrupt(batches: &mut [Bytes]) {
    if let Some(batch) = batches.first_mut() {
        let mut broken = batch.to_vec();
        broken.last_mut().into_iter().for_each(|byte| *byte ^= 1);
        *batch = Bytes::from(broken);
    }
}

fn unreadable(index: i32, error: i16) -> AnsweredPartition {
    AnsweredPartition { index, error, end_offset: -1, start_offset: -1, batches: 0, bytes: 0 }
}
