//! Compression: what a producer packs, a consumer unpacks, and the broker leaves alone.

use kafka_protocol::records::{Compression, RecordBatchDecoder};

use crate::client::{Rec, read_all};
use crate::probe::Probe;
use crate::raw::Connection;
use crate::sender::produce;
use crate::world::World;

pub fn probes() -> Vec<Probe> {
    vec![
        Probe::new("codecs::none", |world| {
            round_trip(world, "none", Compression::None);
        }),
        Probe::new("codecs::gzip", |world| {
            round_trip(world, "gzip", Compression::Gzip);
        }),
        Probe::new("codecs::snappy", |world| {
            round_trip(world, "snappy", Compression::Snappy);
        }),
        Probe::new("codecs::lz4", |world| {
            round_trip(world, "lz4", Compression::Lz4);
        }),
        Probe::new("codecs::zstd", |world| {
            round_trip(world, "zstd", Compression::Zstd);
        }),
    ]
}

fn round_trip(world: &World, codec: &str, expected: Compression) {
    let topic = world.topic(codec, 1);
    let recs: Vec<Rec> = (0..1_000)
        .map(|number| Rec::at(0, format!("{number} {}", "the same again ".repeat(20))))
        .collect();
    let properties = [("compression.type", codec), ("linger.ms", "50")];
    produce(world, &topic, &properties, &recs);
    for (sent, got) in recs.iter().zip(read_all(world, &topic, recs.len())) {
        assert_eq!(sent.value, got.value);
    }
    let mut stored = Connection::open(world).fetch(&topic, 0);
    let batches = RecordBatchDecoder::decode_batch_info(&mut stored).expect("batches");
    assert!(batches.iter().all(|batch| batch.compression == expected), "{batches:?}");
}
