//! Topics: created, described, changed, deleted, and unknown ones.

use std::time::Duration;

use rdkafka::consumer::Consumer;
use rdkafka::types::RDKafkaErrorCode as Code;

use crate::admin::{
    await_partitions, await_until, create_topic, delete_topic, grow_topic, inquirer,
    led_partitions, topic_config, try_create_topic,
};
use crate::client::{self, PATIENCE, Rec, read_all};
use crate::probe::Probe;
use crate::sender::produce;
use crate::world::World;

pub fn probes() -> Vec<Probe> {
    vec![
        Probe::new("topics::create_and_delete", create_and_delete),
        Probe::new("topics::refuse_wrong_ones", refuse_wrong_ones),
        Probe::new("topics::config_read_back", config_read_back),
        Probe::new("topics::more_partitions", more_partitions),
        Probe::new("topics::advertise_the_bootstrap_address", advertised),
        Probe::new("topics::unknown_to_a_reader", unknown_to_a_reader),
        Probe::new("topics::unknown_to_a_producer", unknown_to_a_producer),
    ]
}

fn create_and_delete(world: &World) {
    let topic = world.name("create");
    create_topic(world, &topic, 3, &[]);
    assert_eq!(led_partitions(world, &topic), Ok(vec![0, 1, 2]));
    assert_eq!(try_create_topic(world, &topic, 3, 1, &[]), Err(Code::TopicAlreadyExists));

    produce(world, &topic, &[], &[Rec::at(0, "old")]);
    assert_eq!(delete_topic(world, &topic), Ok(()));
    await_until("the topic is gone", PATIENCE, || {
        led_partitions(world, &topic) == Err(Code::UnknownTopicOrPartition)
    });
    assert_eq!(delete_topic(world, &topic), Err(Code::UnknownTopicOrPartition));

    // One of the same name is a new topic.
    await_until("the name is free", PATIENCE, || {
        try_create_topic(world, &topic, 1, 1, &[]) == Ok(())
    });
    await_partitions(world, &topic, 1);
    produce(world, &topic, &[], &[Rec::at(0, "new")]);
    assert_eq!(read_all(world, &topic, 1)[0].text(), "new");
}

fn refuse_wrong_ones(world: &World) {
    let topic = world.name("wrong");
    assert_eq!(try_create_topic(world, &topic, 0, 1, &[]), Err(Code::InvalidPartitions));
    assert_eq!(try_create_topic(world, &topic, 1, 3, &[]), Err(Code::InvalidReplicationFactor));
    assert_eq!(try_create_topic(world, "not a name", 1, 1, &[]), Err(Code::InvalidTopic));
    let config = [("no.such.setting", "1")];
    assert_eq!(try_create_topic(world, &topic, 1, 1, &config), Err(Code::InvalidConfig));
    let config = [("retention.ms", "a week")];
    assert_eq!(try_create_topic(world, &topic, 1, 1, &config), Err(Code::InvalidConfig));
    assert_eq!(led_partitions(world, &topic), Err(Code::UnknownTopicOrPartition));
}

fn config_read_back(world: &World) {
    let topic = world.name("config");
    create_topic(world, &topic, 1, &[("retention.ms", "604800001"), ("segment.bytes", "2000000")]);
    let config = topic_config(world, &topic);
    let value = |key: &str| config.get(key).map(String::as_str);
    assert_eq!(value("retention.ms"), Some("604800001"));
    assert_eq!(value("segment.bytes"), Some("2000000"));
    // What was not set has Kafka's defaults.
    assert_eq!(value("cleanup.policy"), Some("delete"));
    assert_eq!(value("max.message.bytes"), Some("1048588"));
    assert_eq!(value("message.timestamp.type"), Some("CreateTime"));
    assert_eq!(value("compression.type"), Some("producer"));
    assert_eq!(value("min.insync.replicas"), Some("1"));
}

fn more_partitions(world: &World) {
    let topic = world.topic("grow", 2);
    produce(world, &topic, &[], &[Rec::at(0, "before")]);
    assert_eq!(grow_topic(world, &topic, 5), Ok(()));
    await_partitions(world, &topic, 5);
    assert_eq!(grow_topic(world, &topic, 5), Err(Code::InvalidPartitions), "as many as there are");
    assert_eq!(grow_topic(world, &topic, 3), Err(Code::InvalidPartitions), "fewer");
    let unknown = world.name("unknown");
    assert_eq!(grow_topic(world, &unknown, 3), Err(Code::UnknownTopicOrPartition));
    assert_eq!(produce(world, &topic, &[], &[Rec::at(4, "behind")]), [(4, 0)]);
    assert_eq!(read_all(world, &topic, 1)[0].text(), "before");
}

fn advertised(world: &World) {
    let metadata = inquirer(world).fetch_metadata(None, PATIENCE).expect("metadata");
    let brokers = metadata.brokers().iter();
    let addresses: Vec<String> =
        brokers.map(|broker| format!("{}:{}", broker.host(), broker.port())).collect();
    assert_eq!(addresses.join(","), world.bootstrap());
}

fn unknown_to_a_reader(world: &World) {
    let topic = world.name("nowhere");
    assert_eq!(led_partitions(world, &topic), Err(Code::UnknownTopicOrPartition));
    let group = world.name("nowhere");
    let consumer = client::consumer(world, &group, &[("allow.auto.create.topics", "false")]);
    consumer.subscribe(&[&topic]).expect("a subscription");
    let mut error = None;
    await_until("the consumer is told", PATIENCE, || {
        if let Some(Err(found)) = consumer.poll(Duration::from_millis(100)) {
            error = found.rdkafka_error_code();
        }
        error.is_some()
    });
    assert_eq!(error, Some(Code::UnknownTopicOrPartition));
    assert_eq!(led_partitions(world, &topic), Err(Code::UnknownTopicOrPartition));
}

fn unknown_to_a_producer(world: &World) {
    // Kafka's default: a producer's first record brings the topic into being.
    let topic = world.name("born");
    let places = produce(world, &topic, &[], &[Rec::keyed("k", "first")]);
    assert_eq!(places.len(), 1);
    let partitions = led_partitions(world, &topic).expect("the topic is there");
    assert_eq!(partitions, [0, 1, 2, 3, 4, 5], "num.partitions is 6 in both worlds");
}
