//! Groups: joining, leaving, committing, resuming, and members that die.

use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::admin::await_until;
use crate::client::{PATIENCE, Rec, consumer, read, read_nothing};
use crate::group::{Member, MemberProcess, Seen, await_assigned};
use crate::probe::Probe;
use crate::raw::{Connection, Origin, batch};
use crate::sender::{Sender, produce};
use crate::world::World;

pub fn probes() -> Vec<Probe> {
    vec![
        Probe::new("groups::a_killed_member_is_replaced", killed_member),
        Probe::new("groups::join_and_leave", join_and_leave),
        Probe::new("groups::resume_inside_a_batch", resume_inside_a_batch),
        Probe::new("groups::four_at_once", four_at_once),
        Probe::new("groups::committed_is_shared", committed_is_shared),
        Probe::new("groups::listed_and_described", listed_and_described),
        Probe::new("groups::more_members_than_partitions", more_members),
    ]
}

fn join_and_leave(world: &World) {
    let topic = world.topic("join", 6);
    let (group, seen) = (world.name("join"), Seen::default());
    let join = || Member::join(world, &topic, &group, &seen, &[]);
    let start = Instant::now();
    let one = join();
    await_assigned(&[&one], &[6]);
    let took = start.elapsed();
    // `group.initial.rebalance.delay.ms` is 0 in both worlds.
    assert!(took < Duration::from_millis(2_500), "the first assignment took {took:?}");
    let two = join();
    await_assigned(&[&one, &two], &[3, 3]);
    let three = join();
    await_assigned(&[&one, &two, &three], &[2, 2, 2]);
    one.leave();
    await_assigned(&[&two, &three], &[3, 3]);
    three.leave();
    await_assigned(&[&two], &[6]);
}

fn more_members(world: &World) {
    let topic = world.topic("idle", 2);
    let (group, seen) = (world.name("idle"), Seen::default());
    let members: Vec<Member> =
        (0..3).map(|_| Member::join(world, &topic, &group, &seen, &[])).collect();
    let total = || members.iter().map(Member::assigned).sum::<usize>();
    await_until("two partitions are shared out", PATIENCE, || total() == 2);
    let recs: Vec<Rec> = (0..100).map(|n: i32| Rec::at(n % 2, n.to_string())).collect();
    produce(world, &topic, &[], &recs);
    seen.assert_each_once(100);
}

fn killed_member(world: &World) {
    // The shortest session that Kafka allows by default.
    let session = Duration::from_secs(6);
    let timing = [("session.timeout.ms", "6000"), ("heartbeat.interval.ms", "500")];
    let topic = world.topic("killed", 6);
    let (group, seen) = (world.name("killed"), Seen::default());
    let victim = MemberProcess::join(world, &topic, &group, &timing);
    victim.await_assigned(6);
    let heir = Member::join(world, &topic, &group, &seen, &timing);
    victim.await_assigned(3);
    await_assigned(&[&heir], &[3]);
    victim.kill();
    let start = Instant::now();
    await_until("the heir has all partitions", PATIENCE, || heir.assigned() == 6);
    let took = start.elapsed();
    // The last heartbeat was at most one interval ago when the victim died.
    assert!(took > session - Duration::from_millis(1_000), "taken over early, after {took:?}");
    assert!(took < session + Duration::from_millis(3_500), "taken over late, after {took:?}");
    let recs: Vec<Rec> = (0..60).map(|n: i32| Rec::at(n % 6, n.to_string())).collect();
    produce(world, &topic, &[], &recs);
    seen.assert_each_once(60);
}

fn subscribed(world: &World, topic: &str, group: &str) -> BaseConsumer {
    let consumer = consumer(world, group, &[]);
    consumer.subscribe(&[topic]).expect("a subscription");
    consumer
}

fn resume_inside_a_batch(world: &World) {
    let topic = world.topic("resume", 1);
    let group = world.name("resume");
    let appended = Connection::open(world).append(&topic, batch(100, Origin::NONE));
    assert_eq!((appended.error, appended.offset), (0, 0));
    for from in [0_usize, 40, 41, 80] {
        let to = match from {
            0 => 40,
            40 => 41,
            41 => 80,
            _ => 100,
        };
        let consumer = subscribed(world, &topic, &group);
        for (rec, number) in read(&consumer, to - from).iter().zip(from..) {
            assert_eq!((rec.offset, rec.text()), (number as i64, number.to_string().as_str()));
        }
        consumer.store_offset(&topic, 0, to as i64 - 1).expect("an offset stored");
        consumer.commit_consumer_state(CommitMode::Sync).expect("a commit");
    }
    read_nothing(&subscribed(world, &topic, &group), Duration::from_millis(1_500));
}

fn four_at_once(world: &World) {
    let topic = world.topic("four", 6);
    let groups: Vec<(Seen, Vec<Member>)> = (1..=4)
        .map(|size| {
            let (group, seen) = (world.name("four"), Seen::default());
            let join = |_| Member::join(world, &topic, &group, &seen, &[]);
            let members = (0..size).map(join).collect();
            (seen, members)
        })
        .collect();
    for (_, members) in &groups {
        let shared = || members.iter().map(Member::assigned).collect::<Vec<_>>();
        await_until("every member has its share", PATIENCE, || {
            shared().iter().sum::<usize>() == 6 && shared().iter().all(|&count| count > 0)
        });
    }
    let count = 20_000;
    let mut sender = Sender::new(world, &[]);
    for number in 0..count {
        sender.send(&topic, &Rec::keyed(format!("user {}", number % 97), number.to_string()));
    }
    sender.settle();
    for (seen, _) in &groups {
        seen.assert_each_once(count);
    }
}

fn committed_is_shared(world: &World) {
    let topic = world.topic("committed", 2);
    let group = world.name("committed");
    let committed = |group: &str| {
        let mut list = TopicPartitionList::new();
        list.add_partition_range(&topic, 0, 1);
        let asker = consumer(world, group, &[]);
        let found = asker.committed_offsets(list, PATIENCE).expect("committed offsets");
        let offset = |n| found.find_partition(&topic, n).expect("the partition").offset();
        (offset(0), offset(1))
    };
    assert_eq!(committed(&group), (Offset::Invalid, Offset::Invalid), "nothing yet");

    let recs: Vec<Rec> = (0..10).map(|n| Rec::at(0, n.to_string())).collect();
    produce(world, &topic, &[], &recs);
    let member = subscribed(world, &topic, &group);
    read(&member, 10);
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(&topic, 0, Offset::Offset(7)).expect("a partition");
    member.commit(&list, CommitMode::Sync).expect("a commit");

    assert_eq!(committed(&group), (Offset::Offset(7), Offset::Invalid));
    assert_eq!(committed(&world.name("other")), (Offset::Invalid, Offset::Invalid));
    drop(member);
    assert_eq!(committed(&group), (Offset::Offset(7), Offset::Invalid), "after it has left");
    let rest = read(&subscribed(world, &topic, &group), 3);
    assert_eq!(rest[0].text(), "7");
}

fn listed_and_described(world: &World) {
    let topic = world.topic("listed", 2);
    let (group, seen) = (world.name("listed"), Seen::default());
    let member = Member::join(world, &topic, &group, &seen, &[("client.id", "known")]);
    await_assigned(&[&member], &[2]);
    let asker = consumer(world, &world.name("asker"), &[]);
    let list = asker.fetch_group_list(Some(&group), PATIENCE).expect("the group");
    let found = list.groups().iter().find(|found| found.name() == group).expect("the group");
    assert_eq!((found.state(), found.protocol_type()), ("Stable", "consumer"));
    assert_eq!(found.protocol(), "range");
    assert_eq!(found.members().len(), 1);
    assert_eq!(found.members()[0].client_id(), "known");
    let all = asker.fetch_group_list(None, PATIENCE).expect("all groups");
    assert!(all.groups().iter().any(|found| found.name() == group), "in the list of all");
    member.leave();
    let list = asker.fetch_group_list(Some(&group), PATIENCE).expect("the group");
    assert_eq!(list.groups()[0].state(), "Empty");
}
