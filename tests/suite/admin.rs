//! Topic administration, blocking.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::Offset;
use rdkafka::admin::{
    AdminClient, AdminOptions, NewPartitions, NewTopic, ResourceSpecifier, TopicReplication,
    TopicResult,
};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaResult;
use rdkafka::topic_partition_list::TopicPartitionList;
use rdkafka::types::RDKafkaErrorCode;

use crate::client;
use crate::world::World;

/// How long the broker may take for one request.
const PATIENCE: Duration = Duration::from_secs(15);

fn with_admin<T>(
    world: &World,
    run: impl AsyncFnOnce(&AdminClient<DefaultClientContext>, &AdminOptions) -> T,
) -> T {
    let admin = ClientConfig::new()
        .set("bootstrap.servers", world.bootstrap())
        .create()
        .expect("an admin client");
    let options =
        AdminOptions::new().request_timeout(Some(PATIENCE)).operation_timeout(Some(PATIENCE));
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(run(&admin, &options))
}

/// The one result of a request about one topic.
fn only(results: KafkaResult<Vec<TopicResult>>) -> Result<(), RDKafkaErrorCode> {
    let mut results = results.expect("an answer from the broker");
    assert_eq!(results.len(), 1, "results for one topic: {results:?}");
    results.remove(0).map(drop).map_err(|(_, code)| code)
}

/// Creates a topic and returns what the broker says.
pub fn try_create_topic(
    world: &World,
    topic: &str,
    partitions: i32,
    replication: i32,
    config: &[(&str, &str)],
) -> Result<(), RDKafkaErrorCode> {
    let mut new = NewTopic::new(topic, partitions, TopicReplication::Fixed(replication));
    for (key, value) in config {
        new = new.set(key, value);
    }
    only(with_admin(world, async |admin, options| admin.create_topics([&new], options).await))
}

/// Creates a topic with one replica, and waits until all its partitions have a leader.
pub fn create_topic(world: &World, topic: &str, partitions: i32, config: &[(&str, &str)]) {
    try_create_topic(world, topic, partitions, 1, config).expect("a new topic");
    await_partitions(world, topic, partitions);
}

/// Deletes a topic and returns what the broker says.
pub fn delete_topic(world: &World, topic: &str) -> Result<(), RDKafkaErrorCode> {
    only(with_admin(world, async |admin, options| admin.delete_topics(&[topic], options).await))
}

/// Asks for more partitions, up to `count`, and returns what the broker says.
pub fn grow_topic(world: &World, topic: &str, count: usize) -> Result<(), RDKafkaErrorCode> {
    let new = NewPartitions::new(topic, count);
    only(with_admin(world, async |admin, options| admin.create_partitions([&new], options).await))
}

/// Deletes what lies before an offset of a partition.
pub fn delete_records(world: &World, topic: &str, partition: i32, before: i64) {
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, partition, Offset::Offset(before)).expect("a partition");
    with_admin(world, async |admin, options| admin.delete_records(&list, options).await)
        .expect("an answer from the broker");
}

/// The topic's configuration, as the broker tells it.
pub fn topic_config(world: &World, topic: &str) -> HashMap<String, String> {
    let resource = ResourceSpecifier::Topic(topic);
    let mut results = with_admin(world, async |admin, options| {
        admin.describe_configs([&resource], options).await
    })
    .expect("an answer from the broker");
    let entries = results.remove(0).expect("a configuration").entries;
    entries.into_iter().filter_map(|entry| Some((entry.name, entry.value?))).collect()
}

/// A consumer that serves only to ask questions.
pub fn inquirer(world: &World) -> BaseConsumer {
    client::config(world, &[("group.id", &world.name("inquirer"))])
        .set("allow.auto.create.topics", "false")
        .create()
        .expect("a consumer")
}

/// The ids of the topic's partitions that have a leader; an error when the topic is unknown.
pub fn led_partitions(world: &World, topic: &str) -> Result<Vec<i32>, RDKafkaErrorCode> {
    let metadata = inquirer(world).fetch_metadata(Some(topic), PATIENCE).expect("metadata");
    let found = metadata.topics().iter().find(|found| found.name() == topic).expect("the topic");
    if let Some(code) = found.error() {
        return Err(code.into());
    }
    let led = found.partitions().iter().filter(|found| found.leader() >= 0);
    let mut ids: Vec<i32> = led.map(rdkafka::metadata::MetadataPartition::id).collect();
    ids.sort_unstable();
    Ok(ids)
}

/// Waits until the topic has exactly these partitions, all with a leader.
pub fn await_partitions(world: &World, topic: &str, partitions: i32) {
    let expected: Vec<i32> = (0..partitions).collect();
    await_until("the topic's partitions have leaders", PATIENCE, || {
        led_partitions(world, topic).is_ok_and(|ids| ids == expected)
    });
}

/// Waits until the cluster can answer for groups: Kafka makes the topic that keeps their offsets
/// when somebody first asks, and refuses for a moment.
pub fn await_coordinator(world: &World) {
    let asker = inquirer(world);
    await_until("groups are coordinated", PATIENCE, || {
        let mut list = TopicPartitionList::new();
        list.add_partition("any", 0);
        asker.committed_offsets(list, Duration::from_secs(5)).is_ok()
    });
}

/// Asks again and again until it is so.
///
/// # Panics
/// When the time is over.
pub fn await_until(what: &str, limit: Duration, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < limit, "not within {limit:?}: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
