//! The harness watches itself: when it or the machine was the limit, the result says so.

mod broker;
mod ceiling;
mod cost;
mod here;
mod hiccups;
mod host;
pub mod process;
mod sampler;
pub mod stability;
pub mod thread_registry;
mod threads;

pub(super) use broker::local_brokers;
pub(super) use ceiling::ceiling_per_s;
pub use here::is_local;
pub(super) use hiccups::{Meter, MeterSeen, cores_to_watch};
pub(super) use sampler::{Sampler, WatchSeen};
pub(super) use stability::{drifts, steady};
pub(super) use thread_registry::{ThreadKind, ThreadRegistry};
