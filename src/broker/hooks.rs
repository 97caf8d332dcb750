//! Faults that a test can plant.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::sync::watch;

use super::code;

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
    wire: HashMap<i16, VecDeque<WireFault>>,
    /// Partitions that take nothing, and the error that says so.
    refused: HashMap<i32, i16>,
    /// What the next answer to a Produce request asks a producer to be silent for.
    throttle_ms: u16,
    /// Requests that are left in the midst of them.
    cut_requests: usize,
    /// Requests to a group's coordinator that are told to look elsewhere.
    moved: usize,
}

/// What happens on the wire to one request of an API, or to its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WireFault {
    /// It is not served, and its connection closes.
    Unserved,
    /// It is served, and its connection closes instead of an answer.
    CutBeforeAnswer,
    /// The connection closes behind the first half of the answer.
    CutWithinAnswer,
    /// The connection closes behind the answer.
    CutAfterAnswer,
    /// The answer has the id of another request.
    OtherId,
    /// The answer claims to have so many bytes.
    Length(i32),
    /// The answer ends so many bytes too early, and its length says so.
    Shortened(usize),
    /// One bit is another: of the byte that lies so far from the answer's end.
    FlippedBit(usize),
}

impl WireFault {
    /// Spoils an answer; `None` where nothing of it is written. True where the connection closes
    /// behind what is left of it.
    pub(super) fn spoil(self, answer: &[Bytes]) -> Option<(Bytes, bool)> {
        let mut bytes: BytesMut = answer.iter().flatten().copied().collect();
        let mut closes = false;
        match self {
            Self::Unserved | Self::CutBeforeAnswer => return None,
            Self::CutWithinAnswer => {
                bytes.truncate(bytes.len() / 2);
                closes = true;
            }
            Self::CutAfterAnswer => closes = true,
            Self::OtherId => bytes[7] ^= 1,
            Self::Length(claimed) => bytes[..4].copy_from_slice(&claimed.to_be_bytes()),
            Self::Shortened(by) => {
                // Length and id are whole.
                bytes.truncate(bytes.len().saturating_sub(by).max(8));
                let length = u32::try_from(bytes.len() - 4).unwrap_or(u32::MAX);
                bytes[..4].copy_from_slice(&length.to_be_bytes());
            }
            Self::FlippedBit(from_end) => {
                let place = bytes.len().saturating_sub(1 + from_end).max(8);
                if let Some(byte) = bytes.get_mut(place) {
                    *byte ^= 1;
                }
            }
        }
        Some((bytes.freeze(), closes))
    }
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

    /// Refuses all that is produced to a partition, of whichever topic, until `error_code` is 0.
    pub fn refuse_partition(&self, partition: i32, error_code: i16) {
        self.lock().refused.insert(partition, error_code);
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

    /// The next request of an API, or its answer, is spoilt on the wire; one after the other, where
    /// there are several.
    pub fn spoil(&self, api_key: i16, fault: WireFault) {
        self.lock().wire.entry(api_key).or_default().push_back(fault);
    }

    /// Has the next answer to a Produce request ask its producer to be silent for so long.
    pub fn throttle(&self, ms: u16) {
        self.lock().throttle_ms = ms;
    }

    /// Closes connections in the midst of the next `count` requests, whatever they are.
    pub fn cut_requests(&self, count: usize) {
        self.lock().cut_requests += count;
    }

    /// Answers the next `count` joins, syncs, heartbeats and commits of groups by
    /// `NOT_COORDINATOR`.
    pub fn move_coordinator(&self, count: usize) {
        self.lock().moved += count;
    }

    /// Takes back whatever is planted and has not happened.
    pub fn clear(&self) {
        *self.lock() = Planted::default();
        self.release();
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

    /// The fault planted for the next request of an API.
    pub(super) fn next_on_wire(&self, api_key: i16) -> Option<WireFault> {
        self.lock().wire.get_mut(&api_key)?.pop_front()
    }

    /// The error that a partition takes nothing by.
    pub(super) fn refuses(&self, partition: i32) -> Option<i16> {
        self.lock().refused.get(&partition).copied().filter(|error| *error != 0)
    }

    /// How long the producer that is being answered is to be silent.
    pub(super) fn next_throttle_ms(&self) -> i32 {
        std::mem::take(&mut self.lock().throttle_ms).into()
    }

    /// Whether the request that is arriving is cut.
    pub(super) fn cuts_request(&self) -> bool {
        let mut planted = self.lock();
        let is_cut = planted.cut_requests > 0;
        planted.cut_requests -= usize::from(is_cut);
        is_cut
    }

    /// Whether a request to a coordinator has come to it.
    ///
    /// # Errors
    /// The code that it is told instead.
    pub(super) fn misled(&self) -> Result<(), i16> {
        let mut planted = self.lock();
        let is_moved = planted.moved > 0;
        planted.moved -= usize::from(is_moved);
        if is_moved { Err(code::NOT_COORDINATOR) } else { Ok(()) }
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
