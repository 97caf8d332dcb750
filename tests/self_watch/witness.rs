//! Witnesses of what a host takes without counting it, as one that runs virtual machines does.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime};

use super::host::pin;

/// A core that gives nothing for longer than this was taken away: a thread that has slept is let
/// in before one that works.
const STALL: Duration = Duration::from_millis(5);

/// How long a witness sleeps at a time.
const NAP: Duration = Duration::from_millis(1);

/// A time for which a core gave nothing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stall {
    end: SystemTime,
    length: Duration,
}

impl Stall {
    pub(crate) fn length(&self) -> Duration {
        self.length
    }
}

/// A thread for each core that sleeps, and looks how long that really was.
#[derive(Debug)]
pub(crate) struct Witnesses {
    over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Vec<Stall>>>,
}

impl Witnesses {
    pub(crate) fn begin() -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let witness = |core| {
            let over = over.clone();
            thread::spawn(move || {
                pin(core);
                let mut stalls = Vec::new();
                while !over.load(Ordering::Relaxed) {
                    let began = Instant::now();
                    thread::sleep(NAP);
                    let length = began.elapsed().saturating_sub(NAP);
                    if length > STALL {
                        stalls.push(Stall { end: SystemTime::now(), length });
                    }
                }
                stalls
            })
        };
        let threads = (0..cores).map(witness).collect();
        Self { over, threads }
    }

    pub(crate) fn end(self) -> Vec<Stall> {
        self.over.store(true, Ordering::Relaxed);
        self.threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    }
}

/// The longest that falls into a time, or none. Before its schedule a run takes all cores by
/// itself, to see how much they can send.
pub(crate) fn longest(stalls: &[Stall], since: SystemTime, lasts: Duration) -> Option<Duration> {
    let inside = |stall: &&Stall| stall.end >= since && stall.end <= since + lasts + stall.length;
    stalls.iter().filter(inside).map(|stall| stall.length).max()
}
