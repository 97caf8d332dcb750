//! What all connections share.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kafka_protocol::protocol::StrBytes;

use super::config::BrokerConfig;
use super::groups::Groups;
use super::hooks::BrokerHooks;
use super::memory::HeldMemory;
use super::seats::Seats;
use super::stats::{BrokerStats, Counters};
use super::topics::Topics;
use crate::base::clock::{Clock, SystemClock, wall_clock_us};
use crate::client::embedded::CLUSTER_ID_PREFIX;

/// The one broker's node id.
pub(super) const NODE_ID: i32 = 1;

/// The state behind every connection.
#[derive(Debug)]
pub(super) struct BrokerState {
    pub(super) config: BrokerConfig,
    pub(super) address: SocketAddr,
    pub(super) cluster_id: String,
    pub(super) topics: Topics,
    pub(super) groups: Groups,
    pub(super) memory: HeldMemory,
    pub(super) counters: Counters,
    pub(super) faults: BrokerHooks,
    pub(super) seats: Arc<Seats>,
    clock: SystemClock,
    producer_ids: AtomicI64,
    member_ids: AtomicU64,
    seed: u64,
}

/// kbench's version as a feature's level: 1.2.3 is 1023.
pub(super) fn version_level() -> i16 {
    let mut numbers =
        env!("CARGO_PKG_VERSION").split('.').map(|part| part.parse::<i16>().unwrap_or(0));
    let mut next = || numbers.next().unwrap_or(0);
    next() * 1_000 + next() * 10 + next()
}

impl BrokerState {
    pub(super) fn new(config: BrokerConfig, address: SocketAddr) -> Self {
        // The standard library's hasher keys are random: enough to tell two brokers apart.
        let seed = RandomState::new().build_hasher().finish();
        let mut cluster = [0; 16];
        cluster[..8].copy_from_slice(&seed.to_be_bytes());
        cluster[8..].copy_from_slice(&wall_clock_us().to_be_bytes());
        let initial_delay_ms = u64::try_from(config.initial_rebalance_delay_ms).unwrap_or(0);
        Self {
            address,
            cluster_id: format!("{CLUSTER_ID_PREFIX}{}", URL_SAFE_NO_PAD.encode(cluster)),
            topics: Topics::new(seed | 1),
            groups: Groups::new(initial_delay_ms),
            memory: HeldMemory::new(config.record_bytes_max()),
            counters: Counters::default(),
            faults: BrokerHooks::default(),
            seats: Arc::new(Seats::new(config.limits())),
            clock: SystemClock::start(),
            producer_ids: AtomicI64::new(1_000),
            member_ids: AtomicU64::new(1),
            seed,
            config,
        }
    }

    /// The largest request: as it is set, or as there is room for one.
    pub(super) fn request_bytes_max(&self) -> usize {
        let room = usize::try_from(self.seats.request_bytes_max()).unwrap_or(usize::MAX);
        self.config.request_bytes_max.min(room)
    }

    /// Milliseconds since the broker's start.
    pub(super) fn now_ms(&self) -> u64 {
        self.clock.now_ns() / 1_000_000
    }

    /// Milliseconds since 1970.
    pub(super) fn wall_ms() -> i64 {
        wall_clock_us() / 1_000
    }

    /// The advertised host.
    pub(super) fn host(&self) -> StrBytes {
        StrBytes::from_string(self.address.ip().to_string())
    }

    /// The advertised port.
    pub(super) fn port(&self) -> i32 {
        i32::from(self.address.port())
    }

    pub(super) fn next_producer_id(&self) -> i64 {
        self.producer_ids.fetch_add(1, Ordering::Relaxed)
    }

    /// A member id that no other member has had, beginning with the client's name.
    pub(super) fn next_member_id(&self, client_id: &str) -> String {
        let serial = self.member_ids.fetch_add(1, Ordering::Relaxed);
        let name: String = client_id.chars().take(100).collect();
        let unique = uuid::Uuid::from_u64_pair(self.seed, serial);
        format!("{name}-{unique}")
    }

    pub(super) fn stats(&self) -> BrokerStats {
        let (connections, connections_evicted, arriving_bytes) = self.seats.figures();
        BrokerStats {
            held_bytes: self.memory.held_bytes(),
            arriving_bytes,
            memory_limit_bytes: self.config.memory_limit_bytes,
            dropped_bytes: self.memory.dropped_bytes(),
            connections,
            connections_evicted,
            ..self.counters.read()
        }
    }
}
