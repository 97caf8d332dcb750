//! kbench's own client: what a cluster can do, where librdkafka shows what services feel.
//!
//! Events are written straight into the open batch of their partition; one thread waits for
//! sockets and timers, without a lock, a copy or a wake-up for each event.

mod administration;
mod answer;
mod assign;
mod backoff;
mod complaint;
mod connection;
mod fetch;
mod fetch_session;
mod fetched;
mod fetcher;
mod group;
mod group_thread;
mod library;
mod link;
mod list_offsets;
mod metadata;
mod network;
mod notes;
mod own_members;
mod places;
#[cfg(test)]
mod raw;
mod settings;
mod sink;
mod source;
mod target;
mod versions;
mod wanted;

pub use library::Native;
pub use sink::NativeSink;
pub use source::NativeSource;
