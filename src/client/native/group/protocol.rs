//! What the members of a classic group tell each other: brokers pass it on unread.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use kafka_protocol::messages::consumer_protocol_assignment::TopicPartition as GivenPartitions;
use kafka_protocol::messages::consumer_protocol_subscription::TopicPartition as OwnedPartitions;
use kafka_protocol::messages::{
    ConsumerProtocolAssignment, ConsumerProtocolSubscription, TopicName,
};
use kafka_protocol::protocol::{Decodable, Encodable, StrBytes};

use crate::base::message_shape::{BLOB, Field, INTS, TEXT, TEXTS, Walk, fixed, list};

/// The versions that are written: what a member has came with 1, its generation with 2, and its
/// rack with 3.
const SUBSCRIPTION_VERSION: i16 = 3;
const ASSIGNMENT_VERSION: i16 = 1;

/// The latest that is read. A later one begins with the same fields.
const SUBSCRIPTION_READ_MAX: i16 = 3;
const ASSIGNMENT_READ_MAX: i16 = 3;

const SUBSCRIPTION: &[Field] =
    &[TEXTS, BLOB, list(&[TEXT, INTS]).since(1), fixed(4).since(2), TEXT.since(3)];

const ASSIGNMENT: &[Field] = &[list(&[TEXT, INTS]), BLOB];

/// A member's subscription, as its group's leader reads it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Subscription {
    /// Whether it reads the topic.
    pub(super) subscribes: bool,
    /// The partitions of the topic that it has.
    pub(super) owned: Vec<i32>,
    /// The generation in which it got them; −1 where it doesn't say.
    pub(super) generation: i32,
}

pub(super) fn write_subscription(
    topic: &str,
    (owned, generation): (&[i32], i32),
    rack: Option<&str>,
) -> Bytes {
    let owned = OwnedPartitions::default().with_topic(name(topic)).with_partitions(owned.to_vec());
    let has_some = !owned.partitions.is_empty();
    let subscription = ConsumerProtocolSubscription::default()
        .with_topics(vec![StrBytes::from_string(topic.to_owned())])
        .with_owned_partitions(if has_some { vec![owned] } else { Vec::new() })
        .with_generation_id(generation)
        .with_rack_id(rack.map(|rack| StrBytes::from_string(rack.to_owned())));
    write(&subscription, SUBSCRIPTION_VERSION)
}

pub(super) fn write_assignment(topic: &str, partitions: &[i32]) -> Bytes {
    let given =
        GivenPartitions::default().with_topic(name(topic)).with_partitions(partitions.to_vec());
    let assigned = if partitions.is_empty() { Vec::new() } else { vec![given] };
    let assignment = ConsumerProtocolAssignment::default().with_assigned_partitions(assigned);
    write(&assignment, ASSIGNMENT_VERSION)
}

/// Encoding fails only for fields that a version does not have, and these have all of theirs.
fn write(message: &impl Encodable, version: i16) -> Bytes {
    let mut bytes = BytesMut::new();
    bytes.put_i16(version);
    if message.encode(&mut bytes, version).is_err() {
        bytes.clear();
    }
    bytes.freeze()
}

/// Reads a subscription, as far as it is about the topic; `None` where it is malformed.
pub(super) fn read_subscription(bytes: &[u8], topic: &str) -> Option<Subscription> {
    let message: ConsumerProtocolSubscription = read(bytes, SUBSCRIPTION_READ_MAX, SUBSCRIPTION)?;
    let ours = message.owned_partitions.iter().filter(|it| it.topic.as_str() == topic);
    Some(Subscription {
        subscribes: message.topics.iter().any(|it| it.as_str() == topic),
        owned: ours.flat_map(|it| it.partitions.iter().copied()).collect(),
        generation: message.generation_id,
    })
}

/// The partitions of the topic that an assignment gives, in their order; `None` where it is
/// malformed. A member that gets nothing may get no bytes at all.
pub(super) fn read_assignment(bytes: &[u8], topic: &str) -> Option<Vec<i32>> {
    if bytes.is_empty() {
        return Some(Vec::new());
    }
    let message: ConsumerProtocolAssignment = read(bytes, ASSIGNMENT_READ_MAX, ASSIGNMENT)?;
    let ours = message.assigned_partitions.iter().filter(|it| it.topic.as_str() == topic);
    let mut partitions: Vec<i32> = ours.flat_map(|it| it.partitions.iter().copied()).collect();
    partitions.sort_unstable();
    partitions.dedup();
    (partitions.first().is_none_or(|first| *first >= 0)).then_some(partitions)
}

fn read<T: Decodable>(bytes: &[u8], latest: i16, fields: &[Field]) -> Option<T> {
    let (version, mut body) = bytes.split_first_chunk::<2>()?;
    let version = i16::from_be_bytes(*version).min(latest);
    if version < 0 {
        return None;
    }
    Walk::new(body, version, false).fields(fields).ok()?;
    let message = T::decode(&mut body, version).ok();
    // Other programs may add what this one does not know.
    body.advance(body.len());
    message
}

fn name(topic: &str) -> TopicName {
    TopicName(StrBytes::from_string(topic.to_owned()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// By the schema of `ConsumerProtocolSubscription`: version, topics, user data, owned
    /// partitions, generation and rack.
    #[test]
    fn a_subscription_is_written_by_the_schema_and_read_again() {
        let bytes = write_subscription("ab", (&[4, 1], 9), Some("r"));
        let by_hand = [
            &[0, 3][..],
            &[0, 0, 0, 1, 0, 2, b'a', b'b'],
            &[255, 255, 255, 255],
            &[0, 0, 0, 1, 0, 2, b'a', b'b', 0, 0, 0, 2, 0, 0, 0, 4, 0, 0, 0, 1],
            &[0, 0, 0, 9, 0, 1, b'r'],
        ];
        assert_eq!(bytes, by_hand.concat());
        let read = read_subscription(&bytes, "ab").unwrap();
        assert_eq!((read.subscribes, read.owned, read.generation), (true, vec![4, 1], 9));
        let other = read_subscription(&bytes, "xy").unwrap();
        assert_eq!((other.subscribes, other.owned), (false, vec![]));
        // Version 0, and one that is not known yet and has more.
        let old = [&[0, 0][..], &by_hand[1..3].concat()].concat();
        assert_eq!(read_subscription(&old, "ab").unwrap().generation, -1);
        let new = [&[0, 9][..], &by_hand[1..].concat(), b"more"].concat();
        assert_eq!(read_subscription(&new, "ab").unwrap().owned, [4, 1]);
    }

    #[test]
    fn an_assignment_comes_back_sorted_and_empty_bytes_give_nothing() {
        let bytes = write_assignment("ab", &[3, 1, 2]);
        assert_eq!(read_assignment(&bytes, "ab").unwrap(), [1, 2, 3]);
        assert_eq!(read_assignment(&bytes, "b").unwrap(), [0; 0]);
        assert_eq!(read_assignment(&write_assignment("ab", &[]), "ab").unwrap(), [0; 0]);
        assert_eq!(read_assignment(&[], "ab").unwrap(), [0; 0]);
        assert_eq!(read_assignment(&write_assignment("ab", &[-1]), "ab"), None);
        for cut in 1..bytes.len() {
            assert_eq!(read_assignment(&bytes[..cut], "ab"), None, "cut at {cut}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(
            bytes in proptest::collection::vec(any::<u8>(), 0..60),
        ) {
            let _ = (read_subscription(&bytes, "ab"), read_assignment(&bytes, "ab"));
        }
    }
}
