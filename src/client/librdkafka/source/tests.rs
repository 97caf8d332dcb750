use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::topic_partition_list::TopicPartitionListElem;

use super::*;

fn list(partitions: i32) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    list.add_partition_range("clicks", 0, partitions - 1);
    list
}

fn source() -> KafkaSource {
    let properties = BTreeMap::new();
    let log = ClientLog::default();
    KafkaSource::new(
        "127.0.0.1:1",
        &properties,
        ("clicks", StampPlace::Payload),
        "g",
        (&log, "a consumer"),
    )
    .unwrap()
}

/// Records come by the queue that has nothing else, many at a time; and a rebalance ends a
/// wait for them, or nobody would be assigned before that wait is over.
#[test]
fn records_come_in_batches_and_events_end_a_wait_for_them() {
    let mock = MockCluster::new(1).unwrap();
    mock.create_topic("clicks", 2, 1).unwrap();
    let bootstrap = mock.bootstrap_servers();
    let producer: BaseProducer = setup::config(&bootstrap, &BTreeMap::new()).create().unwrap();
    for number in 0..600 {
        let payload = number.to_string();
        let record = BaseRecord::to("clicks").partition(number % 2).timestamp(7).key("k");
        producer.send(record.payload(&payload)).unwrap();
    }
    producer.flush(ANSWER).unwrap();
    let first = BTreeMap::from([("auto.offset.reset".to_owned(), "earliest".to_owned())]);
    let read = ("clicks", StampPlace::Payload);
    let log = ClientLog::default();
    let mut source = KafkaSource::new(&bootstrap, &first, read, "g", (&log, "it")).unwrap();
    let (mut found, mut largest, began) = ([Vec::new(), Vec::new()], 0, Instant::now());
    while found.iter().map(Vec::len).sum::<usize>() < 600 {
        let count = source.poll(500, Duration::from_secs(600), &mut |arrival| {
            assert_eq!((arrival.key, arrival.at_us), (Some(&b"k"[..]), Some(7_000)));
            let number: i64 =
                std::str::from_utf8(arrival.payload.unwrap()).unwrap().parse().unwrap();
            let partition = usize::try_from(arrival.partition).unwrap();
            assert_eq!(number, arrival.offset * 2 + i64::from(arrival.partition));
            found[partition].push(arrival.offset);
        });
        assert_eq!(source.batch.records().count(), count.unwrap(), "by their own queue");
        largest = largest.max(source.batch.records().count());
        assert!(largest <= 500 && began.elapsed() < Duration::from_secs(300));
    }
    assert!(largest > 1);
    assert!(found.iter().all(|offsets| offsets.iter().copied().eq(0..300)));
    source.commit().unwrap();
    let committed = source.consumer.committed(ANSWER).unwrap();
    let offsets = committed.elements();
    let offsets: Vec<_> = offsets.iter().map(TopicPartitionListElem::offset).collect();
    assert_eq!(offsets, [Offset::Offset(300); 2]);
}

#[test]
fn what_is_assigned_follows_whole_lists_and_changes() {
    let source = source();
    let told = |rebalance: &Rebalance<'_>| {
        source.consumer.context().post_rebalance(&source.consumer, rebalance);
        source.assigned()
    };
    assert_eq!(source.assigned(), None);
    assert_eq!(told(&Rebalance::Revoke(&list(0))), Some(0), "it has none, and knows it");
    assert_eq!(told(&Rebalance::Assign(&list(3))), Some(3));
    assert_eq!(told(&Rebalance::Assign(&list(2))), Some(5), "a change only adds");
    assert_eq!(told(&Rebalance::Revoke(&list(1))), Some(4));
    assert_eq!(told(&Rebalance::Revoke(&list(4))), Some(0));
    assert_eq!(told(&Rebalance::Assign(&list(6))), Some(6));
    let failed = KafkaError::Rebalance(RDKafkaErrorCode::AssignmentLost);
    assert_eq!(told(&Rebalance::Error(failed)), Some(0), "the wrapper unassigns all");
}
