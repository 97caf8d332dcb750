//! After the drain: where the receipts and the applications leave a question, the log is read
//! once more and answers it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::time::{Duration, Instant};

use super::closing::Closing;
use super::threads::spawn;
use super::workers::Workers;
use crate::client::facts::BrokerInfo;
use crate::client::target::Target;
use crate::client::topic_reader::scan::{INTERRUPTED, ScanUntil};
use crate::event::codec::Codec;
use crate::measure::ledger::Ledger;
use crate::result::run_event::{Awaited, Listener, RunEvent};
use crate::workers::produce::RecordRef;

/// Most time that it takes: some 10⁸ records are read in it.
const LIMIT: Duration = Duration::from_secs(60);

/// A client that takes so much longer than it was given does not come back.
const HANGS: Duration = Duration::from_secs(3);

/// Settles what became of every slot that timed out, and of every acknowledged one that some
/// application misses. It goes on for as long as records come; a signal ends it.
pub(super) fn settle(
    codec: &'static dyn Codec,
    world: &Arc<dyn Target>,
    facts: &BrokerInfo,
    ledger: &Arc<Ledger>,
    closing: &Closing,
    listener: &mut dyn Listener,
) {
    listener.on(&RunEvent::InDoubt);
    let began = Instant::now();
    let work = {
        let (world, starts) = (world.clone(), facts.topic.starts.clone());
        let (ledger, signal) = (ledger.clone(), closing.signal());
        let stop = move || signal.load(Ordering::Relaxed) != 0;
        move || {
            let until = ScanUntil { deadline: began + LIMIT, stop: &stop };
            let mut each = |record: &RecordRef<'_>| {
                ledger.logged(codec.stamp(record.header, record.payload).as_ref());
            };
            world.reader(None, codec.stamp_place())?.scan(&starts, &until, &mut each)
        }
    };
    closing.pause();
    let most = LIMIT + HANGS;
    let read = closing.wait(Awaited::Rescan, most, listener, work);
    let cut_short = match read {
        Some(Ok(cut_short)) => cut_short,
        Some(Err(error)) => {
            closing.set_gone(error.to_string());
            Some(error.to_string())
        }
        None if closing.interrupted_by().is_some() => Some(INTERRUPTED.to_owned()),
        None => {
            let why = "the client did not come back from reading the topic once more";
            closing.set_gone(why.to_owned());
            Some(why.to_owned())
        }
    };
    let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    ledger.rescanned(took_ms, cut_short);
    closing.begin();
}

/// Between two looks at where the partitions end.
const LOOK: Duration = Duration::from_secs(1);

/// Lets the drain wait until every group has read to where the partitions end, and not only to
/// the last acknowledged record, if some send has timed out or was acknowledged without an
/// offset (`acks=0`). Such events may still be on their way, so the ends must have stood still
/// from one look to the next.
#[derive(Debug, Default)]
pub(super) struct ReadToEnd {
    last: Option<(Instant, Vec<i64>)>,
    /// A question that the broker has not answered yet: it may be away, and nobody waits for it.
    asked: Option<Receiver<Option<Vec<i64>>>>,
    stand: bool,
}

impl ReadToEnd {
    /// Whether the ends are known and stand; looks again when it is time. A broker that does not
    /// answer is not a fault here: the sends to it are in doubt, and [`settle`] says so.
    pub(super) fn stand(&mut self, world: &Arc<dyn Target>, crew: &Workers) -> bool {
        let is_early = self.last.as_ref().is_some_and(|(at, _)| at.elapsed() < LOOK);
        if self.stand || is_early {
            return self.stand;
        }
        let receipts = crew.receipts();
        let Some(asked) = &self.asked else {
            let ends = receipts.ends();
            let mut records = receipts.records().into_iter().zip(&ends);
            let is_blind = records.any(|(count, end)| count > 0 && *end <= 0);
            if is_blind || crew.ledger().has_unknown() {
                self.asked = ask(world.clone(), ends.len());
            }
            self.stand = self.asked.is_none();
            return self.stand;
        };
        match asked.try_recv() {
            Err(TryRecvError::Empty) => return false,
            Ok(Some(ends)) => {
                receipts.reach(&ends);
                self.stand = self.last.as_ref().is_some_and(|(_, last)| *last == ends);
                self.last = Some((Instant::now(), ends));
            }
            Ok(None) | Err(TryRecvError::Disconnected) => self.stand = true,
        }
        self.asked = None;
        self.stand
    }
}

/// Asks where the partitions end, on a thread of its own; `None` where that can't be.
fn ask(world: Arc<dyn Target>, partitions: usize) -> Option<Receiver<Option<Vec<i64>>>> {
    let (tell, asked) = channel();
    let body = move || {
        let _ = tell.send(world.ends(partitions).ok());
    };
    spawn("ends", body).ok().map(|_| asked)
}
