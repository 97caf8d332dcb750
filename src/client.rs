//! What a run is against: brokers, by one of the clients, or a loopback in this process. Whoever is
//! outside of this folder knows `Target` and no client.

mod applied;
pub mod connect;
pub mod embedded;
pub mod facts;
pub mod library;
pub mod librdkafka;
pub mod loopback;
pub mod native;
pub mod stranger;
pub mod target;
pub mod topic_reader;

pub use connect::{CHECKERS, Place, connect, library};

#[cfg(test)]
pub(crate) mod tests;
