//! What the broker counts of itself.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use super::api::APIS;

/// The broker's own figures, since its start.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct BrokerStats {
    /// Bytes of record batches held now, with a fixed overhead for each batch.
    pub held_bytes: u64,
    /// The bound on `held_bytes` and `arriving_bytes` together.
    pub memory_limit_bytes: u64,
    /// Bytes of requests that have arrived and are not served yet, but for 4 KiB of each
    /// connection.
    #[serde(default)]
    pub arriving_bytes: u64,
    /// Bytes dropped because memory was full and every group had read past them.
    pub dropped_bytes: u64,
    /// Batches refused with a retriable error because memory was full.
    pub refused_batches: u64,
    /// Records appended; a repeated batch of an idempotent producer does not count.
    pub records_in: u64,
    /// Bytes of the batches appended, as the producers sent them.
    pub bytes_in: u64,
    /// Repeated batches of idempotent producers, which were acknowledged and not appended.
    pub duplicate_batches: u64,
    /// Records in the batches handed out, once for every time that they were fetched.
    pub records_out: u64,
    /// Bytes of the batches handed out.
    pub bytes_out: u64,
    /// Requests by the name of the API.
    pub requests: BTreeMap<String, u64>,
    /// Connections open now.
    pub connections: u64,
    /// Connections accepted.
    pub connections_accepted: u64,
    /// Connections closed at once because too many were open, and none of them was idle.
    pub connections_refused: u64,
    /// Connections closed for others that needed their place or their memory.
    #[serde(default)]
    pub connections_evicted: u64,
    /// Connections closed because they were silent for too long, or took too long for a request.
    #[serde(default)]
    pub connections_timed_out: u64,
    /// Requests that were no requests: cut, too large, of an unknown API or version, or not
    /// decodable. Each closed its connection.
    pub protocol_errors: u64,
}

/// The counters behind [`BrokerStats`].
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) refused_batches: AtomicU64,
    pub(super) records_in: AtomicU64,
    pub(super) bytes_in: AtomicU64,
    pub(super) duplicate_batches: AtomicU64,
    pub(super) records_out: AtomicU64,
    pub(super) bytes_out: AtomicU64,
    pub(super) connections_accepted: AtomicU64,
    pub(super) connections_refused: AtomicU64,
    pub(super) connections_timed_out: AtomicU64,
    pub(super) protocol_errors: AtomicU64,
    requests: [AtomicU64; APIS.len()],
}

/// Adds to a counter.
pub(super) fn add(counter: &AtomicU64, more: u64) {
    counter.fetch_add(more, Ordering::Relaxed);
}

impl Counters {
    /// Counts a request.
    pub(super) fn request(&self, api_key: i16) {
        let place = APIS.iter().position(|api| api.key as i16 == api_key);
        if let Some(counter) = place.and_then(|place| self.requests.get(place)) {
            add(counter, 1);
        }
    }

    /// The figures as they stand now; those of the memory and of the seats are the caller's to
    /// fill in.
    pub(super) fn read(&self) -> BrokerStats {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let requests = APIS.iter().zip(&self.requests);
        BrokerStats {
            refused_batches: get(&self.refused_batches),
            records_in: get(&self.records_in),
            bytes_in: get(&self.bytes_in),
            duplicate_batches: get(&self.duplicate_batches),
            records_out: get(&self.records_out),
            bytes_out: get(&self.bytes_out),
            requests: requests
                .map(|(api, count)| (format!("{:?}", api.key), get(count)))
                .filter(|&(_, count)| count > 0)
                .collect(),
            connections_accepted: get(&self.connections_accepted),
            connections_refused: get(&self.connections_refused),
            connections_timed_out: get(&self.connections_timed_out),
            protocol_errors: get(&self.protocol_errors),
            ..BrokerStats::default()
        }
    }
}
