//! The harness watches itself: when it or the machine was the limit, the result says so.

mod broker;
mod ceiling;
mod cost;
mod here;
mod hiccups;
mod host;
pub mod process;
mod roster;
mod sampler;
mod steady;
mod threads;

pub(super) use broker::local_brokers;
pub(super) use ceiling::ceiling_per_s;
pub use here::is_local;
pub(super) use hiccups::{Meter, MeterSeen, cores_to_watch};
pub(super) use roster::{Kind, Roster};
pub(super) use sampler::{Sampler, Seen};
pub(super) use steady::drifts;
