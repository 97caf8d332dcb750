//! The native client's members in groups whose broker shares the partitions out (KIP-848): a real
//! Kafka only.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::Duration;

use crate::admin::await_until;
use crate::client::{PATIENCE, Rec};
use crate::probe::Probe;
use crate::runs::{constant, plan};
use crate::sender::Sender;
use crate::world::{Kind, QUICK_GROUPS, World};
use kbench::client::facts::BrokerKind;
use kbench::client::library::Endpoint;
use kbench::client::target::Target;
use kbench::client::{Place, connect};
use kbench::plan::{ClientKind, Plan};
use kbench::workers::consume::Source;

const PARTITIONS: i32 = 6;

pub fn probes() -> Vec<Probe> {
    let probe = |name, run| Probe::new(name, run).only(&[]).natively(&[Kind::Kafka]);
    vec![
        probe("native_groups::members_that_come_and_go_read_each_record_once", come_and_go),
        probe("native_groups::a_static_member_restarts_without_a_rebalance", restart),
        probe("native_groups::what_the_broker_refuses_is_said_in_one_line", refused),
    ]
}

/// A plan of one application on a topic, by the native client, and where it is carried out.
struct Group {
    plan: Plan,
    target: Arc<dyn Target>,
}

impl Group {
    fn new(world: &World, (topic, group): (&str, &str), properties: &[(&str, &str)]) -> Self {
        let text = constant(1, 1, "poisson")
            + "[apps.analytics]\n[kafka.consumer]\n\"group.protocol\" = \"consumer\"\n";
        let mut plan = plan(world, &text);
        plan.topic.name = topic.to_owned();
        plan.apps[0].group = group.to_owned();
        let owned = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
        plan.kafka.consumer.extend(properties.iter().map(owned));
        assert_eq!(plan.kafka.client, ClientKind::Native);
        let target = connect(Place::Brokers(Endpoint {
            kind: BrokerKind::Kafka,
            bootstrap: world.bootstrap(),
            topic,
            kafka: &plan.kafka,
            reads_only: false,
        }));
        Self { target: target.unwrap(), plan }
    }

    fn member(&self) -> Box<dyn Source> {
        self.target.source(&self.plan, &self.plan.apps[0]).unwrap()
    }
}

/// What all members have read: partition and offset.
type Taken = Arc<Mutex<Vec<(i32, i64)>>>;

/// Polls once; gives how many records came.
fn poll(source: &mut dyn Source, taken: &Taken) -> usize {
    let mut found = Vec::new();
    let mut each = |it: &kbench::event::Arrival<'_>| found.push((it.partition, it.offset));
    let count = source.poll(64, Duration::from_millis(20), &mut each).unwrap();
    taken.lock().unwrap().extend(found);
    count
}

/// One member reads all the time; two others come, read a while, and go, three times over, while
/// records are written.
fn come_and_go(shared: &World) {
    let world = &World::fresh(shared.kind(), 1, QUICK_GROUPS).by(shared.client());
    for assignor in ["uniform", "range"] {
        let (topic, group) = (world.topic("moved", PARTITIONS), world.name("moved"));
        let properties = [("group.remote.assignor", assignor)];
        let place = Group::new(world, (&topic, &group), &properties);
        let (taken, stop) = (Taken::default(), AtomicBool::new(false));
        let all_written = OnceLock::new();
        let (written, changes, own) = thread::scope(|scope| {
            let writer = scope.spawn(|| {
                let (mut sender, mut count) = (Sender::new(world, &[]), 0);
                while !stop.load(Ordering::Relaxed) {
                    for partition in 0..PARTITIONS {
                        sender.send(&topic, &Rec::at(partition, format!("{count}")));
                        count += 1;
                    }
                    thread::sleep(Duration::from_millis(5));
                }
                sender.settle();
                all_written.set(count).unwrap();
                count
            });
            let first = scope.spawn(|| {
                let mut source = place.member();
                while !stop.load(Ordering::Relaxed) {
                    poll(&mut *source, &taken);
                }
                await_until("all is read", PATIENCE, || {
                    poll(&mut *source, &taken);
                    let count = taken.lock().unwrap().len();
                    all_written.get().is_some_and(|all| count >= usize::try_from(*all).unwrap())
                });
                // And nothing more.
                for _ in 0..20 {
                    poll(&mut *source, &taken);
                }
                source.membership().history(i64::MAX).0.len()
            });
            let guest = || {
                let (mut source, mut own) = (place.member(), 0);
                for _ in 0..3 {
                    let mut here = 0;
                    await_until("the guest reads", PATIENCE, || {
                        here += poll(&mut *source, &taken);
                        here > 200
                    });
                    drop(source);
                    source = place.member();
                    own += here;
                }
                own
            };
            let guests = [scope.spawn(guest), scope.spawn(guest)];
            let own = guests.map(|guest| guest.join().unwrap());
            stop.store(true, Ordering::Relaxed);
            (writer.join().unwrap(), first.join().unwrap(), own)
        });
        let mut taken = taken.lock().unwrap().clone();
        taken.sort_unstable();
        let each = written / PARTITIONS;
        let all = (0..PARTITIONS)
            .flat_map(|partition| (0..i64::from(each)).map(move |offset| (partition, offset)));
        assert_eq!(taken, all.collect::<Vec<_>>(), "{assignor}: {own:?}");
        // It had all, lost some, and had all again; how often, depends on who came when.
        assert!(changes >= 3, "{assignor}: {changes} changes of the first one's partitions");
    }
}

/// Members with names of their own: one goes and comes back, and has what it had; the other one
/// sees nothing of it.
fn restart(world: &World) {
    let (topic, group) = (world.topic("static", PARTITIONS), world.name("static"));
    let place = |name: &str| Group::new(world, (&topic, &group), &[("group.instance.id", name)]);
    let (one, two) = (place("one"), place("two"));
    let (mut mover, mut stayer) = (one.member(), two.member());
    let taken = Taken::default();
    let half = usize::try_from(PARTITIONS).unwrap() / 2;
    let settle = |mover: &mut dyn Source, stayer: &mut dyn Source| {
        await_until("each has its half", PATIENCE, || {
            poll(mover, &taken);
            poll(stayer, &taken);
            mover.assigned() == Some(half) && stayer.assigned() == Some(half)
        });
        // Which partitions it has: those that it reads something of.
        let mut sender = Sender::new(world, &[]);
        (0..PARTITIONS).for_each(|partition| sender.send(&topic, &Rec::at(partition, "here")));
        sender.settle();
        let (own, other) = (Taken::default(), Taken::default());
        await_until("all is read", PATIENCE, || {
            poll(mover, &own);
            poll(stayer, &other);
            own.lock().unwrap().len() + other.lock().unwrap().len() == PARTITIONS as usize
        });
        let own = own.lock().unwrap();
        own.iter().map(|(partition, _)| *partition).collect::<BTreeSet<i32>>()
    };
    let before = settle(&mut *mover, &mut *stayer);
    let seen = stayer.membership().history(i64::MAX).0.len();
    for _ in 0..2 {
        drop(mover);
        for _ in 0..50 {
            poll(&mut *stayer, &Taken::default());
        }
        mover = one.member();
        assert_eq!(settle(&mut *mover, &mut *stayer), before);
        assert_eq!(stayer.membership().history(i64::MAX).0.len(), seen, "no rebalance");
    }
    // One of the same name may not come beside it.
    let mut rival = one.member();
    let why = refusal(&mut *rival);
    assert!(why.contains("another member has the name \"one\" (group.instance.id)"), "{why}");
}

fn refusal(source: &mut dyn Source) -> String {
    let mut why = None;
    await_until("a refusal", PATIENCE, || {
        why = source.poll(1, Duration::from_millis(50), &mut |_| ()).err();
        why.is_some()
    });
    why.unwrap().to_string()
}

fn refused(world: &World) {
    let (topic, group) = (world.topic("refused", 1), world.name("refused"));
    let place = Group::new(world, (&topic, &group), &[("group.remote.assignor", "sticky")]);
    let why = refusal(&mut *place.member());
    assert!(why.contains("no assignor \"sticky\" (group.remote.assignor); expected one"), "{why}");
}
