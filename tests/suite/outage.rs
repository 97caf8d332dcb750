//! Three Kafkas, of which one is killed every twenty seconds and comes back: a run through
//! all of it loses, doubles and reorders nothing.

use std::thread;
use std::time::Duration;

use rdkafka::consumer::Consumer;

use crate::admin::{await_partitions, await_until, inquirer, try_create_topic};
use crate::client::PATIENCE;
use crate::pipeline::assert_sound;
use crate::probe::Probe;
use crate::runs::{constant, plan, try_run};
use crate::truth::events_in;
use crate::world::{Kind, World};
use kbench::client::loopback::hooks::LoopbackHooks;

const BROKERS: u32 = 3;

const PARTITIONS: i32 = 6;

/// From one kill to the next.
const PERIOD: Duration = Duration::from_secs(20);

/// From a kill to the restart.
const AWAY: Duration = Duration::from_secs(8);

/// How many kills there are; each broker has its turn in 3.
const KILLS: &str = "KBENCH_KILLS";

pub fn probes() -> Vec<Probe> {
    let probe = Probe::new("outage::brokers_that_are_killed_in_turn_cost_only_time", killed);
    // It takes minutes. librdkafka's own part in this is `faults::a_lost_leader_is_replaced`.
    let probe = probe.only(&[]).natively(&[Kind::Kafka]);
    let limit = Duration::from_secs(150) + PERIOD * kills();
    vec![Probe { limit, ..probe }]
}

fn kills() -> u32 {
    let asked = std::env::var(KILLS).ok();
    asked.map_or(BROKERS, |asked| asked.parse().expect("a number of kills"))
}

fn killed(world: &World) {
    let settings = [("broker.session.timeout.ms", "2000")];
    let world = World::fresh(world.kind(), BROKERS, &settings).by(world.client());
    let seconds = (PERIOD * kills()).as_secs() as u32 + 5;
    let mut text = constant(1_000, seconds, "poisson").replace("[load]", "[load]\nproducers = 2");
    text.push_str("[topic]\nreuse = true\n[kafka.consumer]\nheartbeat.interval.ms = 500\n");
    let mut plan = plan(&world, &text);
    plan.topic.name = world.name("outage");
    let topic = &plan.topic.name;
    try_create_topic(&world, topic, PARTITIONS, 3, &[]).expect("a topic with three replicas");
    await_partitions(&world, topic, PARTITIONS);
    let result = thread::scope(|scope| {
        scope.spawn(|| {
            let asker = inquirer(&world);
            let end = |partition| {
                asker.fetch_watermarks(topic, partition, PATIENCE).map_or(0, |(_, end)| end)
            };
            await_until("the load has begun", PATIENCE, || {
                (0..PARTITIONS).map(end).sum::<i64>() > 2_000
            });
            for number in 0..kills() {
                let broker = 1 + number % BROKERS;
                world.cluster().control("kill", broker);
                thread::sleep(AWAY);
                world.cluster().control("restart", broker);
                thread::sleep(PERIOD - AWAY);
            }
        });
        try_run(&world, &plan, LoopbackHooks::default()).unwrap_or_else(|error| panic!("{error}"))
    });
    let result = result.result;
    assert_sound(&result);
    let longest_ms = result.ack.max_ns.expect("acknowledgements") / 1_000_000;
    assert!(longest_ms > 300, "nobody noticed that a leader was gone: {longest_ms} ms");
    assert_eq!(events_in(&world, topic), (result.ledger.acked, 0));
    for app in &result.ledger.apps {
        let found = (app.missing, app.duplicates, app.reordered);
        assert_eq!(found, (0, 0, 0), "{app:?}");
    }
}
