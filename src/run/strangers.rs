//! Whether somebody else reads in one of the run's groups: such a member takes partitions away, and
//! what it reads our applications never see.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::client::stranger::Stranger;
use crate::client::target::{GroupWatch, Target};
use crate::plan::Plan;
use crate::workers::consume::{AppGroup, WorkerState};

/// A rebalance leaves a group without partitions for a moment; after so long somebody has them.
const SHORT: Duration = Duration::from_secs(1);

/// Between two looks at the same shortage.
const AGAIN: Duration = Duration::from_secs(5);

/// Most strangers that are named.
const NAMED: usize = 8;

/// Between two looks at how many partitions the groups have.
const LOOK: Duration = Duration::from_millis(200);

/// Watches the groups while the run goes on.
pub(super) struct Strangers {
    /// `None` where there is no broker.
    watch: Option<Arc<dyn GroupWatch>>,
    names: Vec<String>,
    found: BTreeSet<String>,
    next: Instant,
    short_since: Option<Instant>,
    asked: Option<Instant>,
    /// A question that is out, on a thread of its own: the run does not wait for a broker.
    asking: Option<Receiver<Vec<String>>>,
}

impl Strangers {
    pub(super) fn new(plan: &Plan, world: &dyn Target) -> Self {
        Self {
            watch: world.group_watch(),
            names: plan.apps.iter().map(|app| app.group.clone()).collect(),
            found: BTreeSet::new(),
            next: Instant::now(),
            short_since: None,
            asked: None,
            asking: None,
        }
    }

    /// Asks who is in the groups where one has had too few partitions for a while.
    pub(super) fn tick(&mut self, groups: &[Arc<AppGroup>]) {
        let now = Instant::now();
        if now < self.next {
            return;
        }
        self.next = now + LOOK;
        self.take_in();
        if groups.iter().all(|group| assigned(group) >= group.positions().len()) {
            self.short_since = None;
            return;
        }
        let since = *self.short_since.get_or_insert(now);
        let is_early = self.asked.is_some_and(|at| at.elapsed() < AGAIN);
        if since.elapsed() < SHORT || is_early || self.asking.is_some() {
            return;
        }
        let Some(watch) = self.watch.clone() else { return };
        self.asked = Some(now);
        let (tell, told) = channel();
        self.asking = Some(told);
        let names = self.names.clone();
        thread::spawn(move || {
            let named = |group: &String| {
                let holding = watch.strangers(group).into_iter().filter(Stranger::has_partitions);
                holding.map(|it| format!("group {group} has {it}")).collect::<Vec<_>>()
            };
            // Nobody listens any more where the run has ended meanwhile.
            let _ = tell.send(names.iter().flat_map(named).collect());
        });
    }

    /// What was found so far, for a result that is not the last one.
    pub(super) fn copy(&self) -> Self {
        Self {
            watch: None,
            names: self.names.clone(),
            found: self.found.clone(),
            next: self.next,
            short_since: None,
            asked: None,
            asking: None,
        }
    }

    fn take_in(&mut self) {
        let Some(asking) = &self.asking else { return };
        match asking.try_recv() {
            Ok(found) => self.found.extend(found),
            Err(TryRecvError::Empty) => return,
            Err(TryRecvError::Disconnected) => {}
        }
        self.asking = None;
    }

    /// Who was found, a line each.
    pub(super) fn found(&mut self) -> Vec<String> {
        self.take_in();
        self.found.iter().take(NAMED).cloned().collect()
    }
}

/// The partitions that a group's workers have together.
fn assigned(group: &AppGroup) -> usize {
    let count = |state: WorkerState| match state {
        WorkerState::Assigned(count) => count,
        WorkerState::Joining => 0,
    };
    group.workers().into_iter().map(count).sum()
}
