//! Idempotence on the wire: what the broker does with a batch that a retry repeats.

use bytes::{BufMut, BytesMut};

use crate::client::{Rec, read_all};
use crate::probe::Probe;
use crate::raw::{Appended, Connection, Origin, batch};
use crate::sender::produce;
use crate::world::World;

/// The protocol's error codes.
const CORRUPT_MESSAGE: i16 = 2;
const OUT_OF_ORDER_SEQUENCE: i16 = 45;

pub fn probes() -> Vec<Probe> {
    vec![
        Probe::new("idempotence::a_repeated_batch_is_one", repeated_batch),
        Probe::new("idempotence::a_gap_is_refused", gap),
        Probe::new("idempotence::without_it_repeats_stay", without_idempotence),
        Probe::new("idempotence::producers_are_apart", producers_are_apart),
        Probe::new("idempotence::a_corrupt_batch_is_refused", corrupt),
    ]
}

const fn at(offset: i64) -> Appended {
    Appended { error: 0, offset }
}

fn repeated_batch(world: &World) {
    let topic = world.topic("repeat", 1);
    let mut connection = Connection::open(world);
    let first = connection.init_producer();
    // Five batches may be under way at once, so each of the last five can come again.
    let batches: Vec<_> = (0..5).map(|n| batch(3, Origin { sequence: n * 3, ..first })).collect();
    for (n, batch) in (0..).zip(&batches) {
        assert_eq!(connection.append(&topic, batch.clone()), at(n * 3));
    }
    for (n, batch) in (0..).zip(&batches) {
        assert_eq!(connection.append(&topic, batch.clone()), at(n * 3), "the same offset again");
    }
    // The next one follows as if nothing had been repeated.
    assert_eq!(connection.append(&topic, batch(1, Origin { sequence: 15, ..first })), at(15));
    read_all(world, &topic, 16);
}

fn gap(world: &World) {
    let topic = world.topic("gap", 1);
    let mut connection = Connection::open(world);
    let first = connection.init_producer();
    assert_eq!(connection.append(&topic, batch(2, first)), at(0));
    let beyond = batch(1, Origin { sequence: 5, ..first });
    assert_eq!(connection.append(&topic, beyond).error, OUT_OF_ORDER_SEQUENCE);
    assert_eq!(connection.append(&topic, batch(1, Origin { sequence: 2, ..first })), at(2));
    read_all(world, &topic, 3);
}

fn without_idempotence(world: &World) {
    let topic = world.topic("plain", 1);
    let mut connection = Connection::open(world);
    let batch = batch(2, Origin::NONE);
    assert_eq!(connection.append(&topic, batch.clone()), at(0));
    assert_eq!(connection.append(&topic, batch), at(2));
    let values: Vec<String> =
        read_all(world, &topic, 4).iter().map(|rec| rec.text().to_owned()).collect();
    assert_eq!(values, ["0", "1", "0", "1"]);
}

fn producers_are_apart(world: &World) {
    let topics = [world.topic("apart", 1), world.topic("apart", 1)];
    let mut connection = Connection::open(world);
    let (one, two) = (connection.init_producer(), connection.init_producer());
    assert_ne!(one.id, two.id);
    assert_eq!(connection.append(&topics[0], batch(1, one)), at(0));
    assert_eq!(connection.append(&topics[0], batch(1, two)), at(1), "another producer");
    assert_eq!(connection.append(&topics[1], batch(1, one)), at(0), "another partition");
    read_all(world, &topics[0], 2);
    read_all(world, &topics[1], 1);
}

fn corrupt(world: &World) {
    let topic = world.topic("corrupt", 1);
    let mut connection = Connection::open(world);
    let good = batch(2, Origin::NONE);
    let mut bad = BytesMut::from(&good[..good.len() - 1]);
    // The last byte counts the last record's headers.
    bad.put_u8(good[good.len() - 1] ^ 0x02);
    assert_eq!(connection.append(&topic, bad.freeze()).error, CORRUPT_MESSAGE);
    assert_eq!(produce(world, &topic, &[], &[Rec::at(0, "0")]), [(0, 0)], "nothing was kept");
}
