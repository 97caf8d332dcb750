//! After the drain: where the receipts and the applications leave a question, the log is read
//! once more and answers it.

use std::time::{Duration, Instant};

use super::crew::Crew;
use super::world::{World, WorldFacts};
use crate::ledger::Ledger;
use crate::plan::Plan;
use crate::progress::Progress;
use crate::wire::stamp;

/// Most time that it takes: some 10⁸ records are read in it.
const LIMIT: Duration = Duration::from_secs(60);

/// The same for a run that somebody has ended early and is waiting for.
const INTERRUPTED_LIMIT: Duration = Duration::from_secs(5);

/// Settles what became of every slot that timed out, and of every acknowledged one that some
/// application misses. Does nothing where nothing is in doubt.
pub(super) fn settle(
    plan: &Plan,
    world: &World,
    facts: &WorldFacts,
    ledger: &Ledger,
    interrupted: bool,
    progress: &mut Progress,
) {
    if !ledger.needs_rescan() {
        return;
    }
    progress.say("some events are in doubt: reading the topic once more");
    let limit = if interrupted { INTERRUPTED_LIMIT } else { LIMIT };
    let began = Instant::now();
    let mut each = |payload: Option<&[u8]>| ledger.logged(payload.and_then(stamp::read).as_ref());
    let cut_short = world
        .scan(plan, &facts.topic.starts, began + limit, &mut each)
        .unwrap_or_else(|error| Some(error.to_string()));
    let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    ledger.rescanned(took_ms, cut_short);
}

/// Between two looks at where the partitions end.
const LOOK: Duration = Duration::from_secs(1);

/// Lets the drain wait until every group has read to where the partitions end, and not only to
/// the last acknowledged record, if some send has timed out or was acknowledged without an
/// offset (`acks=0`). Such events may still be on their way, so the ends must have stood still
/// from one look to the next.
#[derive(Debug, Default)]
pub(super) struct Ends {
    last: Option<(Instant, Vec<i64>)>,
    stand: bool,
}

impl Ends {
    /// Whether the ends are known and stand; looks again when it is time. A broker that does not
    /// answer is no fault here: the sends to it are in doubt, and [`settle`] says so.
    pub(super) fn stand(&mut self, world: &World, crew: &Crew) -> bool {
        let is_early = self.last.as_ref().is_some_and(|(at, _)| at.elapsed() < LOOK);
        if self.stand || is_early {
            return self.stand;
        }
        let receipts = crew.receipts();
        let ends = receipts.ends();
        let mut records = receipts.records().into_iter().zip(&ends);
        let is_blind = records.any(|(count, end)| count > 0 && *end <= 0);
        self.stand = true;
        if (is_blind || crew.ledger().has_unknown())
            && let Ok(Some(ends)) = world.ends(ends.len())
        {
            receipts.reach(&ends);
            self.stand = self.last.as_ref().is_some_and(|(_, last)| *last == ends);
            self.last = Some((Instant::now(), ends));
        }
        self.stand
    }
}
