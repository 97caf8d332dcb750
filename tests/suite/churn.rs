//! Answers stay the same, to the byte, whoever comes and goes: a calm run beside runs in which
//! members join the groups and leave, die, and make records come again.
//!
//! Every probe asserts that the disturbance happened, in every group and during the load.

use std::sync::OnceLock;
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::admin::{await_until, inquirer};
use crate::client::{self, PATIENCE};
use crate::group::{Member, MemberProcess, Seen};
use crate::pipeline::assert_sound;
use crate::probe::Probe;
use crate::runs::{constant, plan, run, try_run};
use crate::world::{Kind, QUICK_GROUPS, World};
use kbench::broker::config::BrokerConfig;
use kbench::client::loopback::hooks::LoopbackHooks;
use kbench::plan::metric::Metric;
use kbench::result::compare::value;
use kbench::result::{AppResult, RunResult};

const BROKERS: &[Kind] = &[Kind::Embedded, Kind::Kafka];

const PARTITIONS: i32 = 6;

const WORKERS: usize = 2;

/// How long a member may be silent before it is taken for dead.
const SESSION_MS: i32 = 2_000;

/// In place of a strategy: the broker shares the partitions out (KIP-848).
const BY_BROKER: &str = "by the broker";

const HEARTBEAT: (&str, &str) = ("heartbeat.interval.ms", "300");

pub fn probes() -> Vec<Probe> {
    let probe = |name, run| Probe { limit: Duration::from_secs(150), ..Probe::new(name, run) };
    let both = |name, run| probe(name, run).only(BROKERS).natively(BROKERS);
    vec![
        both("churn::guests_that_come_and_go_change_no_answer", guests),
        probe("churn::guests_beside_native_workers_change_no_answer", native)
            .only(&[])
            .natively(&[Kind::Kafka]),
        // Short sessions: beside seven others a member may be taken for dead again and again.
        both("churn::a_calm_run_has_no_rebalance", calm),
        // A member that died is the broker's to find out: for the second client one is enough.
        probe("churn::a_killed_member_changes_no_answer", killed)
            .only(BROKERS)
            .natively(&[Kind::Kafka])
            .alone(),
        // A Kafka that thaws may serve the heartbeats before it ends the sessions. librdkafka gives
        // up by its own clock; the native client believes the broker, and then nothing comes again.
        probe("churn::workers_taken_for_dead_change_no_answer", given_up)
            .only(BROKERS)
            .natively(&[Kind::Embedded])
            .alone(),
        both("churn::records_that_come_again_change_no_answer", rewound),
        probe("churn::workers_that_die_and_come_back_change_no_answer", dying)
            .only(&[Kind::Loopback]),
    ]
}

fn scenario(strategy: &str) -> String {
    let mut text = constant(1_000, 12, "poisson").replace("[load]", "[load]\nproducers = 2");
    text.push_str("[population]\nusers = 300\nthink_median = \"20ms\"\n");
    text.push_str(&format!("[topic]\npartitions = {PARTITIONS}\n"));
    for app in ["analytics", "fraud", "dashboard", "behavior"] {
        text.push_str(&format!("[apps.{app}]\nworkers = {WORKERS}\n"));
    }
    text.push_str("[kafka.consumer]\n");
    for (name, value) in sharing(strategy) {
        text.push_str(&format!("\"{name}\" = \"{value}\"\n"));
    }
    text
}

/// The properties of a member of a group that shares its partitions out in this way.
fn sharing(strategy: &str) -> Vec<(&str, &str)> {
    match strategy {
        BY_BROKER => vec![("group.protocol", "consumer")],
        _ => vec![("partition.assignment.strategy", strategy), HEARTBEAT],
    }
}

/// Each application's summary, as it is saved.
fn answers(result: &RunResult) -> Vec<(String, String)> {
    assert_sound(result);
    let summary = |app: &AppResult| {
        (app.name.clone(), serde_json::to_string(app.summary.as_ref().unwrap()).unwrap())
    };
    result.apps.iter().map(summary).collect()
}

/// Holds a disturbed run against a calm one, which needs no broker at all.
fn assert_like_a_calm_run(result: &RunResult) {
    static CALM: OnceLock<Vec<(String, String)>> = OnceLock::new();
    let calm = CALM.get_or_init(|| {
        let world = World::shared(Kind::Loopback).unwrap();
        let result = run(world, &scenario("range"));
        assert!(result.ledger.apps.iter().all(|app| app.redeliveries == 0));
        answers(&result)
    });
    assert_eq!(calm.len(), 4);
    for (calm, now) in calm.iter().zip(answers(result)) {
        assert_eq!(*calm, now);
    }
}

/// A run while it goes on, as its disturber sees it.
struct Scene<'a> {
    world: &'a World,
    topic: String,
    groups: Vec<String>,
    strategy: &'static str,
    asker: BaseConsumer,
}

impl Scene<'_> {
    /// The records in the topic so far, probes too.
    fn records(&self) -> i64 {
        records(&self.asker, &self.topic)
    }

    /// Does the same in every group, at once.
    fn in_each_group<T: Send>(&self, what: impl Fn(&str) -> T + Sync) -> Vec<T> {
        thread::scope(|scope| {
            let threads: Vec<_> =
                self.groups.iter().map(|group| scope.spawn(|| what(group))).collect();
            threads.into_iter().map(joined).collect()
        })
    }

    /// One more member of a group, that commits nothing, once it has read something.
    fn guest(&self, group: &str) -> Member {
        let seen = Seen::default();
        let mut properties = sharing(self.strategy);
        properties.push(("enable.auto.commit", "false"));
        let guest = Member::join(self.world, &self.topic, group, &seen, &properties);
        await_until("the guest reads", PATIENCE, || {
            guest.assigned() > 0 && !seen.counts().is_empty()
        });
        guest
    }
}

/// The records in a topic so far.
fn records(asker: &BaseConsumer, topic: &str) -> i64 {
    (0..PARTITIONS).map(|partition| end(asker, topic, partition)).sum()
}

/// A new topic's leaders, and a broker that was away, are not there at once.
fn end(asker: &BaseConsumer, topic: &str, partition: i32) -> i64 {
    let began = Instant::now();
    loop {
        match asker.fetch_watermarks(topic, partition, PATIENCE) {
            Ok((_, end)) => return end,
            Err(error) => assert!(began.elapsed() < PATIENCE, "partition {partition}: {error}"),
        }
        thread::sleep(Duration::from_millis(50));
    }
}

/// What a thread gave, or its panic.
fn joined<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// A run that is disturbed once its load has begun, and the disturber's words.
fn disturbed<T: Send>(
    world: &World,
    strategy: &'static str,
    more: &str,
    disturb: impl Fn(&Scene<'_>) -> T + Sync,
) -> (RunResult, T) {
    let mut plan = plan(world, &(scenario(strategy) + more));
    plan.topic.reuse = true;
    plan.topic.name = world.topic("churn", PARTITIONS);
    let groups = plan.apps.iter().map(|app| app.group.clone()).collect();
    let scene =
        Scene { world, topic: plan.topic.name.clone(), groups, strategy, asker: inquirer(world) };
    let (result, said, records) = thread::scope(|scope| {
        let disturber = scope.spawn(|| {
            await_until("the load has begun", PATIENCE, || scene.records() > 1_000);
            (disturb(&scene), scene.records())
        });
        let result = try_run(world, &plan, LoopbackHooks::default());
        let (said, records) = joined(disturber);
        (result.unwrap_or_else(|error| panic!("{error}")).result, said, records)
    });
    let offered = i64::try_from(result.ledger.offered).unwrap();
    assert!(records < offered, "the load was over before the disturbance: {records} of {offered}");
    assert_like_a_calm_run(&result);
    (result, said)
}

/// Two guests in each group at a time, and that twice: partitions move eight times.
fn guests(world: &World) {
    for strategy in ["range", "cooperative-sticky"] {
        visited(world, strategy, "");
    }
}

/// The guests are librdkafka's: both clients are members of the same groups. Every worker commits
/// what it gives up, so nothing comes twice.
fn native(shared: &World) {
    let world = &World::fresh(shared.kind(), 1, QUICK_GROUPS).by(shared.client());
    for strategy in [BY_BROKER, "range", "cooperative-sticky"] {
        let result = visited(world, strategy, "");
        for app in &result.ledger.apps {
            assert_eq!(app.redeliveries, 0, "{strategy}: {app:?}");
        }
    }
}

fn visited(world: &World, strategy: &'static str, more: &str) -> RunResult {
    let (result, ()) = disturbed(world, strategy, more, |scene| {
        for _ in 0..2 {
            scene.in_each_group(|group| {
                let first = scene.guest(group);
                let second = scene.guest(group);
                first.leave();
                second.leave();
            });
        }
    });
    // Two guests that come, and one that leaves before the other, twice over. A broker that shares
    // out takes what a guest gets from one worker, and may give it to the next guest: the workers
    // see that it has gone, and that it comes back in the end.
    let least = if strategy == BY_BROKER { 1.0 } else { 4.0 };
    for app in &result.apps {
        assert!(rebalances(&result, app) >= least, "{strategy}: {:?}", app.members);
    }
    result
}

/// As thresholds and tables have it.
fn rebalances(result: &RunResult, app: &AppResult) -> f64 {
    let metric = Metric::find(&format!("{}.rebalances", app.name), [app.name.as_str()]).unwrap();
    value(&metric, result).unwrap()
}

/// Nobody comes or goes: joining, before the schedule, and leaving, after it, are no rebalances.
fn calm(world: &World) {
    let text = scenario("range").replace("duration = \"12s\"", "duration = \"3s\"");
    let result = run(world, &text);
    for app in &result.apps {
        let partitions: usize = app.members.iter().map(|member| member.partitions).sum();
        assert_eq!((app.members.len(), partitions), (WORKERS, PARTITIONS as usize));
        assert!(rebalances(&result, app) < 0.5, "{:?}", app.members);
    }
}

/// A world of its own, whose broker takes members for dead that are silent for a short while.
fn impatient(shared: &World) -> World {
    let (kind, least) = (shared.kind(), SESSION_MS.to_string());
    let world = match kind {
        Kind::Kafka => World::fresh(kind, 1, &[("group.min.session.timeout.ms", &least)]),
        _ => World::embedded(&BrokerConfig {
            session_timeout_min_ms: SESSION_MS,
            ..BrokerConfig::default()
        })
        .unwrap(),
    };
    world.by(shared.client())
}

/// A member of each group gets its share of the partitions and dies. They lie there until its
/// session ends.
fn killed(shared: &World) {
    let world = &impatient(shared);
    // Both wait for a session's end: they do it side by side.
    thread::scope(|scope| {
        let one = scope.spawn(|| killed_with(world, "range"));
        killed_with(world, "cooperative-sticky");
        joined(one);
    });
}

fn killed_with(world: &World, strategy: &'static str) {
    let session = SESSION_MS.to_string();
    let (result, ()) = disturbed(world, strategy, "", |scene| {
        let properties = [
            ("partition.assignment.strategy", scene.strategy),
            ("session.timeout.ms", &session),
            ("enable.auto.commit", "false"),
            ("auto.offset.reset", "earliest"),
            HEARTBEAT,
        ];
        scene.in_each_group(|group| {
            let victim = MemberProcess::join(world, &scene.topic, group, &properties);
            victim.await_assigned(PARTITIONS as usize / (WORKERS + 1));
            victim.kill();
        });
    });
    for app in &result.apps {
        // Its last heartbeat was up to an interval before its end.
        let longest_ms = app.end_to_end.max_ns.unwrap() / 1_000_000;
        assert!(longest_ms > i64::from(SESSION_MS) - 500, "{}: {longest_ms} ms", app.name);
    }
}

/// The broker answers nobody for longer than a session lasts: every worker loses its partitions
/// without having committed anything, and joins again. What was read comes again from its start.
fn given_up(shared: &World) {
    let world = impatient(shared);
    let more =
        format!("\"session.timeout.ms\" = {SESSION_MS}\n\"auto.commit.interval.ms\" = 600000\n");
    for strategy in ["range", "cooperative-sticky"] {
        let (result, read) = disturbed(&world, strategy, &more, |scene| {
            let read = scene.records();
            // Shorter than dev/kafka's `broker.session.timeout.ms` of 4 s: a broker that its own
            // controller takes for dead is another story.
            world.pause_broker(Duration::from_millis(SESSION_MS as u64 * 3 / 2));
            read
        });
        for app in &result.ledger.apps {
            // At the pause, each group had read what was there, but for a moment's worth.
            assert!(app.redeliveries > read as u64 / 2, "{read}: {app:?}");
        }
    }
}

/// A member of each group takes partitions, commits their very beginning, and leaves.
fn rewound(world: &World) {
    for strategy in ["range", "cooperative-sticky"] {
        let (result, (topic, rewound)) = disturbed(world, strategy, "", |scene| {
            (scene.topic.clone(), scene.in_each_group(|group| rewind(scene, group)))
        });
        // They come again too, and are no events.
        let probes = records(&inquirer(world), &topic) as u64 - result.ledger.acked;
        for (app, rewound) in result.ledger.apps.iter().zip(rewound) {
            let events = rewound.saturating_sub(probes);
            assert!(events > 0 && app.redeliveries >= events, "{events}: {app:?}");
        }
    }
}

/// Joins a group, winds its partitions back, and leaves. Gives how many records come again.
fn rewind(scene: &Scene<'_>, group: &str) -> u64 {
    let properties = [("partition.assignment.strategy", scene.strategy), HEARTBEAT];
    let consumer = client::consumer(scene.world, group, &properties);
    consumer.subscribe(&[&scene.topic]).unwrap();
    await_until("partitions to wind back", PATIENCE, || {
        let _ = consumer.poll(Duration::from_millis(20));
        consumer.assignment().unwrap().count() > 0
    });
    let committed = consumer.committed(PATIENCE).unwrap();
    let mut beginning = TopicPartitionList::new();
    let mut records = 0;
    for element in committed.elements() {
        if let Offset::Offset(offset) = element.offset() {
            records += u64::try_from(offset).unwrap();
        }
        beginning
            .add_partition_offset(element.topic(), element.partition(), Offset::Offset(0))
            .unwrap();
    }
    consumer.commit(&beginning, CommitMode::Sync).unwrap();
    records
}

/// Each worker dies after every twenty batches without committing the last one, and joins anew:
/// partitions move, and the other worker may read them before the dead one has come to its end.
fn dying(world: &World) {
    let plan = plan(world, &scenario("range"));
    let die_after = plan.apps.iter().map(|app| (app.group.clone(), 20)).collect();
    let faults = LoopbackHooks { die_after, ..LoopbackHooks::default() };
    let result = try_run(world, &plan, faults).unwrap_or_else(|error| panic!("{error}")).result;
    for app in &result.ledger.apps {
        assert!(app.redeliveries > 20, "{app:?}");
    }
    for app in &result.apps {
        assert!(rebalances(&result, app) > 1.0, "{:?}", app.members);
    }
    assert_like_a_calm_run(&result);
}
