//! What a run needs of this host, held against what the host has. A plan that can't work here is
//! refused before anything is opened, by `plan` as by `run`.

use std::collections::BTreeMap;

use super::outline::{Memory, memory_of, size};
use crate::error::{Error, Result};
use crate::kafka::try_properties;
use crate::plan::Plan;
use crate::result::Host;

/// File handles of this process besides its clients': standard streams, the results, the metrics
/// port, the embedded broker's pipes, a look at /proc.
const OWN_HANDLES: u64 = 40;

/// File handles of one client: of its queues, and of the connection to the bootstrap address.
const CLIENT_HANDLES: u64 = 10;

/// File handles of one client for each broker: its connection and its queue's.
const BROKER_HANDLES: u64 = 4;

/// Clients besides producers and workers: for administration, for probes, for reading the topic
/// once more.
const OTHER_CLIENTS: u64 = 3;

/// As many handles as any host of ours can use; some systems name limits of a thousand million.
const HANDLES_MAX: u64 = 1 << 20;

/// Lets this process have as many file handles as the system allows it.
pub fn raise_handles() {
    let Some((soft, hard)) = handles_allowed() else { return };
    let wanted = hard.min(HANDLES_MAX);
    if soft >= wanted {
        return;
    }
    let limits = libc::rlimit { rlim_cur: wanted, rlim_max: hard };
    // SAFETY: the limits are ours, and only read. Where it fails, what was allowed still is.
    unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limits) };
}

/// Refuses a plan that can't work on this host, or with properties that the client refuses. No
/// more than `events_max` events are sent, where that is given.
///
/// # Errors
/// [`Error::Usage`], a line for each thing that does not fit.
pub fn check(plan: &Plan, events_max: Option<u64>) -> Result<()> {
    let host = Capacity::of_host();
    let mut faults = host.refuse(plan, events_max);
    match try_properties(&plan.kafka) {
        Err(Error::Usage(lines)) => faults.extend(lines),
        other => other?,
    }
    if faults.is_empty() { Ok(()) } else { Err(Error::Usage(faults)) }
}

/// The same for every point of a sweep; what is wrong with several is told once.
///
/// # Errors
/// As [`check`].
pub fn check_all<'p>(plans: impl Iterator<Item = &'p Plan>) -> Result<()> {
    let host = Capacity::of_host();
    let mut faults: Vec<String> = Vec::new();
    let mut tried: BTreeMap<Vec<(&String, &String)>, ()> = BTreeMap::new();
    for plan in plans {
        let mut found = host.refuse(plan, None);
        let properties = plan.kafka.producer.iter().chain(&plan.kafka.consumer).collect();
        if tried.insert(properties, ()).is_none()
            && let Err(Error::Usage(lines)) = try_properties(&plan.kafka)
        {
            found.extend(lines);
        }
        faults.extend(found.into_iter().filter(|line| !faults.contains(line)).collect::<Vec<_>>());
        if faults.len() >= FAULTS_MAX {
            break;
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(Error::Usage(faults)) }
}

/// Most faults of a sweep that are told.
const FAULTS_MAX: usize = 10;

/// Refuses a plan whose clients need more file handles for so many brokers than are allowed.
pub(super) fn check_handles(plan: &Plan, brokers: usize) -> Result<()> {
    let fault = Capacity::of_host().refuse_handles(plan, brokers as u64);
    fault.map_or(Ok(()), |fault| Err(Error::usage(fault)))
}

/// What this host has; what it does not tell is `None`.
#[derive(Debug, Clone, Copy, Default)]
struct Capacity {
    memory_bytes: Option<u64>,
    cgroup_memory_bytes: Option<u64>,
    handles: Option<u64>,
}

impl Capacity {
    fn of_host() -> Self {
        let Host { memory_bytes, cgroup_memory_bytes, .. } = Host::read();
        let handles = handles_allowed().map(|(soft, _)| soft);
        Self { memory_bytes, cgroup_memory_bytes, handles }
    }

    fn refuse(&self, plan: &Plan, events_max: Option<u64>) -> Vec<String> {
        let memory = self.refuse_memory(&memory_of(plan, events_max));
        memory.into_iter().chain(self.refuse_handles(plan, 1)).collect()
    }

    fn refuse_memory(&self, needed: &Memory) -> Option<String> {
        let whole = [
            (self.memory_bytes, "this host has"),
            (self.cgroup_memory_bytes, "its control group allows"),
        ];
        let (has_bytes, who) = whole
            .into_iter()
            .filter_map(|(bytes, who)| Some((bytes? as f64, who)))
            .min_by(|one, other| one.0.total_cmp(&other.0))?;
        if needed.expected_bytes <= has_bytes {
            return None;
        }
        let expected = needed.parts.iter().filter(|part| !part.limit);
        let largest = expected.max_by(|one, other| one.bytes.total_cmp(&other.bytes))?;
        Some(format!(
            "needs about {} of memory, {} of it for the {}; {who} {}; expected a plan that fits, \
             of fewer events, users, partitions or workers",
            size(needed.expected_bytes),
            size(largest.bytes),
            largest.name,
            size(has_bytes)
        ))
    }

    fn refuse_handles(&self, plan: &Plan, brokers: u64) -> Option<String> {
        let allowed = self.handles?;
        let workers: u64 = plan.apps.iter().map(|app| u64::from(app.workers)).sum();
        let clients = u64::from(plan.load.producers) + workers + OTHER_CLIENTS;
        let needed = OWN_HANDLES + clients * (CLIENT_HANDLES + BROKER_HANDLES * brokers);
        (needed > allowed).then(|| {
            let plural = if brokers == 1 { "" } else { "s" };
            format!(
                "needs about {needed} file handles for {clients} clients of {brokers} \
                 broker{plural}, and {allowed} are allowed; expected a higher limit (ulimit -n), \
                 or fewer producers and workers"
            )
        })
    }
}

/// The file handles that this process may have, and may allow itself.
fn handles_allowed() -> Option<(u64, u64)> {
    let mut limits = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the limits are ours, and are written.
    let found = unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limits) };
    (found == 0).then_some((limits.rlim_cur, limits.rlim_max))
}
