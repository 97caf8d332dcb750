//! Faults that a test can plant.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

/// Faults that the broker acts out, for tests of what a client or a harness makes of them.
///
/// APIs are named by their number in the protocol: Produce is 0, Fetch 1, Metadata 3,
/// `OffsetCommit` 8, `JoinGroup` 11, Heartbeat 12.
#[derive(Debug)]
pub struct BrokerHooks {
    planted: Mutex<Planted>,
    frozen: watch::Sender<bool>,
    /// Counts the orders to drop all connections.
    dropped: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Planted {
    delays: HashMap<i16, Duration>,
    corrupt_fetches: usize,
    produce: VecDeque<ProduceFault>,
}

/// What happens to one Produce request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ProduceFault {
    /// Nothing is appended, and every partition is answered with this error.
    Refuse(i16),
    /// The records are appended, and the connection closes without an answer.
    LoseAnswer,
}

impl Default for BrokerHooks {
    fn default() -> Self {
        Self {
            planted: Mutex::default(),
            frozen: watch::Sender::new(false),
            dropped: watch::Sender::new(0),
        }
    }
}

impl BrokerHooks {
    /// Holds back every answer to an API by `delay`; zero ends that.
    pub fn delay(&self, api_key: i16, delay: Duration) {
        self.lock().delays.insert(api_key, delay);
    }

    /// Refuses the next `count` Produce requests with a protocol error code; nothing of them is
    /// appended.
    pub fn refuse_produce(&self, count: usize, error_code: i16) {
        self.plant(count, ProduceFault::Refuse(error_code));
    }

    /// Appends the next `count` Produce requests, but closes their connection instead of
    /// answering: the producer can't know that its records were written.
    pub fn lose_produce_answers(&self, count: usize) {
        self.plant(count, ProduceFault::LoseAnswer);
    }

    /// Flips a bit in the records of the next `count` Fetch answers that have some; the log stays
    /// as it is.
    pub fn corrupt_fetches(&self, count: usize) {
        self.lock().corrupt_fetches = count;
    }

    /// How many of them are still to come.
    #[must_use]
    pub fn corrupt_fetches_left(&self) -> usize {
        self.lock().corrupt_fetches
    }

    /// Whether the next Fetch answer with records is to be corrupted; asked once for each.
    pub(super) fn corrupts_fetch(&self) -> bool {
        let mut planted = self.lock();
        let corrupts = planted.corrupt_fetches > 0;
        planted.corrupt_fetches = planted.corrupt_fetches.saturating_sub(1);
        corrupts
    }

    /// Answers nothing until [`BrokerHooks::release`]; connections stay open.
    pub fn freeze(&self) {
        self.frozen.send_replace(true);
    }

    /// Ends [`BrokerHooks::freeze`].
    pub fn release(&self) {
        self.frozen.send_replace(false);
    }

    /// Closes all connections that are open now.
    pub fn drop_connections(&self) {
        self.dropped.send_modify(|orders| *orders += 1);
    }

    fn plant(&self, count: usize, fault: ProduceFault) {
        self.lock().produce.extend(std::iter::repeat_n(fault, count));
    }

    fn lock(&self) -> MutexGuard<'_, Planted> {
        self.planted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The fault planted for the next Produce request.
    pub(super) fn next_produce(&self) -> Option<ProduceFault> {
        self.lock().produce.pop_front()
    }

    /// Waits for as long as an answer of this API is to be held back.
    pub(super) async fn hold_back(&self, api_key: i16) {
        let delay = self.lock().delays.get(&api_key).copied().unwrap_or_default();
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        if *self.frozen.borrow() {
            // Fails only when the sender is gone, and then there is nothing to wait for.
            let _ = self.frozen.subscribe().wait_for(|is_frozen| !is_frozen).await;
        }
    }

    /// Tells a connection of the orders to drop all connections.
    pub(super) fn drops(&self) -> watch::Receiver<u64> {
        self.dropped.subscribe()
    }
}
