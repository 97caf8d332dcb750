//! The end of the beginning: every worker assigned, and a probe seen by each group on each
//! partition. Only then does the schedule start.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::workers::Workers;
use crate::base::clock::wall_clock_us;
use crate::base::error::{Error, Result};
use crate::client::target::Target;
use crate::event::codec::Codec;
use crate::event::{PROBE_SHARD, Stamp};
use crate::plan::Plan;
use crate::result::run_event::{Listener, NotReady, RunEvent};
use crate::workers::consume::{AppGroup, WorkerState};

/// How often probes are sent to partitions that no group has answered for.
const RESEND: Duration = Duration::from_secs(1);

/// The same for each partition: ten thousand probes take their time, and more of them only more.
const RESEND_EACH: Duration = Duration::from_millis(1);

/// Longest wait for the broker's word that it is still there.
const ANSWER: Duration = Duration::from_secs(2);

/// A broker that has not answered for so long is gone; one that starts again is back before.
const GONE: Duration = Duration::from_secs(8);

/// How often the groups are looked at.
const LOOK: Duration = Duration::from_millis(10);

/// After so long it is said who is waited for: a new group takes some three seconds.
const SOUND: Duration = Duration::from_secs(6);

/// And again after so long: a member whose process was killed holds its group up for its session's
/// time-out, 45 s unless it was set.
const SOUND_AGAIN: Duration = Duration::from_secs(15);

/// Waits until every group reads every partition. `interrupted` ends the waiting, and `listener` is
/// told who is waited for where it takes its time.
///
/// # Errors
/// [`Error::Broker`] when the broker refuses somebody for good, or is gone; [`Error::Invalid`] that
/// names who is missing and why, when the plan's ready timeout is over.
pub(super) fn wait(
    world: &dyn Target,
    plan: &Plan,
    run: u32,
    crew: &Workers,
    interrupted: &dyn Fn() -> bool,
    listener: &mut dyn Listener,
) -> Result<()> {
    let groups = crew.groups();
    let began = Instant::now();
    let mut answered = began;
    let limit = Duration::from_millis(plan.measure.ready_timeout_ms);
    let resend = RESEND.max(RESEND_EACH * plan.topic.partitions.unsigned_abs());
    let mut sent: Option<Instant> = None;
    let mut seq = 0;
    let mut sound = SOUND;
    loop {
        let missing = missing(plan, groups);
        if missing.is_empty() || interrupted() {
            return Ok(());
        }
        // Looked at before: who ends by a refusal has told of it by then.
        let is_broken = crew.broken();
        if let Some(words) = world.refusal() {
            return Err(Error::Broker(format!("not ready: {words}")));
        }
        if is_broken || began.elapsed() > limit {
            let who = NotReady::words(&who(world, plan, missing));
            let waited_s = began.elapsed().as_secs_f64();
            return Err(Error::Invalid(format!("not ready within {waited_s:.0} s: {who}")));
        }
        if sent.is_none_or(|at| at.elapsed() > resend) {
            if sent.is_none() || world.answers(ANSWER) {
                answered = Instant::now();
                if began.elapsed() > sound {
                    sound = began.elapsed() + SOUND_AGAIN;
                    let left = limit.saturating_sub(began.elapsed());
                    let missing = who(world, plan, missing);
                    listener.on(&RunEvent::NotReadyYet { left, missing });
                }
            } else if answered.elapsed() > GONE {
                return Err(Error::Broker(gone(world, answered.elapsed())));
            }
            seq = send(world, plan.event.codec(), run, groups, seq)?;
            sent = Some(Instant::now());
        }
        std::thread::sleep(LOOK);
    }
}

/// Why it takes so long: who is missing, who else is there, and what the clients say.
fn who(world: &dyn Target, plan: &Plan, mut missing: Vec<NotReady>) -> Vec<NotReady> {
    missing.extend(world.strangers(plan).into_iter().map(NotReady::Stranger));
    missing.extend(world.why().map(NotReady::ClientsSay));
    missing
}

fn gone(world: &dyn Target, silent: Duration) -> String {
    let why = world.why().map(|why| format!(" ({why})")).unwrap_or_default();
    format!(
        "the broker is gone: no answer for {:.0} s while the groups got ready{why}",
        silent.as_secs_f64()
    )
}

/// Sends a probe to each partition that some group has not seen one on.
fn send(
    world: &dyn Target,
    codec: &dyn Codec,
    run: u32,
    groups: &[Arc<AppGroup>],
    mut seq: u64,
) -> Result<u64> {
    let mut partitions: Vec<usize> = groups.iter().flat_map(|group| group.unprobed()).collect();
    partitions.sort_unstable();
    partitions.dedup();
    for partition in partitions {
        let stamp = Stamp { run, shard: PROBE_SHARD, seq, due_wall_us: wall_clock_us() };
        let (mut header, mut payload) = (Vec::new(), Vec::new());
        codec.write_header(&stamp, &mut header);
        codec.probe(&stamp, &mut payload);
        let header = codec.stamp_place().header().map(|name| (name, &*header));
        world.probe(partition, header, &payload)?;
        seq += 1;
    }
    Ok(seq)
}

/// Who is not ready.
fn missing(plan: &Plan, groups: &[Arc<AppGroup>]) -> Vec<NotReady> {
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
            missing.push(NotReady::Unassigned {
                group: app.group.clone(),
                joined: workers.len() - joining,
                workers: workers.len(),
                assigned,
                partitions,
            });
        } else if let [first, ..] = group.unprobed()[..] {
            missing.push(NotReady::Unprobed { group: app.group.clone(), partition: first });
        }
    }
    missing
}
