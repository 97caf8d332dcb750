//! Members that leave at the same time, again and again.

use std::collections::BTreeMap;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::client::Rec;
use crate::probe::Probe;
use crate::sender::produce;
use crate::world::{Kind, World};
use kbench::client::librdkafka::{ClientLog, KafkaSource};
use kbench::event::codec::StampPlace;
use kbench::workers::consume::Source;

pub fn probes() -> Vec<Probe> {
    // A hang of librdkafka's.
    let probe = Probe::new("leaving::members_that_leave_at_once_hang_nobody", leaving);
    vec![Probe { limit: Duration::from_secs(150), ..probe.only(&[Kind::Embedded]) }]
}

/// How many members leave at the same time, and how often.
const LEAVING: (usize, usize) = (48, 60);

/// A member that closes is told that its partitions are taken, while its client ends its part in
/// the group: what it then asks of the client may never be answered. It hung in one of 4,000
/// endings here, and in one of 150 beside other work.
fn leaving(world: &World) {
    let topic = world.topic("leaving", 4);
    let recs: Vec<_> = (0..4_000).map(|i| Rec::at(i % 4, "a record")).collect();
    produce(world, &topic, &[], &recs);
    let (done, is_done) = mpsc::channel();
    for member in 0..LEAVING.0 {
        let (done, topic) = (done.clone(), topic.clone());
        let (bootstrap, group) = (world.bootstrap().to_owned(), world.name("leaving"));
        thread::spawn(move || {
            for _ in 0..LEAVING.1 {
                let log = ClientLog::default();
                let first = ("auto.offset.reset".to_owned(), "earliest".to_owned());
                let properties = BTreeMap::from([first]);
                let who = (&log, "a member");
                let read = (topic.as_str(), StampPlace::Payload);
                let mut source =
                    KafkaSource::new(&bootstrap, &properties, read, &group, who).unwrap();
                while source.poll(1, Duration::from_millis(10), &mut |_| ()).unwrap() == 0 {}
                source.commit().unwrap();
                drop(source);
            }
            done.send(member).unwrap();
        });
    }
    for left in (1..=LEAVING.0).rev() {
        let ended = is_done.recv_timeout(Duration::from_secs(30));
        assert!(ended.is_ok(), "{left} of {} members never came back", LEAVING.0);
    }
}
