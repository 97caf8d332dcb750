//! What a run needs of this host, held against what the host has. A plan that can't work here is
//! refused before anything is opened, by `plan` as by `run`.

use std::collections::BTreeSet;

use crate::base::error::{Error, Result};
use crate::client;
use crate::load::preview::outline::{MemoryEstimate, clients, memory_of, size};
use crate::plan::Plan;
use crate::result::Host;

/// File handles of this process besides its clients': standard streams, the results, the metrics
/// port, the embedded broker's pipes, a look at /proc.
const OWN_HANDLES: u64 = 20;

/// File handles of one client, and for each broker. Measured with Kafka 4.3.0: a consumer took
/// 5 + 3 for each broker, a producer 2 + 3, of one broker and of three.
const CLIENT_HANDLES: u64 = 5;
const BROKER_HANDLES: u64 = 3;

/// Threads of one client, besides one for each broker.
const CLIENT_THREADS: u64 = 4;

/// Threads of this process besides its clients'.
const OWN_THREADS: u64 = 10;

/// What the C library sets aside for each thread that allocates, up to so many for each core
/// (mallopt(3), `M_ARENA_MAX`), and for the stack of each where `ulimit -s` says no other.
const ARENA_BYTES: u64 = 64 << 20;
const ARENAS_PER_CORE: u64 = 8;
const STACK_BYTES: u64 = 8 << 20;

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
    check_each(std::iter::once(plan), events_max)
}

/// The same for every point of a sweep; what is wrong with several is told once.
///
/// # Errors
/// As [`check`].
pub fn check_all<'p>(plans: impl Iterator<Item = &'p Plan>) -> Result<()> {
    check_each(plans, None)
}

fn check_each<'p>(plans: impl Iterator<Item = &'p Plan>, events_max: Option<u64>) -> Result<()> {
    let host = Capacity::of_host();
    let mut faults: Vec<String> = Vec::new();
    let mut tried: BTreeSet<Vec<(&String, &String)>> = BTreeSet::new();
    for plan in plans {
        let mut found = host.refuse(plan, events_max);
        let properties = plan.kafka.producer.iter().chain(&plan.kafka.consumer).collect();
        if tried.insert(properties) {
            match client::library(plan.kafka.client).try_properties(&plan.kafka) {
                Err(Error::Usage(lines)) => found.extend(lines),
                other => other?,
            }
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
pub(crate) fn check_handles(plan: &Plan, brokers: usize) -> Result<()> {
    let fault = Capacity::of_host().refuse_handles(plan, brokers as u64);
    fault.map_or(Ok(()), |fault| Err(Error::usage(fault)))
}

/// What this host has; what it does not tell is `None`.
#[derive(Debug, Clone, Copy, Default)]
struct Capacity {
    memory_bytes: Option<u64>,
    cgroup_memory_bytes: Option<u64>,
    handles: Option<u64>,
    /// Of memory that this process may lay out (`ulimit -v`).
    address_bytes: Option<u64>,
    cores: u64,
}

impl Capacity {
    fn of_host() -> Self {
        let Host { memory_bytes, cgroup_memory_bytes, cores, .. } = Host::read();
        let handles = handles_allowed().map(|(soft, _)| soft);
        let address_bytes = allowed(libc::RLIMIT_AS).map(|(soft, _)| soft);
        let address_bytes = address_bytes.filter(|bytes| *bytes != libc::RLIM_INFINITY);
        let cores = cores as u64;
        Self { memory_bytes, cgroup_memory_bytes, handles, address_bytes, cores }
    }

    fn refuse(&self, plan: &Plan, events_max: Option<u64>) -> Vec<String> {
        let needed = memory_of(plan, events_max);
        let memory =
            self.refuse_memory(&needed).or_else(|| self.refuse_address_space(plan, &needed));
        memory.into_iter().chain(self.refuse_handles(plan, 1)).collect()
    }

    /// With too little room threads can't start, and librdkafka ends the process by an assertion.
    fn refuse_address_space(&self, plan: &Plan, needed: &MemoryEstimate) -> Option<String> {
        let allowed = self.address_bytes? as f64;
        let threads = OWN_THREADS + clients(plan) * (CLIENT_THREADS + 1);
        let arenas = threads.min(ARENAS_PER_CORE * self.cores);
        let aside = (arenas * ARENA_BYTES + threads * STACK_BYTES) as f64;
        let needed = needed.expected_bytes + aside;
        (needed > allowed).then(|| {
            format!(
                "needs about {} of address space, most of it for the stacks and heaps of {threads} \
                 threads, and {} are allowed; expected a higher limit (ulimit -v), or none",
                size(needed),
                size(allowed)
            )
        })
    }

    fn refuse_memory(&self, needed: &MemoryEstimate) -> Option<String> {
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
        let clients = clients(plan);
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
    allowed(libc::RLIMIT_NOFILE)
}

/// How much of something this process may have, and may allow itself.
fn allowed(what: libc::__rlimit_resource_t) -> Option<(u64, u64)> {
    let mut limits = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the limits are ours, and are written.
    let found = unsafe { libc::getrlimit(what, &raw mut limits) };
    (found == 0).then_some((limits.rlim_cur, limits.rlim_max))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apps;
    use crate::plan::scenario;
    use crate::plan::toml::environment::Environment;
    use crate::plan::toml::overrides::Overrides;
    use crate::plan::toml::source::ScenarioSource;

    fn planned(set: &[&str]) -> Plan {
        let text = "seed = 1\n[load]\nrate_per_s = 10\nduration = \"5s\"\n";
        let set = set.iter().map(ToString::to_string).collect();
        let overrides = Overrides { set, ..Overrides::default() };
        let environment = Environment::from_pairs::<String, String>([]);
        let source = ScenarioSource::new("a.toml", text);
        scenario::plan(&source, &overrides, &environment, &apps::schemas(), crate::client::CHECKERS)
            .unwrap()
    }

    /// A host of 24 GB with one limit more.
    const HOST: Capacity = Capacity {
        memory_bytes: Some(24_000_000_000),
        cgroup_memory_bytes: None,
        handles: Some(1_024),
        address_bytes: None,
        cores: 2,
    };

    #[test]
    fn a_plan_that_needs_more_memory_than_there_is_is_refused_with_what_takes_it() {
        assert_eq!(HOST.refuse(&planned(&[]), None), [] as [String; 0]);
        let month = ["load.rate_per_s=10_000_000", "load.duration=\"30d\""];
        let faults = HOST.refuse(&planned(&month), None);
        let words = "needs about 16209 GB of memory, 16200 GB of it for the ledger; this host has \
                     24 GB; expected a plan that fits";
        assert!(faults[0].starts_with(words) && faults.len() == 1, "{faults:?}");
        // No more than a count of it is sent.
        assert!(HOST.refuse(&planned(&month), Some(1_000_000)).is_empty());
        let grouped = Capacity { cgroup_memory_bytes: Some(1_000_000), ..HOST };
        let faults = grouped.refuse(&planned(&[]), None);
        assert!(faults[0].contains("; its control group allows 1.0 MB; expected"), "{faults:?}");
    }

    #[test]
    fn a_plan_that_needs_more_file_handles_than_are_allowed_is_refused() {
        let few = Capacity { handles: Some(83), ..HOST };
        let faults = few.refuse(&planned(&[]), None);
        let words = "needs about 84 file handles for 8 clients of 1 broker, and 83 are allowed";
        assert!(faults[0].starts_with(words), "{faults:?}");
        assert!(Capacity { handles: Some(84), ..HOST }.refuse(&planned(&[]), None).is_empty());
        // A cluster of many brokers takes a connection to each.
        assert_eq!(HOST.refuse_handles(&planned(&[]), 40), None);
        let fault = HOST.refuse_handles(&planned(&[]), 41).unwrap();
        assert!(fault.starts_with("needs about 1044 file handles for 8 clients of 41 brokers"));
    }

    #[test]
    fn with_too_little_address_space_for_the_threads_a_plan_is_refused() {
        let tight = Capacity { address_bytes: Some(1_400_000_000), ..HOST };
        let faults = tight.refuse(&planned(&[]), None);
        assert!(faults[0].contains("of address space, most of it for the stacks"), "{faults:?}");
        let wide = Capacity { address_bytes: Some(2_000_000_000), ..HOST };
        assert!(wide.refuse(&planned(&[]), None).is_empty());
    }

    #[test]
    fn properties_that_only_a_client_refuses_are_refused_before() {
        let mut plan = planned(&[]);
        assert!(check(&plan, None).is_ok());
        plan.kafka.consumer.insert("max.poll.interval.ms".to_owned(), "1".to_owned());
        let fault = check(&plan, None).unwrap_err().to_string();
        assert!(fault.starts_with("kafka.consumer: librdkafka refuses it: "), "{fault}");
        assert!(fault.contains("`max.poll.interval.ms`must be >= `session.timeout.ms`"));
        // Told once of a sweep whose points share them.
        let all = check_all([&plan, &plan].into_iter()).unwrap_err().to_string();
        assert_eq!(all, fault);
    }

    #[test]
    fn this_process_may_open_as_many_files_as_the_system_allows_it() {
        raise_handles();
        let (soft, hard) = handles_allowed().unwrap();
        assert_eq!(soft, hard.min(HANDLES_MAX).max(soft));
        assert!(soft >= hard.min(HANDLES_MAX));
    }
}
