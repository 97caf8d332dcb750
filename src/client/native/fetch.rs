//! Fetching: the request for a broker's partitions, and the places of the records in its answer.
//!
//! The answer is read by hand and stays where it is: the codec would copy every record set.

use std::ops::Range;

use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic, ForgottenTopic};
use kafka_protocol::messages::{BrokerId, FetchRequest, TopicName};
use kafka_protocol::protocol::StrBytes;

use super::answer::{Answer, FieldReader};
use super::fetch_session::SessionAsk;
use super::settings::ConsumerSettings;
use crate::base::record_batch::AbortedTransaction;

/// The first version with variable-length integers.
const FLEXIBLE: i16 = 12;

/// The first versions with the start of the log, sessions, and a nearer replica.
const LOG_START: i16 = 5;
const SESSIONS: i16 = 7;
const NEARER_REPLICA: i16 = 11;

/// The first version that knows a client's rack.
const RACK: i16 = 11;

/// An answer's records of one partition, or why there are none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PartitionAnswer {
    /// Which partition.
    pub(crate) partition: i32,
    /// The protocol's error; 0 without one.
    pub(crate) error_code: i16,
    /// The replica that the leader sends this reader to; −1 without one.
    pub(crate) nearer_replica: i32,
    /// Where the records are in the answer's body.
    pub(crate) records: Range<usize>,
    /// The transactions that were aborted, where committed records are wanted.
    pub(crate) aborted: Vec<AbortedTransaction>,
}

/// An answer to a fetch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct FetchedAnswer {
    /// How long the broker wants to be left in peace.
    pub(crate) throttle_ms: i32,
    /// The session's error; 0 without one.
    pub(crate) error_code: i16,
    /// The session.
    pub(crate) session_id: i32,
    /// The partitions that have news.
    pub(crate) partitions: Vec<PartitionAnswer>,
}

/// The request for what a session has to ask, and for so many bytes at most; a broker answers with
/// one batch even so.
pub(crate) fn fetch_request(
    topic: &str,
    settings: &ConsumerSettings,
    (ask, bytes_max): (&SessionAsk, usize),
    version: i16,
) -> FetchRequest {
    let signed = |bytes: usize| i32::try_from(bytes).unwrap_or(i32::MAX);
    let name = || TopicName(StrBytes::from_string(topic.to_owned()));
    let partitions = ask.places.iter().map(|place| {
        FetchPartition::default()
            .with_partition(place.partition)
            .with_current_leader_epoch(place.leader_epoch)
            .with_fetch_offset(place.offset)
            .with_partition_max_bytes(signed(settings.partition_bytes_max))
    });
    let mut request = FetchRequest::default()
        .with_replica_id(BrokerId(-1))
        .with_max_wait_ms(i32::try_from(settings.fetch_wait.as_millis()).unwrap_or(i32::MAX))
        .with_min_bytes(signed(settings.fetch_bytes_min))
        .with_max_bytes(signed(bytes_max))
        .with_isolation_level(i8::from(settings.reads_committed))
        .with_session_epoch(-1);
    if !ask.places.is_empty() {
        let topic = FetchTopic::default().with_topic(name()).with_partitions(partitions.collect());
        request = request.with_topics(vec![topic]);
    }
    if version >= SESSIONS {
        request = request.with_session_id(ask.id).with_session_epoch(ask.epoch);
        if !ask.forgotten.is_empty() {
            let gone =
                ForgottenTopic::default().with_topic(name()).with_partitions(ask.forgotten.clone());
            request = request.with_forgotten_topics_data(vec![gone]);
        }
    }
    if version >= RACK
        && let Some(rack) = &settings.rack
    {
        request = request.with_rack_id(StrBytes::from_string(rack.clone()));
    }
    request
}

/// Whether a session is more than one request: in earlier versions each one is whole.
pub(crate) const fn has_sessions(version: i16) -> bool {
    version >= SESSIONS
}

/// Reads an answer, as far as it is about the topic.
///
/// # Errors
/// Where it is cut, or is none.
pub(crate) fn read_fetched(answer: &Answer, topic: &str) -> Result<FetchedAnswer, String> {
    let body = answer.body().unwrap_or_default();
    let read = read_body(body, answer.version, topic);
    read.ok_or_else(|| format!("its answer to Fetch version {} is malformed", answer.version))
}

fn read_body(body: &[u8], version: i16, topic: &str) -> Option<FetchedAnswer> {
    let mut fields = FieldReader::new(body, version >= FLEXIBLE);
    let mut answer = FetchedAnswer { throttle_ms: fields.i32()?, ..FetchedAnswer::default() };
    if version >= SESSIONS {
        answer.error_code = fields.i16()?;
        answer.session_id = fields.i32()?;
    }
    for _ in 0..fields.count()? {
        let is_ours = fields.text()? == topic.as_bytes();
        for _ in 0..fields.count()? {
            let partition = read_partition(&mut fields, body, version)?;
            if is_ours {
                answer.partitions.push(partition);
            }
        }
        fields.tags()?;
    }
    Some(answer)
}

fn read_partition(
    fields: &mut FieldReader<'_>,
    body: &[u8],
    version: i16,
) -> Option<PartitionAnswer> {
    let (partition, error_code) = (fields.i32()?, fields.i16()?);
    // The high watermark and the last stable offset.
    fields.i64()?;
    fields.i64()?;
    if version >= LOG_START {
        fields.i64()?;
    }
    let mut aborted = Vec::new();
    for _ in 0..fields.count()? {
        let (producer_id, first_offset) = (fields.i64()?, fields.i64()?);
        aborted.push(AbortedTransaction { producer_id, first_offset });
        fields.tags()?;
    }
    let nearer_replica = if version >= NEARER_REPLICA { fields.i32()? } else { -1 };
    let length = fields.blob()?.len();
    let end = body.len() - fields.left();
    fields.tags()?;
    let records = end - length..end;
    Some(PartitionAnswer { partition, error_code, nearer_replica, records, aborted })
}

#[cfg(test)]
mod tests {
    use bytes::{Bytes, BytesMut};
    use kafka_protocol::messages::fetch_response::{
        AbortedTransaction as Aborted, FetchableTopicResponse, PartitionData,
    };
    use kafka_protocol::messages::{FetchResponse, ProducerId};
    use kafka_protocol::protocol::Encodable;

    use super::*;

    fn response(version: i16) -> FetchResponse {
        let partition = |index: i32, records: &'static [u8]| {
            let aborted = Aborted::default()
                .with_producer_id(ProducerId(7))
                .with_first_offset(i64::from(index));
            let data = PartitionData::default()
                .with_partition_index(index)
                .with_error_code(if index == 2 { 6 } else { 0 })
                .with_high_watermark(900)
                .with_last_stable_offset(900)
                .with_aborted_transactions((index == 1).then(|| vec![aborted]))
                .with_records(Some(Bytes::from_static(records)));
            if version >= NEARER_REPLICA {
                data.with_preferred_read_replica(BrokerId(if index == 2 { 5 } else { -1 }))
            } else {
                data
            }
        };
        let topic = |name: &'static str, partitions| {
            FetchableTopicResponse::default()
                .with_topic(TopicName(StrBytes::from_static_str(name)))
                .with_partitions(partitions)
        };
        let response = FetchResponse::default().with_throttle_time_ms(12).with_responses(vec![
            topic("other", vec![partition(0, b"zzz")]),
            topic("ours", vec![partition(1, b"abc"), partition(2, b""), partition(3, b"defg")]),
        ]);
        if version >= SESSIONS { response.with_session_id(77) } else { response }
    }

    #[test]
    fn every_version_is_read_as_the_codec_writes_it_and_no_cut_one_is() {
        for version in 4..=12 {
            let mut body = BytesMut::new();
            response(version).encode(&mut body, version).unwrap();
            let read = read_body(&body, version, "ours").unwrap();
            let session = if version >= SESSIONS { 77 } else { 0 };
            assert_eq!((read.throttle_ms, read.session_id, read.error_code), (12, session, 0));
            let found: Vec<_> = read
                .partitions
                .iter()
                .map(|it| (it.partition, it.error_code, &body[it.records.clone()]))
                .collect();
            assert_eq!(found, [(1, 0, &b"abc"[..]), (2, 6, b""), (3, 0, b"defg")]);
            let aborted = AbortedTransaction { producer_id: 7, first_offset: 1 };
            assert_eq!(read.partitions[0].aborted, [aborted]);
            let replica = if version >= NEARER_REPLICA { 5 } else { -1 };
            assert_eq!(read.partitions[1].nearer_replica, replica, "version {version}");
            let end = read.partitions[2].records.end;
            for cut in 0..end {
                assert_eq!(read_body(&body[..cut], version, "ours"), None, "cut at {cut}");
            }
        }
    }

    #[test]
    fn a_request_is_written_in_every_version() {
        use super::super::fetch_session::FetchPlace;
        use super::super::settings::NativeSettings;
        let settings = NativeSettings::consumer("h:1", &Default::default()).unwrap().own;
        let settings = ConsumerSettings {
            rack: Some("r".to_owned()),
            fetch_bytes_min: 11,
            partition_bytes_max: 12,
            fetch_wait: std::time::Duration::from_millis(13),
            ..settings
        };
        let place = FetchPlace { partition: 3, offset: 9, leader_epoch: 2 };
        let ask = SessionAsk { id: 5, epoch: 6, places: vec![place], forgotten: vec![1] };
        for version in 4..=12 {
            let request = fetch_request("ours", &settings, (&ask, 14), version);
            assert_eq!((request.min_bytes, request.max_wait_ms, request.max_bytes), (11, 13, 14));
            let mut bytes = BytesMut::new();
            request.encode(&mut bytes, version).unwrap();
            let asked = &request.topics[0].partitions[0];
            assert_eq!((asked.partition, asked.fetch_offset), (3, 9));
            assert_eq!(asked.partition_max_bytes, 12);
            assert_eq!(request.session_id, if has_sessions(version) { 5 } else { 0 });
        }
    }
}
