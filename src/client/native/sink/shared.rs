//! What the producing thread and the sending thread of one sink share.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use mio::Waker;

use super::accumulator::Accumulator;
use crate::measure::latency::Throttles;
use crate::workers::produce::WireBytes;

/// How far the sink is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SinkState {
    /// Brokers are looked for, or have been lost.
    Connecting,
    /// Every leader is connected, and the producer has its id.
    Ready,
    /// Nothing will ever be sent, and why.
    Broken(String),
    /// The producing thread has no more.
    Closing,
}

/// What both threads know.
#[derive(Debug)]
pub(super) struct SinkShared {
    accumulator: Mutex<Accumulator>,
    state: Mutex<SinkState>,
    changed: Condvar,
    waker: Arc<Waker>,
    wire: Mutex<WireBytes>,
    throttles: Mutex<Throttles>,
}

impl SinkShared {
    pub(super) fn new(accumulator: Accumulator, waker: Arc<Waker>) -> Self {
        Self {
            accumulator: Mutex::new(accumulator),
            state: Mutex::new(SinkState::Connecting),
            changed: Condvar::new(),
            waker,
            wire: Mutex::default(),
            throttles: Mutex::default(),
        }
    }

    pub(super) fn accumulator(&self) -> MutexGuard<'_, Accumulator> {
        self.accumulator.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn state(&self) -> SinkState {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether the producing thread has no more.
    pub(super) fn is_closing(&self) -> bool {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) == SinkState::Closing
    }

    /// A closing sink stays that, and a broken one can only be closed.
    pub(super) fn set_state(&self, new: SinkState) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let is_final = match &*state {
            SinkState::Closing => true,
            SinkState::Broken(_) => new != SinkState::Closing,
            SinkState::Connecting | SinkState::Ready => false,
        };
        if !is_final && *state != new {
            *state = new;
            self.changed.notify_all();
        }
    }

    /// Waits until the sink is no longer connecting, until `until` at the latest.
    pub(super) fn wait_until_connected(&self, until: Instant) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        while *state == SinkState::Connecting {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Wakes the sending thread.
    pub(super) fn wake(&self) {
        // Fails only where the system has no more room for a wake-up that is already there.
        let _ = self.waker.wake();
    }

    pub(super) fn wire(&self) -> WireBytes {
        *self.wire.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_wire(&self, wire: WireBytes) {
        *self.wire.lock().unwrap_or_else(PoisonError::into_inner) = wire;
    }

    pub(super) fn throttles(&self) -> Throttles {
        self.throttles.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A broker asked for silence from `at_ns` on.
    pub(super) fn throttled(&self, at_ns: u64, for_ns: u64) {
        let mut throttles = self.throttles.lock().unwrap_or_else(PoisonError::into_inner);
        throttles.note(at_ns, 0, for_ns, 0);
    }
}
