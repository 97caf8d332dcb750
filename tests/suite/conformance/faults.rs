//! Faults of the broker: frozen, killed, without its leader. Each probe breaks a world of its
//! own. The producer is idempotent, so what was acknowledged is there once, and in order.

use std::thread;
use std::time::{Duration, Instant};

use rdkafka::consumer::Consumer;
use rdkafka::topic_partition_list::Offset;

use crate::admin::{await_partitions, await_until, inquirer, try_create_topic};
use crate::client::{PATIENCE, Rec, read, read_nothing, reader};
use crate::probe::Probe;
use crate::sender::Sender;
use crate::world::{Kind, World};

pub fn probes() -> Vec<Probe> {
    let limit = Duration::from_secs(240);
    vec![
        // They start brokers of their own, and one of them again: minutes on a busy host.
        Probe { limit, ..Probe::new("faults::a_lost_leader_is_replaced", lost_leader) }
            .only(&[Kind::Kafka]),
        Probe { limit, ..Probe::new("faults::a_killed_broker_comes_back", killed) }
            .only(&[Kind::Kafka]),
        Probe::new("faults::a_frozen_broker_goes_on", frozen),
        Probe::new("faults::lost_answers_double_nothing", lost_answers).only(&[Kind::Embedded]),
    ]
}

const SAFE: [(&str, &str); 3] =
    [("enable.idempotence", "true"), ("acks", "all"), ("message.timeout.ms", "60000")];

/// Sends a hundred records a second for that long, on the schedule, whatever the broker does.
fn load(
    sender: &mut Sender,
    topic: &str,
    numbers: &mut std::ops::RangeFrom<usize>,
    time: Duration,
) {
    let start = Instant::now();
    for slot in 1.. {
        let due = Duration::from_millis(10) * slot;
        if due > time {
            return;
        }
        let number = numbers.next().expect("a number");
        sender.send(topic, &Rec::at(0, number.to_string()));
        thread::sleep(due.saturating_sub(start.elapsed()));
    }
}

/// All that was sent is acknowledged, and the partition holds just that, once and in order.
fn assert_complete(world: &World, sender: &Sender, topic: &str) {
    let receipts = sender.settle_within(Duration::from_secs(40));
    assert!(receipts.iter().all(|receipt| receipt.outcome.is_ok()), "all are acknowledged");
    let reader = reader(world, topic, &[(0, Offset::Beginning)], &[]);
    for (number, rec) in read(&reader, receipts.len()).iter().enumerate() {
        assert_eq!((rec.text(), rec.offset), (number.to_string().as_str(), number as i64));
    }
    read_nothing(&reader, Duration::from_millis(300));
}

fn frozen(world: &World) {
    let world = World::fresh(world.kind(), 1, &[]);
    let topic = world.topic("frozen", 1);
    let mut sender = Sender::new(&world, &SAFE);
    let mut numbers = 0..;
    load(&mut sender, &topic, &mut numbers, Duration::from_millis(300));
    sender.settle();
    // As long as it takes: on a busy host it may be a while before the broker stands still.
    let waiting = thread::scope(|scope| {
        let thaw = scope.spawn(|| world.pause_broker(Duration::from_secs(2)));
        let mut most = 0;
        while !thaw.is_finished() {
            load(&mut sender, &topic, &mut numbers, Duration::from_millis(50));
            most = most.max(sender.in_flight());
        }
        thaw.join().expect("a thaw");
        most
    });
    assert!(waiting >= 50, "the freeze had no effect: {waiting}");
    load(&mut sender, &topic, &mut numbers, Duration::from_millis(300));
    assert_complete(&world, &sender, &topic);
}

fn lost_answers(world: &World) {
    let world = World::fresh(world.kind(), 1, &[]);
    let topic = world.topic("answers", 1);
    let mut sender = Sender::new(&world, &SAFE);
    let mut numbers = 0..;
    load(&mut sender, &topic, &mut numbers, Duration::from_millis(300));
    world.broker().faults().lose_produce_answers(3);
    load(&mut sender, &topic, &mut numbers, Duration::from_millis(300));
    assert_complete(&world, &sender, &topic);
    assert!(world.broker().stats().duplicate_batches >= 3, "the client repeated what was there");
}

fn killed(world: &World) {
    let world = World::fresh(world.kind(), 1, &[("broker.session.timeout.ms", "2000")]);
    let topic = world.topic("killed", 1);
    let mut sender = Sender::new(&world, &SAFE);
    let mut numbers = 0..;
    load(&mut sender, &topic, &mut numbers, Duration::from_millis(500));
    world.cluster().control("kill", 1);
    load(&mut sender, &topic, &mut numbers, Duration::from_millis(500));
    assert!(sender.in_flight() >= 45, "the kill had no effect: {}", sender.in_flight());
    world.cluster().control("restart", 1);
    load(&mut sender, &topic, &mut numbers, Duration::from_millis(500));
    assert_complete(&world, &sender, &topic);
}

fn lost_leader(world: &World) {
    let world = World::fresh(world.kind(), 3, &[("broker.session.timeout.ms", "2000")]);
    let topic = world.name("leader");
    try_create_topic(&world, &topic, 1, 3, &[]).expect("a topic with three replicas");
    await_partitions(&world, &topic, 1);
    let leader = || {
        let metadata = inquirer(&world).fetch_metadata(Some(&topic), PATIENCE).expect("metadata");
        u32::try_from(metadata.topics()[0].partitions()[0].leader()).ok()
    };
    let first = leader().expect("a leader");
    let mut sender = Sender::new(&world, &SAFE);
    let mut numbers = 0..;
    load(&mut sender, &topic, &mut numbers, Duration::from_millis(500));
    world.cluster().control("kill", first);
    load(&mut sender, &topic, &mut numbers, Duration::from_millis(500));
    await_until("another broker leads", PATIENCE, || leader().is_some_and(|id| id != first));
    assert_complete(&world, &sender, &topic);
    world.cluster().control("restart", first);
    load(&mut sender, &topic, &mut numbers, Duration::from_millis(300));
    assert_complete(&world, &sender, &topic);
}
