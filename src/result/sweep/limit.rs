//! What kept a run, and a point, from more.

use serde::{Deserialize, Serialize};

use crate::result::RunResult;
use crate::result::keep_up::{KeptUp, judged};
use crate::result::limited::limited;

/// A broker that does not write more than this share of what was offered has not kept up, however
/// soon it says so.
const FAILED_SHARE: f64 = 0.005;

/// What kept a point from more.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bottleneck {
    /// Nothing: everybody kept up with what was offered.
    None,
    /// Nothing that is sure: its runs are too short to tell whether everybody kept up.
    TooShort,
    /// The harness or the machine: the figures are not about Kafka.
    Harness,
    /// The client: its queue was full.
    Client,
    /// The broker: what it had not answered grew, or it refused or lost events.
    Broker,
    /// The partitions: an application fell behind with workers that had none.
    Partitions,
    /// An application: it fell behind.
    Application(String),
}

impl std::fmt::Display for Bottleneck {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::None => f.write_str("-"),
            Self::TooShort => f.write_str("too short to tell"),
            Self::Harness => f.write_str("harness"),
            Self::Client => f.write_str("client"),
            Self::Broker => f.write_str("broker"),
            Self::Partitions => f.write_str("partitions"),
            Self::Application(name) => f.write_str(name),
        }
    }
}

/// What kept one run from more.
#[must_use]
pub(crate) fn limit(result: &RunResult) -> Bottleneck {
    let (judged, ledger) = (judged(result), &result.ledger);
    let failed = (ledger.failed + ledger.unknown) as f64;
    let is_behind =
        |place: &usize| judged.apps[*place].is_some_and(|one| one.kept_up == KeptUp::No);
    let behind: Vec<usize> = (0..judged.apps.len()).filter(is_behind).collect();
    let everybody = judged.apps.iter().chain(judged.broker.is_some().then_some(&judged.broker));
    if limited(result).is_some() {
        Bottleneck::Harness
    } else if result.ledger.unsent > 0 {
        Bottleneck::Client
    } else if judged.broker.is_some_and(|one| one.kept_up == KeptUp::No)
        || failed > FAILED_SHARE * ledger.offered as f64
    {
        Bottleneck::Broker
    } else if !behind.is_empty() {
        if idle_workers(result) > 0 {
            Bottleneck::Partitions
        } else {
            Bottleneck::Application(slowest(result, &behind))
        }
    } else if everybody.clone().all(|one| one.is_some_and(|one| one.kept_up == KeptUp::Yes)) {
        Bottleneck::None
    } else {
        Bottleneck::TooShort
    }
}

/// The application with the most unread records in an interval, of those that fell behind.
fn slowest(result: &RunResult, behind: &[usize]) -> String {
    let most = |place: usize| -> u64 {
        result.series.iter().filter_map(|row| row.apps.get(place)?.lag_records).max().unwrap_or(0)
    };
    let place = behind.iter().copied().max_by_key(|&place| most(place));
    place.map(|place| result.apps[place].name.clone()).unwrap_or_default()
}

pub(crate) fn idle_workers(result: &RunResult) -> u32 {
    let partitions = result.partitions.len();
    let idle = |workers: u16| usize::from(workers).saturating_sub(partitions);
    let sum: usize = result.apps.iter().map(|app| idle(app.workers)).sum();
    u32::try_from(sum).unwrap_or(u32::MAX)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A recorded run, with what `change` makes of it.
    fn run(change: &dyn Fn(&mut RunResult)) -> RunResult {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("results/recorded");
        let mut run = crate::result::load_all(&folder).unwrap().swap_remove(0).result;
        run.watch.slip_p99_ns = Some(100_000);
        change(&mut run);
        run
    }

    /// Makes one application of a run fall behind, with the most unread records.
    pub(crate) fn fall_behind(run: &mut RunResult, place: usize) {
        let mut judged = judged(run);
        let one = judged.apps[place].as_mut().unwrap();
        one.kept_up = KeptUp::No;
        run.apps[place].keeping_up = Some(*one);
        run.series[5].apps[place].lag_records = Some(1_000_000);
    }

    #[test]
    fn what_kept_a_run_from_more_is_named() {
        let limited = |change: &dyn Fn(&mut RunResult)| limit(&run(change));
        assert_eq!(limited(&|_| ()), Bottleneck::None);
        assert_eq!(limited(&|run| run.watch.slip_p99_ns = Some(5_000_000)), Bottleneck::Harness);
        assert_eq!(limited(&|run| run.ledger.unsent = 1), Bottleneck::Client);
        assert_eq!(
            limited(&|run| run.ledger.failed = run.ledger.offered / 100),
            Bottleneck::Broker
        );
        let slow_broker = |run: &mut RunResult| {
            let place = run.series.len();
            for (at, row) in (0..).zip(&mut run.series[..place]) {
                row.unanswered = Some(at * row.offered / 10);
            }
        };
        assert_eq!(limited(&slow_broker), Bottleneck::Broker);
        let behind = |run: &mut RunResult| fall_behind(run, 1);
        assert_eq!(limited(&|run| run.series.truncate(9)), Bottleneck::TooShort);
        let far_below = |run: &mut RunResult| {
            for row in &mut run.series {
                (row.acked, row.unanswered) = (row.offered / 2, Some(100_000));
            }
        };
        assert_eq!(limited(&far_below), Bottleneck::Broker);
        let refused = |run: &mut RunResult| {
            far_below(run);
            run.ledger.unsent = 1;
        };
        assert_eq!(limited(&refused), Bottleneck::Client, "whose queue is full, whatever fills it");
        let name = run(&|_| ()).apps[1].name.clone();
        assert_eq!(limited(&behind), Bottleneck::Application(name));
        let crowded = |run: &mut RunResult| {
            behind(run);
            run.apps[1].workers = 100;
        };
        assert_eq!(limited(&crowded), Bottleneck::Partitions);
    }
}
