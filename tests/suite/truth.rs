//! What became of every event, and what the clients and the broker really were: asked of the log
//! and of the broker, and compared with what somebody else finds there.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::Offset;
use rdkafka::consumer::Consumer;
use rdkafka::metadata::MetadataPartition;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use crate::probe::Probe;
use crate::runs::{above, constant, plan, run, run_with, try_run};
use crate::world::{Kind, World};
use crate::{admin, client};
use kbench::client::facts::BrokerKind;
use kbench::client::library::Endpoint;
use kbench::client::loopback::hooks::{LoopbackHooks, WriteHook};
use kbench::client::topic_reader::scan::ScanUntil;
use kbench::client::{Place, connect};
use kbench::event::PROBE_SHARD;
use kbench::event::codec::StampPlace;
use kbench::event::format::PayloadFormat;
use kbench::plan::{ClientKind, KafkaPlan};
use kbench::workers::produce::RecordRef;

/// Places without a broker, where faults can be planted.
const LOOPBACK: &[Kind] = &[Kind::Loopback];

const BROKERS: &[Kind] = &[Kind::Embedded, Kind::Kafka];

/// How long the broker is frozen, and after what time the producer gives an event up.
const FROZEN: Duration = Duration::from_secs(8);
const TIMEOUT_MS: u32 = 3_000;

pub fn probes() -> Vec<Probe> {
    vec![
        Probe::new("truth::lost_and_withheld_are_told_apart", lost_and_withheld).only(LOOPBACK),
        Probe::new("truth::what_timed_out_is_looked_up", looked_up).only(LOOPBACK),
        Probe::new("truth::every_timed_out_event_is_settled_by_the_log", frozen_broker)
            .only(&[Kind::Kafka])
            .natively(&[Kind::Kafka])
            .alone(),
        Probe::new("truth::lag_in_seconds_is_the_age_of_what_is_unread", lag_in_seconds)
            .only(LOOPBACK)
            .alone(),
        Probe::new("truth::clients_and_broker_are_read_back", read_back).natively(BROKERS),
        // The native client refuses whatever is secret.
        Probe::new("truth::no_secret_is_saved", no_secret).only(&[Kind::Embedded]),
        // By librdkafka's reader in any case.
        Probe::new("truth::a_topic_is_read_again_as_a_whole_or_says_why_not", read_again),
        Probe::new("truth::the_broker_s_ends_and_ours_agree_unless_a_stranger_writes", strangers)
            .natively(BROKERS),
    ]
}

/// Law 4. Three acknowledged events are never written, two are withheld from one application and
/// one of those from another too: exactly these, by name.
fn lost_and_withheld(world: &World) {
    let mut plan = plan(world, &constant(1_000, 2, "uniform"));
    plan.load.producers = 2;
    let write = [(0, 100), (1, 101), (0, 777)].map(|slot| (slot, WriteHook::Drop));
    let hide = HashMap::from([
        (plan.apps[1].group.clone(), vec![(0, 5)]),
        (plan.apps[3].group.clone(), vec![(0, 5), (1, 500)]),
    ]);
    let faults = LoopbackHooks { write: HashMap::from(write), hide, ..LoopbackHooks::default() };
    let result = try_run(world, &plan, faults).unwrap().result;
    let names = |slots: &[kbench::measure::ledger::Slots]| -> Vec<(u16, u64)> {
        slots.iter().map(|slot| (slot.shard, slot.seq)).collect()
    };
    let ledger = &result.ledger;
    assert_eq!((ledger.lost, names(&ledger.lost_named)), (3, vec![(0, 100), (0, 777), (1, 101)]));
    let withheld: Vec<_> = ledger.apps.iter().map(|app| names(&app.skipped_named)).collect();
    assert_eq!(withheld, [vec![], vec![(0, 5)], vec![], vec![(0, 5), (1, 500)]]);
    for app in &ledger.apps {
        assert_eq!(app.missing, ledger.lost + app.skipped);
        assert_eq!(ledger.acked, app.seen + app.missing);
    }
    let log = "acknowledged events are missing: they are in the log, and it was not given them";
    assert_eq!(
        result.verdict.reasons,
        [
            "3 acknowledged events were never in the log (0/100, 0/777, 1/101)".to_owned(),
            format!("fraud: 1 {log} (0/5)"),
            format!("behavior: 2 {log} (0/5, 1/500)"),
        ]
    );
}

/// Law 4. An event whose answer got lost and that no application is shown: only the log knows.
fn looked_up(world: &World) {
    let plan = plan(world, &constant(1_000, 1, "uniform"));
    let hide = plan.apps.iter().map(|app| (app.group.clone(), vec![(0, 30)])).collect();
    let write = HashMap::from([((0, 30), WriteHook::Lose), ((0, 31), WriteHook::Lose)]);
    let result = try_run(world, &plan, LoopbackHooks { write, hide, ..LoopbackHooks::default() })
        .unwrap()
        .result;
    let ledger = &result.ledger;
    assert_eq!((ledger.unknown, ledger.unknown_written), (2, 2));
    assert_eq!((ledger.unknown_not_written, ledger.unknown_unsettled), (0, 0));
    assert_eq!((result.ack.count, result.ack.never_delivered), (1_000, 0), "both were written");
    assert!(ledger.apps.iter().all(|app| (app.missing, app.skipped_unacked) == (0, 1)));
    // All that was sent is in the log and was read: that the answer got lost is not a fault.
    let write = HashMap::from([((0, 31), WriteHook::Lose)]);
    let faults = LoopbackHooks { write, ..LoopbackHooks::default() };
    let result = run_with(world, &constant(1_000, 1, "uniform"), faults);
    assert_eq!(result.ledger.unknown_written, 1);
    assert_eq!(result.verdict.reasons, Vec::<String>::new());
}

/// Law 4 with a broker that is frozen for longer than an event may take: what timed out ends as
/// failed or unknown, every unknown is settled, and the log holds what the ledger says.
///
/// librdkafka may double events meanwhile, idempotent or not: where the first of a request times
/// out, the others go again under a new epoch, and the broker may write the request, too. So it is
/// counted by somebody else, too. The native client gives up such a request as a whole.
fn frozen_broker(world: &World) {
    // A broker that its own controller takes for dead is another story.
    let patient = [("broker.session.timeout.ms", "60000")];
    let world = World::fresh(Kind::Kafka, 1, &patient).by(world.client());
    let mut text = constant(1_000, 20, "uniform");
    // The topic outlives the run, so that somebody else can count.
    text.push_str(&format!(
        "[topic]\nreuse = true\n[kafka.producer]\nmessage.timeout.ms = {TIMEOUT_MS}\n"
    ));
    let mut plan = plan(&world, &text);
    plan.topic.name = world.topic("frozen", plan.topic.partitions);
    let result = thread::scope(|scope| {
        scope.spawn(|| {
            // Some seconds of the load's twenty: it has to outlast the halt by what the broker
            // needs to be itself again.
            let asker = admin::inquirer(&world);
            let end = |partition| {
                let ends = asker.fetch_watermarks(&plan.topic.name, partition, client::PATIENCE);
                ends.map_or(0, |(_, end)| end)
            };
            admin::await_until("the load has begun", client::PATIENCE, || {
                (0..plan.topic.partitions).map(end).sum::<i64>() > 2_000
            });
            world.pause_broker(FROZEN);
        });
        try_run(&world, &plan, LoopbackHooks::default()).unwrap().result
    });
    let ledger = &result.ledger;
    assert!(ledger.closes, "{:?}", result.verdict.reasons);
    let timed_out = ledger.failed + ledger.unknown;
    assert!(timed_out > 1_000, "only {timed_out} timed out");
    // Law 2. What timed out has no end; or, found in the log, an acknowledgement of at least that.
    let never = ledger.offered - ledger.acked - ledger.unknown_written;
    assert_eq!((result.ack.count, result.ack.never_delivered), (ledger.offered, never));
    // By the native client's clock a batch times out as Java's do, by its first event: the last of
    // a full one, 16 KiB at some 170 events of 600 bytes a second, came up to 160 ms later.
    let younger_ms = match world.client() {
        ClientKind::Librdkafka => 10,
        ClientKind::Native => 250,
    };
    let slow = above(&result.ack, u64::from(TIMEOUT_MS) - younger_ms);
    assert!(slow >= ledger.unknown_written, "{slow} of {}", ledger.unknown_written);
    for (app, ticks) in result.apps.iter().zip(&ledger.apps) {
        let unseen = ledger.offered - ticks.seen;
        assert_eq!(app.end_to_end.never_delivered, unseen, "{}", app.name);
        assert_eq!(app.end_to_end.count, ledger.offered, "{}", app.name);
    }
    assert!(ledger.unknown > 0, "none was on its way");
    assert_eq!(ledger.unknown, ledger.unknown_written + ledger.unknown_not_written);
    let rescan = ledger.rescan.as_ref().expect("a re-scan");
    assert_eq!(rescan.cut_short, None, "{:?}", result.verdict);
    assert_eq!((ledger.unknown_unsettled, ledger.failed_written), (0, 0));
    let (found, doubled) = events_in(&world, &plan.topic.name);
    assert_eq!(found, ledger.acked + ledger.unknown_written);
    assert_eq!((rescan.events, rescan.doubled), (found, doubled));
    assert!(doubled == 0 || world.client() == ClientKind::Librdkafka, "{doubled} were doubled");
    for app in &ledger.apps {
        assert_eq!((app.missing, app.skipped_unacked), (0, 0));
        assert_eq!((app.seen, app.duplicates), (found, doubled));
    }
    let not_written = ledger.failed + ledger.unknown_not_written;
    let mut reasons = vec![format!("{not_written} events were sent and not written")];
    let told = result.apps.iter().filter(|_| doubled > 0);
    reasons.extend(told.map(|app| format!("{}: {doubled} events were doubled", app.name)));
    assert_eq!(result.verdict.reasons, reasons);
}

/// One application sleeps for 1.5 s at 1,000/s: its lag in seconds is how long it has slept so
/// far, and its lag in records is what came meanwhile; the others have none.
fn lag_in_seconds(world: &World) {
    let text = format!("{}[measure]\ninterval = \"100ms\"\n", constant(1_000, 4, "uniform"));
    let plan = plan(world, &text);
    let nap = ((0, 1_000), Duration::from_millis(1_500));
    let nap = HashMap::from([(plan.apps[2].group.clone(), nap)]);
    let result =
        try_run(world, &plan, LoopbackHooks { nap, ..LoopbackHooks::default() }).unwrap().result;
    assert_eq!(result.verdict.reasons, Vec::<String>::new());
    let lags = |app: usize| {
        result.series.iter().filter_map(move |interval| {
            let row = &interval.apps[app];
            Some((interval.from_s + 0.1, row.lag_records?, row.lag_s?))
        })
    };
    let asleep: Vec<_> = lags(2).filter(|(at_s, ..)| (1.2..=2.4).contains(at_s)).collect();
    assert!(asleep.len() >= 10, "{asleep:?}");
    for (at_s, records, seconds) in asleep {
        // Looked at a tick after the interval's end at the earliest.
        assert!((seconds - (at_s - 1.0)).abs() < 0.15, "{seconds} s at {at_s} s");
        assert!((records as f64 / 1_000.0 - seconds).abs() < 0.1, "{records} and {seconds} s");
    }
    let max_s = |app| lags(app).map(|(.., seconds)| seconds).fold(0.0, f64::max);
    assert!((1.3..1.8).contains(&max_s(2)), "{}", max_s(2));
    for app in [0, 1, 3] {
        assert!(max_s(app) < 0.3, "application {app}: {}", max_s(app));
    }
    let after = lags(2).filter(|(at_s, ..)| *at_s > 3.0).map(|(.., seconds)| seconds);
    let after: Vec<f64> = after.collect();
    assert!(after.len() >= 5 && after.iter().all(|seconds| *seconds < 0.3), "{after:?}");
}

/// Our receipts and the broker's high watermarks say the same about where the partitions end; a
/// foreign producer on the topic makes them differ, and the run says so.
fn strangers(world: &World) {
    let result = run(world, &constant(500, 2, "uniform"));
    let lag = result.end_lag.expect("the broker was asked");
    assert_eq!((lag.beyond(), &lag.acked_ends), (0, &lag.broker_ends));
    assert_eq!((&lag.by_receipts, &lag.by_broker), (&vec![0; 4], &vec![0; 4]));
    assert_eq!(result.verdict.reasons, Vec::<String>::new());
    let flagged = |flag: &String| flag.ends_with("somebody else writes to the topic");
    assert!(!result.verdict.flags.iter().any(flagged), "{:?}", result.verdict.flags);

    let text = format!("{}[topic]\nreuse = true\n", constant(500, 3, "uniform"));
    let plan = plan(world, &text);
    admin::create_topic(world, &plan.topic.name, plan.topic.partitions, &[]);
    let over = AtomicBool::new(false);
    let result = thread::scope(|scope| {
        scope.spawn(|| {
            let producer: BaseProducer = client::config(world, &[]).create().unwrap();
            while !over.load(Ordering::Relaxed) {
                for partition in 0..plan.topic.partitions {
                    let record = BaseRecord::<[u8], [u8]>::to(&plan.topic.name);
                    // A full queue is no matter: there are always more.
                    let _ = producer.send(record.partition(partition).payload(b"a stranger's"));
                }
                producer.poll(Duration::from_millis(1));
            }
        });
        let result = try_run(world, &plan, LoopbackHooks::default());
        over.store(true, Ordering::Relaxed);
        result.unwrap().result
    });
    assert_eq!(result.verdict.reasons, Vec::<String>::new());
    assert!(result.verdict.flags.iter().any(flagged), "{:?}", result.verdict.flags);
    assert!(result.ledger.apps.iter().all(|app| app.foreign > 0 && app.missing == 0));
}

/// Law 9. The result has what the clients and the broker say of themselves, not what the plan
/// wanted of them.
fn read_back(world: &World) {
    let mut text = constant(200, 1, "uniform");
    text.push_str(
        "[topic.configs]\n\"min.insync.replicas\" = 1\n\"max.message.bytes\" = 2000000\n\
         [kafka.producer]\nlinger.ms = 7\ncompression.type = \"gzip\"\n\
         [kafka.consumer]\nfetch.min.bytes = 3\n",
    );
    let result = run(world, &text);
    assert_eq!(result.verdict.reasons, Vec::<String>::new());
    let names: Vec<&str> = result.clients.iter().map(|client| client.client.as_str()).collect();
    let of =
        |name: &str| &result.clients.iter().find(|found| found.client == name).unwrap().properties;
    assert_eq!(names.len(), 5, "{names:?}");
    let producer = of("producer");
    assert_eq!((&*producer["linger.ms"], &*producer["compression.type"]), ("7", "gzip"));
    // Nobody set it: enable.idempotence brings it.
    assert_eq!(producer["max.in.flight.requests.per.connection"], "5");
    let fraud = of("fraud");
    assert_eq!(&*fraud["fetch.min.bytes"], "3");
    // One that kbench sets without being asked, and one that nobody sets.
    let (name, value) = match world.client() {
        ClientKind::Librdkafka => ("enable.auto.offset.store", "false"),
        ClientKind::Native => ("heartbeat.interval.ms", "3000"),
    };
    assert_eq!(&*fraud[name], value);
    assert_ne!(fraud["group.id"], of("analytics")["group.id"]);

    let topic = &result.broker.topic;
    assert_eq!((&*topic.configs["max.message.bytes"], &topic.replicas), ("2000000", &vec![1; 6]));
    assert!(topic.configs.contains_key("cleanup.policy"), "{:?}", topic.configs);
    assert_eq!((topic.leaders.len(), &result.broker.leaders_after), (6, &topic.leaders));
    // The embedded broker is another cluster at each start.
    assert_eq!(result.broker.cluster_id.is_some(), world.kind() == Kind::Kafka);
    let version = &result.broker.versions[0];
    let expected = match world.kind() {
        // What `dev/kafka` fetches.
        Kind::Kafka => "Kafka 4.3".to_owned(),
        _ => format!("kbench {}", env!("CARGO_PKG_VERSION")),
    };
    assert_eq!((result.broker.release(), &version.unknown), (Some(&*expected), &None));
    assert_eq!(version.metadata_version.is_some(), world.kind() == Kind::Kafka);
    assert_eq!(version.broker, result.broker.advertised[0]);
}

/// No secret that a client was given is in any file of the result.
fn no_secret(world: &World) {
    let mut plan = plan(world, &constant(200, 1, "uniform"));
    for side in [&mut plan.kafka.producer, &mut plan.kafka.consumer] {
        side.insert("sasl.username".to_owned(), "somebody".to_owned());
        // Not used on a plain connection, and known to every client all the same.
        side.insert("sasl.password".to_owned(), "hunter2-and-more".to_owned());
    }
    let finished = try_run(world, &plan, LoopbackHooks::default()).unwrap();
    let text = serde_json::to_string(&finished.result).unwrap();
    assert!(text.contains("somebody") && !text.contains("hunter2"));
    for client in &finished.result.clients {
        assert_eq!(client.properties["sasl.password"], "***", "{}", client.client);
    }
}

/// The reading after the run: the run's part and nothing else, in the time that it has.
fn read_again(world: &World) {
    let topic = world.topic("again", 2);
    let producer: BaseProducer = client::config(world, &[]).create().unwrap();
    for number in 0..1_000 {
        let payload = format!("{number}");
        let record = BaseRecord::<[u8], [u8]>::to(&topic).partition(number % 2);
        producer.send(record.payload(payload.as_bytes())).unwrap();
    }
    producer.flush(client::PATIENCE).unwrap();
    let scan = |starts: [i64; 2], patience: Duration| {
        let mut found = Vec::new();
        let mut each = |record: &RecordRef<'_>| {
            let text = std::str::from_utf8(record.payload.unwrap()).unwrap();
            found.push(text.parse::<i32>().unwrap());
        };
        let (kind, bootstrap, topic) = (BrokerKind::Kafka, world.bootstrap(), topic.as_str());
        let none = BTreeMap::new();
        let client = ClientKind::Librdkafka;
        let kafka = &KafkaPlan {
            bootstrap_servers: None,
            client,
            client_reason: None,
            producer: none.clone(),
            consumer: none,
        };
        let endpoint = Endpoint { kind, bootstrap, topic, kafka, reads_only: true };
        let target = connect(Place::Brokers(endpoint)).unwrap();
        let mut reader = target.reader(None, StampPlace::Payload).unwrap();
        let until = ScanUntil { deadline: Instant::now() + patience, stop: &|| false };
        let why = reader.scan(&starts, &until, &mut each);
        found.sort_unstable();
        (found, why.unwrap())
    };
    assert_eq!(scan([0, 0], client::PATIENCE), ((0..1_000).collect(), None));
    // The run began where the topic was used before.
    assert_eq!(scan([499, 500], client::PATIENCE), (vec![998], None));
    let (found, why) = scan([0, 0], Duration::ZERO);
    assert_eq!((found, &*why.unwrap()), (vec![], "1000 records were not read in time"));
    admin::delete_records(world, &topic, 1, 100);
    let (found, why) = scan([0, 0], client::PATIENCE);
    assert_eq!(found.len(), 900);
    let expected = "records 0 to 99 of partition 1 were deleted before";
    assert_eq!(why.as_deref(), Some(expected));
}

/// How many different events a topic holds, and how many more of the same, by a reader of the
/// test's own.
pub fn events_in(world: &World, topic: &str) -> (u64, u64) {
    let reader = client::reader(world, topic, &[], &[]);
    let metadata = reader.fetch_metadata(Some(topic), client::PATIENCE).unwrap();
    let partitions: Vec<i32> =
        metadata.topics()[0].partitions().iter().map(MetadataPartition::id).collect();
    let high =
        |&partition: &i32| reader.fetch_watermarks(topic, partition, client::PATIENCE).unwrap().1;
    let total: i64 = partitions.iter().map(high).sum();
    let from: Vec<_> = partitions.iter().map(|&p| (p, Offset::Beginning)).collect();
    let reader = client::reader(world, topic, &from, &[]);
    let (mut events, mut read, mut doubled) = (HashSet::new(), 0, 0);
    let began = Instant::now();
    while read < total {
        assert!(began.elapsed() < client::PATIENCE, "read {read} of {total}");
        let Some(record) = client::next(&reader, Duration::from_millis(100)) else {
            continue;
        };
        read += 1;
        let codec = PayloadFormat::Json.codec();
        if let Some(stamp) = codec.stamp(None, record.value.as_deref())
            && stamp.shard != PROBE_SHARD
        {
            doubled += u64::from(!events.insert((stamp.run, stamp.shard, stamp.seq)));
        }
    }
    (events.len() as u64, doubled)
}
