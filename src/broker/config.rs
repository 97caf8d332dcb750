//! How the broker is set up.

use super::seats::SeatLimits;
use crate::plan::EMBEDDED_MEMORY_LIMIT_BYTES;

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
    pub(super) fn arriving_bytes_max(&self) -> u64 {
        (self.memory_limit_bytes / 4).clamp(4 << 20, 256 << 20)
    }

    /// The part that is for records.
    pub(super) fn record_bytes_max(&self) -> u64 {
        self.memory_limit_bytes - self.arriving_bytes_max().min(self.memory_limit_bytes / 4)
    }

    pub(super) fn limits(&self) -> SeatLimits {
        SeatLimits {
            connections: self.connections_max,
            connections_per_address: self.connections_max_per_address,
            bytes: self.arriving_bytes_max(),
            bytes_per_address: self.arriving_bytes_max() / 8 * 7,
        }
    }
}
