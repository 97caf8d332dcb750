//! kbench's own client: what a cluster can do, where librdkafka shows what services feel.
//!
//! Events are written straight into the open batch of their partition; one thread waits for
//! sockets and timers, without a lock, a copy or a wake-up for each event.

mod answer;
mod backoff;
mod connection;
mod link;
mod metadata;
mod network;
mod settings;
mod versions;

