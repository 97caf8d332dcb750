//! A group of several processes that changes while events come.

use std::thread::{self, sleep};
use std::time::Duration;

use super::parts::{Broker, ends_well, join, report};

#[test]
fn a_process_that_joins_while_events_come_is_a_rebalance_of_its_group() {
    let folder = tempfile::tempdir().unwrap();
    let records = folder.path().join("records");
    let broker = Broker::start();
    let first = broker.consumer(&records, &["analytics"]);
    join();
    thread::scope(|scope| {
        let late = scope.spawn(|| {
            sleep(Duration::from_secs(2));
            broker.consumer(&records, &["analytics"])
        });
        // The first member hears of it with its next heartbeat, within three seconds.
        let apps = "apps.run=[\"analytics\"]";
        broker.produce(&records, &["--set", apps, "--set", "load.duration=\"10s\""]);
        ends_well(vec![first, late.join().unwrap()]);
    });
    let (_, merged) = report(&records);
    let members = merged["apps"][0]["members"].as_array().unwrap();
    let of = |name: &str| members.iter().map(|it| it[name].as_u64().unwrap()).collect::<Vec<_>>();
    let partitions = merged["broker"]["topic"]["partitions"].as_u64().unwrap();
    assert_eq!(of("partitions").iter().sum::<u64>(), partitions, "{members:?}");
    assert!(of("partitions").iter().all(|&has| has > 0), "both have some: {members:?}");
    assert!(of("rebalances").iter().any(|&saw| saw > 0), "{members:?}");
}
