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
mod code;
mod commits;
mod config_admin;
mod connection;
mod discovery;
mod dispatch;
mod faults;
mod fetch;
mod frame;
mod group;
mod group_admin;
#[cfg(test)]
mod group_tests;
mod groups;
mod join;
mod log;
mod membership;
mod memory;
mod offsets;
mod produce;
mod rebalance;
mod schema;
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

pub use self::faults::Faults;
use self::seats::Limits;
use self::shared::Shared;
pub use self::stats::BrokerStats;
use crate::base::error::{Error, Result};
use crate::plan::EMBEDDED_MEMORY_LIMIT_BYTES;

/// How often rebalances and sessions are looked at for being over.
const TICK: Duration = Duration::from_millis(20);

/// How the broker is set up. Names follow Kafka's where it has the same setting.
#[derive(Debug, Clone)]
pub struct BrokerConfig {
    /// The port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// Whether asking for an unknown topic makes it, as `auto.create.topics.enable`.
    pub auto_create: bool,
    /// Partitions of a topic that is made without a number of its own.
    pub partitions_default: i32,
    /// The bound on the bytes of all record batches and of all requests that are not served yet,
    /// together. Requests have 4 MiB at least, on top of a limit below 16 MiB.
    pub memory_limit_bytes: u64,
    /// The shortest session timeout that a group member may ask for.
    pub session_timeout_min_ms: i32,
    /// The longest session timeout that a group member may ask for.
    pub session_timeout_max_ms: i32,
    /// How long the first rebalance of an empty group waits for more members. Kafka's default is
    /// 3,000; here the first consumer of a run starts sooner.
    pub initial_rebalance_delay_ms: i32,
    /// The largest request, as `socket.request.max.bytes`; a larger one closes its connection, as
    /// does one that the memory limit leaves no room for.
    pub request_bytes_max: usize,
    /// The most connections open at a time, as `max.connections`. One more takes the place of
    /// one that is idle, or is closed at once where none is.
    pub connections_max: u64,
    /// The most of them from one address, as `max.connections.per.ip`.
    pub connections_max_per_address: u64,
    /// How long a connection may be silent, as `connections.max.idle.ms`.
    pub connections_idle_max_ms: u64,
    /// How long a request may take to arrive once it has begun, and the first one of a connection
    /// to begin.
    pub request_arrival_max_ms: u64,
}

impl Default for BrokerConfig {
    fn default() -> Self {
        Self {
            port: 0,
            auto_create: true,
            partitions_default: 1,
            memory_limit_bytes: EMBEDDED_MEMORY_LIMIT_BYTES,
            session_timeout_min_ms: 6_000,
            session_timeout_max_ms: 1_800_000,
            initial_rebalance_delay_ms: 100,
            request_bytes_max: 100 * 1_024 * 1_024,
            connections_max: 1_024,
            connections_max_per_address: 896,
            connections_idle_max_ms: 600_000,
            request_arrival_max_ms: 30_000,
        }
    }
}

impl BrokerConfig {
    /// The part of the memory limit that is for requests: a quarter, but 4 MiB for it to work
    /// with, and no more than is of use.
    fn arriving_bytes_max(&self) -> u64 {
        (self.memory_limit_bytes / 4).clamp(4 << 20, 256 << 20)
    }

    /// The part that is for records.
    fn record_bytes_max(&self) -> u64 {
        self.memory_limit_bytes - self.arriving_bytes_max().min(self.memory_limit_bytes / 4)
    }

    fn limits(&self) -> Limits {
        Limits {
            connections: self.connections_max,
            connections_per_address: self.connections_max_per_address,
            bytes: self.arriving_bytes_max(),
            bytes_per_address: self.arriving_bytes_max() / 8 * 7,
        }
    }
}

/// A running broker. It stops when dropped, and what it held is gone.
#[derive(Debug)]
pub struct Broker {
    shared: Arc<Shared>,
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
        let shared = Arc::new(Shared::new(config.clone(), address));
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
    pub fn faults(&self) -> &Faults {
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

async fn tick(shared: Arc<Shared>) {
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
