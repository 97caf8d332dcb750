//! Room for a batch: taken, or made of what every group has read.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use super::shared::BrokerState;

/// Takes room for a batch; false when there is none, and none can be made.
pub(super) fn take(shared: &BrokerState, bytes: u64) -> bool {
    let memory = &shared.memory;
    if memory.try_take(bytes) {
        return true;
    }
    let turn = memory.reclaiming.lock().unwrap_or_else(PoisonError::into_inner);
    if memory.try_take(bytes) {
        return true;
    }
    // More than is needed now, so that not every batch has to come here.
    reclaim(shared, bytes.max(memory.limit_bytes / 16));
    drop(turn);
    memory.try_take(bytes)
}

pub(super) fn reclaim(shared: &BrokerState, bytes: u64) {
    let mut missing = bytes;
    for topic in shared.topics.all() {
        let Some(floors) = shared.groups.read_floors(&topic.name) else {
            continue;
        };
        for (index, partition) in (0..).zip(topic.partitions()) {
            let Some(&floor_offset) = floors.get(&index) else {
                continue;
            };
            let freed = partition.lock().reclaim(floor_offset, missing);
            shared.memory.release(freed);
            shared.memory.dropped_bytes.fetch_add(freed, Ordering::Relaxed);
            missing = missing.saturating_sub(freed);
            if missing == 0 {
                return;
            }
        }
    }
}
