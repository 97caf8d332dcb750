//! An in-memory Kafka broker for tests, demonstrations and comparisons of clients.
//!
//! One node, one replica, no disk. It serves producers (idempotent ones too), consumers, consumer
//! groups of the classic protocol, and the administration of topics and groups. It has no
//! transactions, no new consumer protocol (KIP-848) and no TLS: those are what a real Kafka is for.
//!
//! It listens on 127.0.0.1 only. Anybody on the machine may connect and send anything: what is no
//! request closes its connection, and nothing else happens. Connections that are idle or slow are
//! closed after a time, and sooner where others need their place or their memory.
//!
//! Memory is bounded: a quarter of it, at most 256 MiB, is for requests that arrive, the rest for
//! records. When the bound is reached, batches go that every group of their topic has
//! committed past; if there are none, producers get the retriable error `NOT_ENOUGH_REPLICAS`.
//! Retention and compaction are kept as topic configs but never delete anything.

mod api;
mod batch;
pub mod client;
mod code;
mod commits;
pub mod config;
mod config_admin;
mod connection;
mod discovery;
mod dispatch;
mod fetch;
mod fetch_codec;
mod frame;
mod group;
mod group_admin;
#[cfg(test)]
mod group_tests;
mod groups;
pub mod hooks;
mod join;
mod log;
mod membership;
mod memory;
mod offsets;
mod produce;
mod rebalance;
pub mod reclaim;
mod seats;
mod sequence;
mod shared;
mod stats;
mod topic_admin;
mod topic_config;
mod topics;
mod wait;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

use self::shared::BrokerState;
pub use self::stats::BrokerStats;
use crate::base::error::{Error, Result};
pub use hooks::BrokerHooks;

use config::BrokerConfig;

/// How often rebalances and sessions are looked at for being over.
const TICK: Duration = Duration::from_millis(20);

/// A running broker. It stops when dropped, and what it held is gone.
#[derive(Debug)]
pub struct Broker {
    shared: Arc<BrokerState>,
    /// None only while stopping.
    runtime: Option<Runtime>,
}

impl Broker {
    /// Starts a broker on 127.0.0.1, on two threads of its own; it serves when this returns.
    ///
    /// # Errors
    /// [`Error::Broker`] when the port is taken or a setting makes no sense, [`Error::Io`] when
    /// the threads can't be started.
    pub fn start(config: &BrokerConfig) -> Result<Self> {
        if config.partitions_default < 1 {
            let count = config.partitions_default;
            return Err(Error::Broker(format!("a topic can't have {count} partitions")));
        }
        let wanted = SocketAddr::from((Ipv4Addr::LOCALHOST, config.port));
        let taken = |source| {
            Error::Broker(format!("the embedded broker can't listen on {wanted}: {source}"))
        };
        // Bound without the runtime: a caller may be on a runtime of its own, which must not block.
        let listener = std::net::TcpListener::bind(wanted).map_err(taken)?;
        listener.set_nonblocking(true).map_err(taken)?;
        let address = listener.local_addr().map_err(taken)?;
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("kbench-broker")
            .enable_all()
            .build()
            .map_err(|source| Error::io("starting the embedded broker's threads", source))?;
        let entered = runtime.enter();
        let listener = TcpListener::from_std(listener);
        drop(entered);
        let listener = match listener {
            Ok(listener) => listener,
            Err(source) => {
                runtime.shutdown_background();
                return Err(taken(source));
            }
        };
        let shared = Arc::new(BrokerState::new(config.clone(), address));
        runtime.spawn(connection::accept(Arc::clone(&shared), listener));
        runtime.spawn(tick(Arc::clone(&shared)));
        Ok(Self { shared, runtime: Some(runtime) })
    }

    /// The address to bootstrap from, which is also the one advertised.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.shared.address
    }

    /// The broker's own figures as they stand now.
    #[must_use]
    pub fn stats(&self) -> BrokerStats {
        self.shared.stats()
    }

    /// The faults that a test can plant.
    #[must_use]
    pub fn faults(&self) -> &BrokerHooks {
        &self.shared.faults
    }

    /// Closes all connections and forgets all records.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Nothing runs that would have to end in order.
            runtime.shutdown_background();
        }
    }
}

async fn tick(shared: Arc<BrokerState>) {
    loop {
        tokio::time::sleep(TICK).await;
        shared.groups.tick(shared.now_ms());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_starts_and_stops_on_a_callers_runtime_and_advertises_the_port_it_has() {
        let broker = Broker::start(&BrokerConfig::default()).unwrap();
        let address = broker.address();
        assert!(address.ip().is_loopback() && address.port() != 0);
        let taken =
            Broker::start(&BrokerConfig { port: address.port(), ..BrokerConfig::default() });
        let complaint = taken.unwrap_err().to_string();
        assert!(complaint.contains(&address.to_string()), "{complaint}");
        broker.stop();
    }

    #[test]
    fn the_memory_limit_is_shared_between_records_and_requests() {
        let shares = |mib: u64| {
            let config = BrokerConfig { memory_limit_bytes: mib << 20, ..BrokerConfig::default() };
            (config.record_bytes_max() >> 20, config.arriving_bytes_max() >> 20)
        };
        assert_eq!([16, 64, 2_048].map(shares), [(12, 4), (48, 16), (1_792, 256)]);
        assert_eq!(shares(8), (6, 4), "below 16 MiB the requests have some on top");
        assert!(BrokerConfig::default().limits().bytes_per_address > 100 << 20);
    }

    #[test]
    fn a_topic_without_partitions_is_no_default() {
        let config = BrokerConfig { partitions_default: 0, ..BrokerConfig::default() };
        assert!(Broker::start(&config).is_err());
    }
}
