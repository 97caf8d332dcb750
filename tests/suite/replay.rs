//! A recorded topic as the load: what was recorded comes again, whole and at its own times.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use rdkafka::consumer::Consumer;
use rdkafka::{Offset, TopicPartitionList};

use crate::client::{PATIENCE, Rec, consumer, read, reader};
use crate::pipeline::assert_sound;
use crate::probe::Probe;
use crate::runs::{PROGRAM, constant, plan, try_run};
use crate::sender::Sender;
use crate::world::{Kind, World};
use kbench::base::error::ExitCode;
use kbench::client::loopback::hooks::LoopbackHooks;
use kbench::event::PROBE_SHARD;
use kbench::event::format::PayloadFormat;
use kbench::output::progress::Progress;
use kbench::plan::{Plan, ReplayPlan};
use kbench::result::RunResult;
use kbench::run;
use kbench::run::RunOptions;

const BROKERS: &[Kind] = &[Kind::Embedded, Kind::Kafka];

const EMBEDDED: &[Kind] = &[Kind::Embedded];

pub fn probes() -> Vec<Probe> {
    vec![
        Probe::new("replay::a_recorded_run_comes_again", comes_again).natively(BROKERS),
        Probe::new("replay::gaps_and_each_users_order_are_kept", gaps_are_kept).natively(BROKERS),
        // The recording is read by librdkafka in any case: one broker is enough for the sending.
        Probe::new("replay::a_foreign_recording_with_garbage", foreign).natively(EMBEDDED),
        Probe::new("replay::keys_that_are_not_the_user", other_keys).natively(EMBEDDED),
        Probe::new("replay::a_topic_is_replayed_into_itself", into_itself).natively(EMBEDDED),
        Probe::new("replay::an_interrupted_replay_is_partial_and_closes", interrupted)
            .natively(EMBEDDED),
        // Nothing is sent.
        Probe::new("replay::what_cannot_be_replayed_says_so", refused),
    ]
}

/// A run whose topic stays.
fn recorded(world: &World, text: &str) -> (Plan, RunResult) {
    let mut plan = plan(world, text);
    plan.topic.reuse = true;
    let result = try_run(world, &plan, LoopbackHooks::default()).unwrap().result;
    assert_sound(&result);
    (plan, result)
}

/// The plan of a replay: the text says the rest.
fn replay(world: &World, text: &str, topic: &str, speed: f64, warmup_ns: u64) -> Plan {
    let mut plan = plan(world, text);
    plan.topic.reuse = true;
    plan.load.phases.clear();
    plan.load.replay = Some(ReplayPlan { topic: topic.to_owned(), speed, warmup_ns });
    plan
}

fn again(world: &World, plan: &Plan) -> RunResult {
    let result =
        try_run(world, plan, LoopbackHooks::default()).unwrap_or_else(|error| panic!("{error}"));
    result.result
}

fn totals(result: &RunResult) -> Vec<String> {
    let json = |app: &kbench::result::AppResult| {
        serde_json::to_string(&app.summary.as_ref().unwrap().totals).unwrap()
    };
    result.apps.iter().map(json).collect()
}

/// Key, due time in µs, and the event behind its stamp, by partition and offset; no probes.
fn events(world: &World, topic: &str, partitions: i32, count: u64) -> Vec<(Vec<u8>, i64, Vec<u8>)> {
    let from: Vec<_> = (0..partitions).map(|partition| (partition, Offset::Beginning)).collect();
    let reader = reader(world, topic, &from, &[]);
    let began = std::time::Instant::now();
    let mut found = Vec::new();
    while (found.len() as u64) < count {
        assert!(began.elapsed() < PATIENCE, "{} of {count} events", found.len());
        let rec = read(&reader, 1).remove(0);
        let value = rec.value.unwrap();
        let codec = PayloadFormat::Json.codec();
        let stamp = codec.stamp(None, Some(&value)).unwrap();
        if stamp.shard != PROBE_SHARD {
            let key = rec.key.unwrap();
            let mut restamper = codec.restamper();
            let tail = restamper.take(None, &value).unwrap().tail.to_vec();
            found.push((key, stamp.due_wall_us, tail));
        }
    }
    found
}

/// The due times since the first, in order.
fn dues(events: &[(Vec<u8>, i64, Vec<u8>)]) -> Vec<i64> {
    let mut dues: Vec<i64> = events.iter().map(|(_, due_us, _)| *due_us).collect();
    dues.sort_unstable();
    let first = dues[0];
    dues.iter().map(|due_us| due_us - first).collect()
}

/// Each user's events, in their order.
fn by_user(events: Vec<(Vec<u8>, i64, Vec<u8>)>) -> BTreeMap<Vec<u8>, Vec<Vec<u8>>> {
    let mut users = BTreeMap::<_, Vec<_>>::new();
    for (user, _, event) in events {
        users.entry(user).or_default().push(event);
    }
    users
}

fn comes_again(world: &World) {
    let (plan, first) = recorded(world, &constant(2_000, 4, "poisson"));
    let topic = &plan.topic.name;
    let second = again(world, &replay(world, &constant(1, 1, "uniform"), topic, 2.0, 0));
    assert_sound(&second);
    assert_eq!(second.ledger.offered, first.ledger.offered);
    assert_eq!(totals(&second), totals(&first));
    let sums = |result: &RunResult| {
        let books = &result.books;
        (books.by_type, books.revenue_cents, books.carted_cents, books.sessions)
    };
    assert_eq!(sums(&second), sums(&first));
    assert_eq!(second.books.by_persona, [0; 3], "nobody knows them of a recording");

    let recording = second.recording.as_ref().unwrap();
    assert_eq!(&recording.topic, topic);
    assert_eq!(recording.events, first.ledger.offered);
    assert!(recording.probes >= first.partitions.len() as u64);
    assert_eq!((recording.read, recording.records), (recording.records, recording.read));
    assert_eq!(recording.read, recording.events + recording.probes);
    assert!(recording.skipped.is_empty() && recording.other_keys == 0);
    assert!((3.5..4.0).contains(&recording.span_s), "{}", recording.span_s);
    let [phase] = &second.phases[..] else { panic!("{:?}", second.phases) };
    assert_eq!((phase.name.as_str(), phase.warmup), ("replay", false));
    assert!((phase.to_s - recording.span_s / 2.0).abs() < 1e-5, "{phase:?}");
    assert!((phase.expected - recording.records as f64).abs() < 0.5, "{phase:?}");
    assert_eq!(second.ack.count, second.ledger.offered, "the last event is measured too");
    assert_eq!(second.plan["load"]["replay"]["speed"], 2.0);
    assert!(first.recording.is_none());
    assert!(
        kbench::output::summary::markdown(&second).contains(&format!("replayed topic {topic}"))
    );

    // Nobody's offsets were touched: not those of the name that librdkafka wants to have.
    let mut list = TopicPartitionList::new();
    list.add_partition_range(topic, 0, plan.topic.partitions - 1);
    let nobody = consumer(world, "kbench-replay", &[]);
    let offsets = nobody.committed_offsets(list, PATIENCE).unwrap();
    assert!(offsets.elements().iter().all(|place| place.offset() == Offset::Invalid));
}

fn gaps_are_kept(world: &World) {
    let (first, result) = recorded(world, &constant(1_500, 3, "poisson"));
    let count = result.ledger.offered;
    let text = constant(1, 1, "uniform").replace("[load]", "[load]\nproducers = 3");
    let second = replay(world, &text, &first.topic.name, 1.0, 1_000_000_000);
    let result = again(world, &second);
    assert_eq!(result.verdict.reasons, Vec::<String>::new());
    assert_eq!(result.ledger.offered, count);

    let before = events(world, &first.topic.name, first.topic.partitions, count);
    let after = events(world, &second.topic.name, second.topic.partitions, count);
    assert_eq!(dues(&after), dues(&before));
    // The warm-up is cut off by due time, and nothing else is.
    let measured = dues(&before).iter().filter(|&&due_us| due_us >= 1_000_000).count();
    assert_eq!(result.ack.count, measured as u64);
    let names: Vec<_> = result.phases.iter().map(|phase| (&*phase.name, phase.warmup)).collect();
    assert_eq!(names, [("warm-up", true), ("replay", false)]);
    assert_eq!(by_user(after), by_user(before));
}

/// Another program's records: fields in another order, no `event_id`, escapes, times of its own;
/// and between them what is not an event.
fn foreign(world: &World) {
    let topic = world.topic("foreign", 2);
    let mut sender = Sender::new(world, &[]);
    let mut expected_us = Vec::new();
    for number in 0..40 {
        let user = format!("u\u{e9}-{}", number % 4);
        let (at_ms, partition) = (number * 25 + number % 3, (number % 4 % 2) as i32);
        let kind = ["page_view", "purchase", "add_to_cart", "search"][number as usize % 4];
        let event = format!(
            "{{ \"properties\":{{\"price\":9.5,\"event_id\":\"in\\\"ner\"}},\n\"user_id\" :\"{}\",\
             \"session_id\":\"visit {}\",\"page_url\":\"/\",\"event_type\":\"{kind}\",\
             \"timestamp\":\"2024-03-01T12:00:{:02}.{:03}+02:00\"}}",
            user.replace('\u{e9}', "\\u00e9"),
            number / 20,
            at_ms / 1_000,
            at_ms % 1_000
        );
        expected_us.push(at_ms * 1_000);
        let key = (number % 5 > 0).then(|| user.clone().into_bytes());
        sender.send(&topic, &Rec { key, ..Rec::at(partition, event) });
        if number % 10 == 3 {
            sender.send(&topic, &Rec::at(partition, "{\"half\":"));
            sender.send(&topic, &Rec::at(1 - partition, "{\"user_id\":\"u\"}"));
            sender.send(&topic, &Rec { value: None, ..Rec::at(0, "") });
        }
    }
    sender.settle();
    let plan = replay(world, &constant(1, 1, "uniform"), &topic, 1.0, 0);
    let result = again(world, &plan);
    assert_sound(&result);
    assert_eq!(result.ledger.offered, 40);
    assert_eq!(result.books.by_type, [10, 0, 10, 10, 10]);
    assert_eq!(result.books.revenue_cents, 10 * 950);
    // Two visits of each of four users.
    assert_eq!(result.books.sessions, 8);
    let recording = result.recording.as_ref().unwrap();
    let skipped: Vec<_> =
        recording.skipped.iter().map(|(reason, count)| (reason.as_str(), *count)).collect();
    let reasons =
        [("no payload", 4), ("not JSON", 4), ("not an event: `session_id` is missing", 4)];
    assert_eq!(skipped, reasons);
    assert!(result.verdict.flags.iter().any(|flag| flag.starts_with("12 of 52 records")));
    assert_eq!(
        (recording.first.as_str(), recording.other_keys),
        ("2024-03-01T10:00:00.000000Z", 0)
    );
    let sent = events(world, &plan.topic.name, plan.topic.partitions, 40);
    assert_eq!(dues(&sent), expected_us);
    assert!(sent.iter().all(|(key, _, _)| key.starts_with("u\u{e9}-".as_bytes())));
}

/// Keyed by something else, one user's events spread over partitions: all are sent, and only
/// what follows users is left unchecked.
fn other_keys(world: &World) {
    let topic = world.topic("odd", 3);
    let mut sender = Sender::new(world, &[]);
    for number in 0..60 {
        let event = format!(
            "{{\"user_id\":\"u\",\"session_id\":\"s\",\"event_type\":\"click\",\"page_url\":\"/\",\
             \"timestamp\":\"2024-03-01T12:00:00.{:03}Z\"}}",
            number * 5
        );
        sender.send(&topic, &Rec::keyed(format!("key-{number}"), event));
    }
    sender.settle();
    let result = again(world, &replay(world, &constant(1, 1, "uniform"), &topic, 1.0, 0));
    assert_eq!(result.verdict.reasons, Vec::<String>::new());
    assert_eq!((result.ledger.offered, result.books.events), (60, 60));
    assert_eq!(result.recording.as_ref().unwrap().other_keys, 60);
    assert!(result.verdict.flags.iter().any(|flag| flag.contains("sessions are not checked")));
    assert!(result.partitions.iter().filter(|partition| partition.records > 0).count() > 1);
}

/// The recording ends where the topic ended when the run began, though the run writes to it.
fn into_itself(world: &World) {
    let (first, result) = recorded(world, &constant(1_000, 2, "uniform"));
    let mut plan = replay(world, &constant(1, 1, "uniform"), &first.topic.name, 4.0, 0);
    plan.topic.name = first.topic.name;
    for times in 1..3 {
        let again = again(world, &plan);
        assert_sound(&again);
        assert_eq!(again.ledger.offered, times * result.ledger.offered);
    }
}

fn interrupted(world: &World) {
    let (first, _) = recorded(world, &constant(500, 2, "uniform"));
    let plan = replay(world, &constant(1, 1, "uniform"), &first.topic.name, 0.02, 0);
    let signal = Arc::new(AtomicUsize::new(0));
    let folder = tempfile::tempdir().unwrap();
    let options = RunOptions {
        command_line: vec!["a test".to_owned()],
        program: PROGRAM.into(),
        results_dir: folder.path().to_owned(),
        signal: signal.clone(),
        remains: Arc::default(),
        loopback: None,
        start_wall_us: None,
        trial: None,
        race: None,
        actors: Vec::new(),
    };
    let result = thread::scope(|scope| {
        scope.spawn(|| {
            // Ready within 5 s; the replay itself would take 100 s.
            thread::sleep(Duration::from_secs(8));
            signal.store(130, Ordering::Relaxed);
        });
        run::run(&plan, "", options, &mut Progress::Quiet).unwrap().result
    });
    assert_eq!(result.verdict.interrupted_by, Some(130));
    assert_eq!(result.verdict.reasons, Vec::<String>::new());
    assert!(result.ledger.closes && result.checks.iter().all(kbench::result::Check::agrees));
    assert!((1..999).contains(&result.ledger.offered), "{}", result.ledger.offered);
}

fn refused(world: &World) {
    let refused = |plan: &Plan, code: ExitCode, words: &str| {
        let error = try_run(world, plan, LoopbackHooks::default()).unwrap_err();
        assert_eq!(error.exit_code(), code, "{error}");
        let text = error.to_string();
        assert!(text.contains(words) && !text.contains('\n'), "{text}");
    };
    let text = constant(1, 1, "uniform");
    let missing = world.name("missing");
    refused(&replay(world, &text, &missing, 1.0, 0), ExitCode::Broker, &missing);
    let empty = world.topic("empty", 2);
    refused(&replay(world, &text, &empty, 1.0, 0), ExitCode::Broker, "is empty");

    let garbage = world.topic("garbage", 1);
    let mut sender = Sender::new(world, &[]);
    for number in 0..2_000 {
        sender.send(&garbage, &Rec::at(0, format!("no event {number}")));
    }
    sender.settle();
    let plan = replay(world, &text, &garbage, 1.0, 0);
    refused(&plan, ExitCode::Invalid, "no event that can be sent again: 2000 records");

    let event = r#"{"user_id":"u","session_id":"s","event_type":"click","page_url":"/",
        "timestamp":"2024-03-01T12:00:00Z"}"#;
    sender.send(&garbage, &Rec::at(0, event));
    sender.settle();
    let plan = replay(world, &text, &garbage, 1.0, 5_000_000_000);
    refused(&plan, ExitCode::Usage, "leaves nothing to measure");

    let mut plan = replay(world, &text, &garbage, 1.0, 0);
    plan.kafka.bootstrap_servers = None;
    refused(&plan, ExitCode::Usage, "name the broker");
}
