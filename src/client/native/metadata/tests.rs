//! What is kept of answers, and when it is asked again.

use kafka_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};

use super::*;

const AGE: Duration = Duration::from_secs(300);

fn view() -> ClusterView {
    let ms = Duration::from_millis;
    ClusterView::new("t", AGE, Backoff::new(ms(100), ms(1_000), 1))
}

/// An answer of brokers 1 and 2; a partition for each leader and epoch.
fn answer(leaders: &[(i32, i32)], id: u128) -> MetadataResponse {
    let broker = |id: i32| {
        MetadataResponseBroker::default()
            .with_node_id(id.into())
            .with_host(StrBytes::from_static_str("host"))
            .with_port(9_000 + id)
    };
    let partition = |(index, (leader, epoch)): (i32, &(i32, i32))| {
        MetadataResponsePartition::default()
            .with_partition_index(index)
            .with_leader_id((*leader).into())
            .with_leader_epoch(*epoch)
    };
    let topic = MetadataResponseTopic::default()
        .with_name(Some(TopicName(StrBytes::from_static_str("t"))))
        .with_topic_id(Uuid::from_u128(id))
        .with_partitions((0..).zip(leaders).map(partition).collect());
    MetadataResponse::default().with_brokers(vec![broker(1), broker(2)]).with_topics(vec![topic])
}

fn leaders(view: &ClusterView) -> Vec<(Option<i32>, i32)> {
    view.leaders().iter().map(|leader| (leader.broker, leader.epoch)).collect()
}

#[test]
fn a_broker_that_is_behind_does_not_bring_an_old_leader_back() {
    let (mut view, now) = (view(), Instant::now());
    view.take(&answer(&[(1, 5), (2, 5)], 7), now);
    assert_eq!(view.brokers()[&2], BrokerAddress { host: "host".to_owned(), port: 9_002 });
    view.take(&answer(&[(2, 4), (1, 6)], 7), now);
    assert_eq!(leaders(&view), [(Some(1), 5), (Some(1), 6)]);
    // Where no epoch is said, the newest word holds; another topic has elections of its own.
    view.take(&answer(&[(2, -1)], 7), now);
    assert_eq!(leaders(&view), [(Some(2), -1), (Some(1), 6)]);
    view.take(&answer(&[(1, 0)], 8), now);
    assert_eq!((leaders(&view), view.topic_id()), (vec![(Some(1), 0)], Uuid::from_u128(8)));
}

#[test]
fn it_is_asked_at_once_then_when_old_and_sooner_where_somebody_wants_it() {
    let (mut view, now) = (view(), Instant::now());
    assert!(view.is_due(now));
    view.asked();
    assert_eq!((view.is_due(now + AGE), view.next()), (false, None));
    view.take(&answer(&[(1, 0)], 7), now);
    assert!(!view.is_due(now + AGE / 2) && view.is_due(now + AGE));
    view.refresh();
    let soon = now + Duration::from_millis(120);
    assert!(!view.is_due(now) && view.is_due(soon), "not faster than the back-off");
}

#[test]
fn a_partition_without_a_leader_and_a_topic_that_is_not_there_are_asked_for_again_soon() {
    let (mut view, now) = (view(), Instant::now());
    view.take(&answer(&[(1, 0), (-1, 1)], 7), now);
    assert_eq!(leaders(&view), [(Some(1), 0), (None, 1)]);
    assert!(view.is_due(now + Duration::from_secs(2)));
    let mut gone = answer(&[], 7);
    gone.topics[0].error_code = ResponseError::UnknownTopicOrPartition.code();
    view.take(&gone, now);
    assert_eq!(view.fault(), Some(ResponseError::UnknownTopicOrPartition));
    assert_eq!(leaders(&view), [(Some(1), 0), (None, 1)], "what was known stays");
    assert!(view.is_due(now + Duration::from_secs(2)));
    // A leader that is no broker of the answer can't be asked.
    view.take(&answer(&[(9, 2)], 7), now);
    assert_eq!((leaders(&view)[0], view.fault()), ((None, 2), None));
}

/// The codec writes an answer of each version, and the table of its shape agrees on where it ends.
#[test]
fn answers_of_every_version_are_read_and_no_cut_one_is() {
    use kafka_protocol::messages::ApiKey;
    use kafka_protocol::protocol::Encodable;
    for version in 1..=12_i16 {
        let mut written = answer(&[(1, -1), (2, -1)], 0);
        if version < 10 {
            written.topics[0].topic_id = Uuid::nil();
        }
        written.topics[0].partitions[0].replica_nodes = vec![1.into(), 2.into()];
        let mut bytes = bytes::BytesMut::new();
        written.encode(&mut bytes, version).unwrap();
        let api = ApiKey::Metadata;
        let header = if version >= FLEXIBLE { 5 } else { 4 };
        let read = |body: &[u8]| {
            let all = [&vec![0; header], body].concat();
            ClusterView::read(&Answer::of(api, version, &all))
        };
        assert_eq!(read(&bytes).unwrap(), written, "version {version}");
        for cut in 0..bytes.len() {
            assert!(read(&bytes[..cut]).is_err(), "version {version}, cut at {cut}");
        }
    }
}
