//! What a coordinator answers to a heartbeat of a member whose partitions it assigns (KIP-848).
//!
//! Read by hand: the codec would reserve what its lengths claim.

use std::time::Duration;

use uuid::Uuid;

use super::super::answer::{Answer, FieldReader};

/// A topic's number, and its partitions that a member is to have.
pub(super) type GivenTopic = (Uuid, Vec<i32>);

/// An answer to a heartbeat.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ReportAnswer {
    /// The protocol's error; 0 without one.
    pub(super) error_code: i16,
    /// What the broker says to it.
    pub(super) message: String,
    /// The member's id, where the broker gives one.
    pub(super) member_id: Option<String>,
    /// The member's epoch.
    pub(super) epoch: i32,
    /// When the next heartbeat is due.
    pub(super) interval: Duration,
    /// What it is to have from now on; `None` where that has not changed.
    pub(super) assignment: Option<Vec<GivenTopic>>,
}

/// Reads an answer.
///
/// # Errors
/// Where it is cut, or is none.
pub(super) fn reported(answer: &Answer) -> Result<ReportAnswer, String> {
    let read = answer.body().and_then(read);
    read.ok_or_else(|| format!("its answer to {:?} is cut or malformed", answer.api))
}

fn read(body: &[u8]) -> Option<ReportAnswer> {
    let mut fields = FieldReader::new(body, true);
    // The throttle time: a heartbeat is a small thing to hold back.
    fields.i32()?;
    let error_code = fields.i16()?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let message = text(fields.text()?);
    let member_id = Some(text(fields.text()?)).filter(|id| !id.is_empty());
    let epoch = fields.i32()?;
    let interval = Duration::from_millis(u64::try_from(fields.i32()?).unwrap_or(0));
    // A struct that may be null begins with a byte of its own: 1, or -1 for null.
    let assignment = if fields.i8()? < 0 { None } else { Some(assigned(&mut fields)?) };
    fields.tags()?;
    Some(ReportAnswer { error_code, message, member_id, epoch, interval, assignment })
}

fn assigned(fields: &mut FieldReader<'_>) -> Option<Vec<GivenTopic>> {
    let mut topics = Vec::new();
    for _ in 0..fields.count()? {
        let id = Uuid::from_u64_pair(fields.i64()?.cast_unsigned(), fields.i64()?.cast_unsigned());
        let mut partitions = Vec::new();
        for _ in 0..fields.count()? {
            partitions.push(fields.i32().filter(|partition| *partition >= 0)?);
        }
        fields.tags()?;
        topics.push((id, partitions));
    }
    fields.tags()?;
    Some(topics)
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;
    use kafka_protocol::messages::ConsumerGroupHeartbeatResponse;
    use kafka_protocol::messages::consumer_group_heartbeat_response::{
        Assignment, TopicPartitions,
    };
    use kafka_protocol::protocol::{Encodable, StrBytes};
    use proptest::prelude::*;

    use super::*;

    fn written(response: &ConsumerGroupHeartbeatResponse) -> BytesMut {
        let mut body = BytesMut::new();
        response.encode(&mut body, 1).unwrap();
        body
    }

    #[test]
    fn an_answer_is_read_as_the_codec_writes_it_and_no_cut_one_is() {
        let topic = |id: u128, partitions: &[i32]| {
            TopicPartitions::default()
                .with_topic_id(Uuid::from_u128(id))
                .with_partitions(partitions.to_vec())
        };
        let id = 0x1234_5678_9abc_def0_8765_4321_0fed_cba9;
        let given =
            Assignment::default().with_topic_partitions(vec![topic(id, &[4, 1]), topic(7, &[])]);
        let response = ConsumerGroupHeartbeatResponse::default()
            .with_error_code(25)
            .with_error_message(Some(StrBytes::from_static_str("who?")))
            .with_member_id(Some(StrBytes::from_static_str("me")))
            .with_member_epoch(9)
            .with_heartbeat_interval_ms(5_000)
            .with_assignment(Some(given));
        let body = written(&response);
        let expected = ReportAnswer {
            error_code: 25,
            message: "who?".to_owned(),
            member_id: Some("me".to_owned()),
            epoch: 9,
            interval: Duration::from_secs(5),
            assignment: Some(vec![(Uuid::from_u128(id), vec![4, 1]), (Uuid::from_u128(7), vec![])]),
        };
        assert_eq!(read(&body), Some(expected));
        for cut in 0..body.len() {
            assert_eq!(read(&body[..cut]), None, "cut at {cut}");
        }
        let same = ConsumerGroupHeartbeatResponse::default().with_member_epoch(3);
        let none = read(&written(&same)).unwrap();
        assert_eq!((none.epoch, none.member_id, none.assignment), (3, None, None));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(
            bytes in proptest::collection::vec(any::<u8>(), 0..80),
        ) {
            let _ = read(&bytes);
        }
    }
}
