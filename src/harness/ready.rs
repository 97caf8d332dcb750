//! The end of the beginning: every worker assigned, and a probe seen by each group on each
//! partition. Only then does the schedule start.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::world::World;
use crate::clock::wall_clock_us;
use crate::consume::{Group, WorkerState};
use crate::error::{Error, Result};
use crate::event::{PROBE_SHARD, Stamp};
use crate::plan::Plan;
use crate::wire::encode;

/// How often probes are sent to partitions that no group has answered for.
const RESEND: Duration = Duration::from_secs(1);

/// How often the groups are looked at.
const LOOK: Duration = Duration::from_millis(10);

/// Waits until every group reads every partition. `interrupted` ends the waiting.
///
/// # Errors
/// [`Error::Invalid`] that names who is missing, when the plan's ready timeout is over.
pub(super) fn wait(
    world: &World,
    plan: &Plan,
    run: u32,
    groups: &[Arc<Group>],
    interrupted: &dyn Fn() -> bool,
) -> Result<()> {
    let began = Instant::now();
    let limit = Duration::from_millis(plan.measure.ready_timeout_ms);
    let mut sent: Option<Instant> = None;
    let mut seq = 0;
    loop {
        let missing = missing(plan, groups);
        if missing.is_empty() || interrupted() {
            return Ok(());
        }
        if began.elapsed() > limit {
            return Err(Error::Invalid(format!(
                "not ready within {} s: {}",
                limit.as_secs_f64(),
                missing.join("; ")
            )));
        }
        if sent.is_none_or(|at| at.elapsed() > RESEND) {
            seq = send(world, run, groups, seq)?;
            sent = Some(Instant::now());
        }
        std::thread::sleep(LOOK);
    }
}

/// Sends a probe to each partition that some group has not seen one on.
fn send(world: &World, run: u32, groups: &[Arc<Group>], mut seq: u64) -> Result<u64> {
    let mut partitions: Vec<usize> = groups.iter().flat_map(|group| group.unprobed()).collect();
    partitions.sort_unstable();
    partitions.dedup();
    for partition in partitions {
        let stamp = Stamp { run, shard: PROBE_SHARD, seq, due_wall_us: wall_clock_us() };
        let mut payload = Vec::new();
        encode::probe(&stamp, &mut payload);
        world.probe(partition, &payload)?;
        seq += 1;
    }
    Ok(seq)
}

/// Who is not ready, in words.
fn missing(plan: &Plan, groups: &[Arc<Group>]) -> Vec<String> {
    let partitions = usize::try_from(plan.topic.partitions).unwrap_or(0);
    let mut missing = Vec::new();
    for (app, group) in plan.apps.iter().zip(groups) {
        let workers = group.workers();
        let joining = workers.iter().filter(|&&state| state == WorkerState::Joining).count();
        let assigned: usize = workers
            .iter()
            .map(|state| match state {
                WorkerState::Assigned(count) => *count,
                WorkerState::Joining => 0,
            })
            .sum();
        // Workers beyond the number of partitions stay idle; the plan has warned of them.
        let idle = workers.iter().filter(|&&state| state == WorkerState::Assigned(0)).count();
        let may_idle = workers.len().saturating_sub(partitions);
        if joining > may_idle || assigned != partitions || joining + idle > may_idle {
            missing.push(format!(
                "group {} has {} of {} workers and {assigned} of {partitions} partitions assigned",
                app.group,
                workers.len() - joining,
                workers.len()
            ));
        } else if let [first, ..] = group.unprobed()[..] {
            missing.push(format!("group {} has seen no probe on partition {first}", app.group));
        }
    }
    missing
}
