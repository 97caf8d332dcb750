//! What a test plants.

use std::collections::HashMap;
use std::time::Duration;

use super::delay::Delays;

/// A fault planted at one event when it is written, by its shard and sequence number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteHook {
    /// Acknowledged, but not written.
    Drop,
    /// Written twice, at two offsets.
    Double,
    /// Written after the next event of its partition.
    Swap,
    /// Written cut in half.
    Cut,
    /// Written as a purchase, whatever it was.
    Forge,
    /// Not written, and said so.
    Fail,
    /// Written, but the answer got lost.
    Lose,
    /// Written only so long after the answer got lost.
    Late(Duration),
    /// Written, and never answered in any way.
    Mute,
    /// Refused as if the client's queue were full.
    Full,
    /// Refused as an event that the client would never take.
    Reject,
}

/// What is planted.
#[derive(Debug, Default)]
pub struct LoopbackHooks {
    /// At writing, by shard and sequence number.
    pub write: HashMap<(u16, u64), WriteHook>,
    /// Never shown to the group of this name.
    pub hide: HashMap<String, Vec<(u16, u64)>>,
    /// Before this event (shard, sequence number) is written, the sink sleeps so many ns.
    pub stall: Option<((u16, u64), u64)>,
    /// Before the group of this name is given this event (shard, sequence number), the member that
    /// would get it sleeps for so long, once.
    pub nap: HashMap<String, ((u16, u64), Duration)>,
    /// The members of the group of this name join only after this time.
    pub join_after: HashMap<String, Duration>,
    /// After so many batches each member of the group of this name dies: its last batch is not
    /// committed, and a new member joins in its place.
    pub die_after: HashMap<String, u64>,
    /// How long everything takes.
    pub delays: Delays,
}
