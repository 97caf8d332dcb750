//! What a broker's stop cost somebody who is not a part of kbench: one record at a time, beside the
//! run. Host and broker hold it up as they do the run, and kbench's figures are held against it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use crate::client::{self, PATIENCE};
use crate::world::World;

/// From one record's answer to the next record.
const PAUSE: Duration = Duration::from_millis(5);

/// Sends until `over`. Gives the time in which whoever sent something waited for its answer for
/// longer than `limit`: a record that took 600 ms stands for the 500 ms before the last 100.
pub fn watch(world: &World, limit: Duration, over: &AtomicBool) -> Duration {
    let topic = world.topic("canary", 1);
    let producer: BaseProducer =
        client::config(world, &[("linger.ms", "0")]).create().expect("a producer");
    let mut slow = Duration::ZERO;
    while !over.load(Ordering::Relaxed) {
        // From the end of the last sleep as it was meant: what the host takes counts, too.
        let began = Instant::now();
        std::thread::sleep(PAUSE);
        producer.send(BaseRecord::<(), _>::to(&topic).payload("tick")).expect("a place in line");
        while producer.in_flight_count() > 0 {
            assert!(began.elapsed() < PATIENCE, "no answer");
            producer.poll(Duration::from_millis(1));
        }
        slow += began.elapsed().saturating_sub(PAUSE + limit);
    }
    slow
}
