//! What a broker must do, shown alike on the embedded broker and on Apache Kafka.

mod codecs;
mod faults;
mod groups;
mod idempotence;
mod limits;
mod produce;
mod read;
mod rebalance;
mod tools;
mod topics;
mod worlds;

use crate::probe::Probe;

/// All conformance probes; those that take longest come first.
pub fn probes() -> Vec<Probe> {
    let themes = [
        faults::probes(),
        groups::probes(),
        limits::probes(),
        rebalance::probes(),
        tools::probes(),
        topics::probes(),
        produce::probes(),
        codecs::probes(),
        idempotence::probes(),
        read::probes(),
        worlds::probes(),
    ];
    themes.into_iter().flatten().collect()
}
