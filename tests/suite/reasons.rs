//! What a run says of what happens around it: a topic made anew under its name, somebody else in
//! its groups. And what it does not ask for, since it may have no right to.

use std::thread;
use std::time::Duration;

use rdkafka::consumer::Consumer;

use crate::admin::{self, await_until};
use crate::client::PATIENCE;
use crate::group::{Member, Seen};
use crate::probe::Probe;
use crate::runs::{constant, plan, try_run};
use crate::world::{Kind, World};
use kbench::broker::config::BrokerConfig;
use kbench::client::loopback::hooks::LoopbackHooks;
use kbench::plan::Plan;
use kbench::result::Verdict;

const BROKERS: &[Kind] = &[Kind::Embedded, Kind::Kafka];

const PARTITIONS: i32 = 6;

pub fn probes() -> Vec<Probe> {
    vec![
        Probe::new("reasons::a_topic_made_anew_is_named", made_anew)
            .only(BROKERS)
            .natively(BROKERS),
        Probe::new("reasons::somebody_else_in_a_group_is_named", stranger)
            .only(BROKERS)
            .natively(BROKERS),
        Probe::new("reasons::a_topic_that_is_there_is_not_made", reused).only(&[Kind::Embedded]),
    ]
}

/// A run of some seconds on a topic that is there, which waits for nothing long.
fn on_a_topic(world: &World, seconds: u32) -> Plan {
    let mut text = constant(200, seconds, "uniform");
    text.push_str("[apps]\nrun = [\"analytics\", \"dashboard\"]\n");
    text.push_str("[measure]\ndrain_timeout = \"1s\"\n");
    text.push_str("[kafka.producer]\n\"message.timeout.ms\" = 2000\n");
    let mut plan = plan(world, &text);
    plan.topic.reuse = true;
    plan.topic.name = world.topic("reasons", PARTITIONS);
    plan
}

/// The verdict of a run that is disturbed once its load has begun.
fn disturbed(world: &World, plan: &Plan, disturb: impl Fn() + Send + Sync) -> Verdict {
    thread::scope(|scope| {
        scope.spawn(|| {
            let asker = admin::inquirer(world);
            let topic = &plan.topic.name;
            let end = |partition| {
                asker.fetch_watermarks(topic, partition, PATIENCE).map_or(0, |(_, end)| end)
            };
            await_until("the load has begun", PATIENCE, || {
                (0..PARTITIONS).map(end).sum::<i64>() > 100
            });
            disturb();
        });
        let finished = try_run(world, plan, LoopbackHooks::default());
        finished.unwrap_or_else(|error| panic!("{error}")).result.verdict
    })
}

fn made_anew(world: &World) {
    let plan = on_a_topic(world, 3);
    let topic = &plan.topic.name;
    let verdict = disturbed(world, &plan, || {
        admin::delete_topic(world, topic).unwrap();
        // Kafka takes a moment for it.
        await_until("the topic is there again", PATIENCE, || {
            admin::try_create_topic(world, topic, PARTITIONS, 1, &[]).is_ok()
        });
    });
    let words = format!("topic {topic} was deleted and made anew during the run");
    assert!(verdict.reasons.iter().any(|why| why.starts_with(&words)), "{verdict:?}");
}

fn stranger(world: &World) {
    let plan = on_a_topic(world, 6);
    let group = &plan.apps[0].group;
    let verdict = disturbed(world, &plan, || {
        let seen = Seen::default();
        let properties = [("client.id", "somebody else")];
        let guest = Member::join(world, &plan.topic.name, group, &seen, &properties);
        await_until("it has partitions", PATIENCE, || guest.assigned() > 0);
        thread::sleep(Duration::from_millis(2_500));
        guest.leave();
    });
    let words = format!(
        "group {group} has a member that is not this run's (client.id \"somebody else\" at "
    );
    let mut told = verdict.reasons.iter().chain(&verdict.flags);
    let line = told.find(|line| line.starts_with(&words));
    assert!(line.is_some_and(|line| line.contains(" with partition")), "{verdict:?}");
    // Nobody takes the run's own workers for strangers.
    let others =
        verdict.reasons.iter().chain(&verdict.flags).filter(|line| line.contains("member"));
    assert_eq!(others.count(), 1, "{verdict:?}");
}

/// A cluster that lets nobody make topics lets a run use one.
fn reused(_: &World) {
    let world = &World::embedded(&BrokerConfig::default()).unwrap();
    let plan = on_a_topic(world, 1);
    let made = || world.broker().stats().requests.get("CreateTopics").copied().unwrap_or(0);
    let before = made();
    assert!(before > 0);
    try_run(world, &plan, LoopbackHooks::default()).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(made(), before, "asked to make a topic that is there");
}
