//! Rebalances under load: members come and go, and no record is lost, read twice or out of order.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::client::Rec;
use crate::group::{Member, Seen, await_assigned};
use crate::probe::Probe;
use crate::sender::Sender;
use crate::world::World;

pub fn probes() -> Vec<Probe> {
    vec![
        Probe::new("rebalance::range", |world| one_two_one(world, "range")),
        Probe::new("rebalance::cooperative", |world| {
            one_two_one(world, "cooperative-sticky");
        }),
    ]
}

/// One member, then two, then one again, while 2,000 records a second are produced.
fn one_two_one(world: &World, strategy: &str) {
    let topic = world.topic("rebalance", 6);
    let (group, seen) = (world.name("rebalance"), Seen::default());
    let properties = [("partition.assignment.strategy", strategy)];
    let join = || Member::join(world, &topic, &group, &seen, &properties);
    let end = AtomicBool::new(false);
    let first = join();
    await_assigned(&[&first], &[6]);
    let count = thread::scope(|scope| {
        let load = scope.spawn(|| load(world, &topic, &end));
        thread::sleep(Duration::from_millis(500));
        let second = join();
        await_assigned(&[&first, &second], &[3, 3]);
        thread::sleep(Duration::from_millis(700));
        second.leave();
        await_assigned(&[&first], &[6]);
        thread::sleep(Duration::from_millis(500));
        end.store(true, Ordering::Relaxed);
        load.join().expect("the load")
    });
    assert!(count > 1_000, "only {count} records");
    seen.assert_each_once(count);
}

/// Sends numbered records until the end, and returns how many.
fn load(world: &World, topic: &str, end: &AtomicBool) -> usize {
    let mut sender = Sender::new(world, &[]);
    let mut count = 0;
    while !end.load(Ordering::Relaxed) {
        for _ in 0..20 {
            sender.send(topic, &Rec::at((count % 6) as i32, count.to_string()));
            count += 1;
        }
        thread::sleep(Duration::from_millis(10));
    }
    let receipts = sender.settle();
    assert!(receipts.iter().all(|receipt| receipt.outcome.is_ok()), "all are acknowledged");
    count
}
