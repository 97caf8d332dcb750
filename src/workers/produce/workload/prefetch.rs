//! Reads a recording ahead of its sending, and gives each shard its events.
//!
//! All shards share one limit on what is read ahead. That can't lock up, however the keys are
//! spread: what waits to be sent is due before whatever is still to be read, so by the time
//! that a shard without events needs one, the others have sent theirs and made room.

use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use foldhash::fast::FixedState;

use super::merge::{Head, Merge};
use super::{PrefetchState, RecordedEvent, RecordedWorkload, Workload};
use crate::base::clock::Clock;
use crate::base::error::{Error, Result};

/// Most bytes that are read and not sent: 100,000 events of the usual size.
const AHEAD_MAX_BYTES: u64 = 64 << 20;

/// How soon it is looked again whether there is room: far sooner than so many bytes are sent.
const LOOK: Duration = Duration::from_millis(1);

/// Longest wait for a record: how soon the end of all sending is seen.
const WAIT: Duration = Duration::from_millis(20);

/// How long no record may come before the reading is given up: a broker's restart is shorter.
const PATIENCE_NS: u64 = 60_000_000_000;

/// The reading side of a recording.
#[allow(missing_debug_implementations, reason = "holds a client")]
pub struct Prefetcher {
    pub(super) merge: Merge,
    shards: Vec<Sender<RecordedEvent>>,
    ahead: Arc<PrefetchState>,
    pub(super) ahead_max_bytes: u64,
    pub(super) patience_ns: u64,
    clock: Arc<dyn Clock>,
    origin_us: i64,
    speed: f64,
}

/// Makes the scripts of so many shards from a recording, and what has to run for them.
///
/// The stream has to be [`Merge::ready`]: its first event is due at 0, the others follow at
/// their own gaps divided by `speed`. A user who does nothing for `idle_us` begins a new session.
#[must_use]
pub fn cue_up(
    merge: Merge,
    shards: u16,
    speed: f64,
    idle_us: i64,
    clock: Arc<dyn Clock>,
) -> (Vec<Workload>, Prefetcher) {
    let ahead = Arc::<PrefetchState>::default();
    let (mut scripts, mut senders) = (Vec::new(), Vec::new());
    let shards = shards.max(1);
    for _ in 0..shards {
        let (sender, cues) = channel();
        senders.push(sender);
        let ahead = ahead.clone();
        let codec = merge.codec();
        let recorded = RecordedWorkload { codec, cues, ahead, seq: 0, idle_us, shards };
        scripts.push(Workload::Recorded(recorded));
    }
    let origin_us = merge.next_us().unwrap_or(0);
    let feed = Prefetcher {
        merge,
        shards: senders,
        ahead,
        ahead_max_bytes: AHEAD_MAX_BYTES,
        patience_ns: PATIENCE_NS,
        clock,
        origin_us,
        speed,
    };
    (scripts, feed)
}

/// When an event is due that happened so long after the first, in nanoseconds.
#[must_use]
pub fn due_ns(since_first_us: i64, speed: f64) -> u64 {
    // Whole microseconds: what a stamp can hold.
    ((since_first_us.max(0) as f64 / speed).round() as u64).saturating_mul(1_000)
}

impl Prefetcher {
    /// What this side and the sending one know of each other.
    #[must_use]
    pub fn ahead(&self) -> Arc<PrefetchState> {
        self.ahead.clone()
    }

    /// Reads to the end of the recording, or until nobody sends any more. Gives the stream back,
    /// and what kept it from its end.
    #[must_use]
    pub fn run(mut self) -> (Merge, Option<Error>) {
        let mut silence = None;
        while !self.ahead.over.load(Ordering::Relaxed) {
            if self.ahead.bytes.load(Ordering::Relaxed) > self.ahead_max_bytes {
                std::thread::sleep(LOOK);
                continue;
            }
            match self.merge.ready(WAIT) {
                Ok(true) => silence = None,
                Ok(false) => match self.check_silence(&mut silence) {
                    Ok(()) => continue,
                    Err(error) => return (self.merge, Some(error)),
                },
                Err(error) => return (self.merge, Some(error)),
            }
            let Some(head) = self.merge.take() else {
                break;
            };
            self.give(head);
        }
        (self.merge, None)
    }

    /// Gives up when no record has come for too long; `silence` is since when, and after which.
    pub(super) fn check_silence(&self, silence: &mut Option<(u64, u64)>) -> Result<()> {
        let (now_ns, read) = (self.clock.now_ns(), self.merge.counts().records);
        match *silence {
            Some((since_ns, before)) if before == read => {
                if now_ns - since_ns > self.patience_ns {
                    return Err(Error::Broker(format!(
                        "no record of the recording came for {} s, after {read} records",
                        self.patience_ns as f64 / 1e9
                    )));
                }
            }
            _ => *silence = Some((now_ns, read)),
        }
        Ok(())
    }

    fn give(&mut self, head: Head) {
        let Head { at_us, facts, bytes, key_len } = head;
        let due_ns = due_ns(at_us.saturating_sub(self.origin_us), self.speed);
        let hash = FixedState::default().hash_one(&bytes[..key_len]);
        let shard = (hash % self.shards.len() as u64) as usize;
        self.ahead.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        let cue = RecordedEvent { due_ns, read_ns: self.clock.now_ns(), facts, bytes, key_len };
        if self.shards[shard].send(cue).is_err() {
            // A shard that failed for good: the run is over for all, and says why itself.
            self.ahead.over.store(true, Ordering::Relaxed);
        }
    }
}
