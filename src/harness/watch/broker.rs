//! The CPU of the broker, where it runs on this host.

use std::collections::HashSet;

use procfs::net::{TcpNetEntry, TcpState, tcp, tcp6};
use procfs::process::{FDTarget, Process, all_processes};
use serde::{Deserialize, Serialize};

/// Who listens for a container: their CPU is not the broker's, which is on this host all the same.
const CONTAINER_PROXIES: [&str; 2] = ["docker-proxy", "rootlessport"];

/// Who listens for a broker that may be anywhere.
const TUNNELS: [&str; 4] = ["ssh", "sshd", "kubectl", "socat"];

/// Kafka's main class, as its command line has it; the native image is a file of that name.
const MAIN_CLASS: &str = "kafka.Kafka";

/// What the broker's processes on this host used in the measured part.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct BrokerCpu {
    /// How many processes.
    pub processes: usize,
    /// User and system CPU, in seconds.
    pub cpu_s: f64,
    /// For each event that was acknowledged meanwhile, in µs.
    pub cpu_us_per_event: Option<f64>,
    /// Whether some process was found by its command line, as in a container, and not as the
    /// owner of the port.
    #[serde(default)]
    pub by_command_line: bool,
}

/// The broker's processes on this host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::harness) struct LocalBrokers {
    pub(super) pids: Vec<i32>,
    pub(super) by_command_line: bool,
}

/// A process that may be a broker.
#[derive(Debug, Default)]
struct Candidate {
    pid: i32,
    /// Its short name.
    name: String,
    /// Whether its command line is Kafka's.
    is_kafka: bool,
    /// What it has open, as far as we may look.
    sockets: HashSet<u64>,
    /// What listens on the port in its network namespace, whoever's it is; looked at for Kafka
    /// only.
    listening: HashSet<u64>,
}

/// The processes that serve where the brokers (`id@host:port`) say that they are, on this host.
/// None where some port of this host leads to nobody who is sure to be a broker.
pub(in crate::harness) fn local_brokers(advertised: &[String]) -> LocalBrokers {
    let ports: HashSet<u16> = advertised
        .iter()
        .filter(|broker| super::is_local(broker))
        .filter_map(|broker| broker.rsplit_once(':')?.1.parse().ok())
        .collect();
    let mut found = LocalBrokers::default();
    for port in ports {
        let here = [tcp(), tcp6()].into_iter().flatten().flatten();
        let Some((pid, by_command_line)) = choose(&listening(here, port), &candidates(port)) else {
            return LocalBrokers::default();
        };
        if !found.pids.contains(&pid) {
            found.pids.push(pid);
        }
        found.by_command_line |= by_command_line;
    }
    found
}

/// The process behind a port, and whether its command line told: the one that has the listening
/// socket open. Where a container's proxy has, or nobody whom we may look at, it is a Kafka in
/// whose network namespace something listens on that port — if there is one of these, not two.
/// `here` are the sockets that listen on it in our namespace.
fn choose(here: &HashSet<u64>, candidates: &[Candidate]) -> Option<(i32, bool)> {
    let is_any = |candidate: &Candidate, names: &[&str]| names.contains(&candidate.name.as_str());
    let owners: Vec<&Candidate> =
        candidates.iter().filter(|candidate| !candidate.sockets.is_disjoint(here)).collect();
    if owners.iter().any(|owner| is_any(owner, &TUNNELS)) {
        return None;
    }
    let is_proxied = owners.iter().any(|owner| is_any(owner, &CONTAINER_PROXIES));
    if !is_proxied && let [first, rest @ ..] = owners.as_slice() {
        // A listening socket that several processes share is nobody's.
        return rest.is_empty().then_some((first.pid, false));
    }
    let is_hidden = !here.is_empty() && !is_proxied;
    let serves = |candidate: &&Candidate| {
        // One that is hidden from us listens in our namespace; one in a container in its own.
        let is_place = if is_hidden {
            !candidate.listening.is_disjoint(here)
        } else {
            !candidate.listening.is_empty() && candidate.listening.is_disjoint(here)
        };
        candidate.is_kafka && is_place
    };
    let mut found = candidates.iter().filter(serves);
    let only = found.next().filter(|_| found.next().is_none())?;
    Some((only.pid, true))
}

/// All other processes, as seen from a port.
fn candidates(port: u16) -> Vec<Candidate> {
    let own = std::process::id().cast_signed();
    let others = all_processes().into_iter().flatten().flatten();
    let look = |process: Process| {
        let open = process.fd().into_iter().flatten().flatten();
        let sockets = open.filter_map(|file| match file.target {
            FDTarget::Socket(inode) => Some(inode),
            _ => None,
        });
        let name = process.stat().map(|stat| stat.comm).unwrap_or_default();
        // Its name, too: what starts a program has the same words on its own command line.
        let is_kafka = ["java", MAIN_CLASS].contains(&name.as_str())
            && process.cmdline().is_ok_and(|words| words.iter().any(|word| is_main(word)));
        let tables = is_kafka.then(|| [process.tcp(), process.tcp6()]);
        let entries = tables.into_iter().flatten().flatten().flatten();
        Candidate {
            pid: process.pid(),
            name,
            is_kafka,
            sockets: sockets.collect(),
            listening: listening(entries, port),
        }
    };
    others.filter(|process| process.pid() != own).map(look).collect()
}

fn is_main(word: &str) -> bool {
    word.strip_suffix(MAIN_CLASS).is_some_and(|path| path.is_empty() || path.ends_with('/'))
}

fn listening(entries: impl Iterator<Item = TcpNetEntry>, port: u16) -> HashSet<u64> {
    entries
        .filter(|entry| entry.state == TcpState::Listen && entry.local_address.port() == port)
        .map(|entry| entry.inode)
        .collect()
}

/// What these processes have used so far, in seconds; `None` where there is none, or one has
/// ended.
pub(super) fn cpu_s(processes: &[i32]) -> Option<f64> {
    if processes.is_empty() {
        return None;
    }
    let ticks = |&pid: &i32| {
        let stat = Process::new(pid).ok()?.stat().ok()?;
        Some(stat.utime + stat.stime)
    };
    let sum: u64 = processes.iter().map(ticks).sum::<Option<u64>>()?;
    Some(sum as f64 / procfs::ticks_per_second() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn a_port_is_followed_to_its_process_which_is_never_this_one() {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        let nobody = LocalBrokers::default();
        assert_eq!(local_brokers(&[format!("1@127.0.0.1:{port}")]), nobody);
        assert_eq!(local_brokers(&["1@broker.example:9092".to_owned()]), nobody);
        assert!(cpu_s(&[std::process::id().cast_signed()]).is_some());
        assert_eq!(cpu_s(&[]), None);
    }

    fn process(pid: i32, name: &str, sockets: &[u64]) -> Candidate {
        let sockets = sockets.iter().copied().collect();
        Candidate { pid, name: name.to_owned(), sockets, ..Candidate::default() }
    }

    fn kafka(pid: i32, sockets: &[u64], listening: &[u64]) -> Candidate {
        let listening = listening.iter().copied().collect();
        Candidate { is_kafka: true, listening, ..process(pid, "java", sockets) }
    }

    #[test]
    fn who_has_the_port_open_is_the_broker_unless_it_is_a_proxy() {
        let here = HashSet::from([7]);
        // Whatever it is called, and whoever else is a Kafka.
        let others = [process(10, "kbench", &[5, 7]), kafka(20, &[8], &[8]), kafka(30, &[], &[9])];
        assert_eq!(choose(&here, &others), Some((10, false)));
        assert_eq!(choose(&here, &[process(10, "a", &[7]), process(11, "b", &[7])]), None);
        assert_eq!(choose(&here, &[process(10, "ssh", &[7]), kafka(30, &[], &[9])]), None);
    }

    #[test]
    fn a_kafka_in_a_container_is_found_if_it_is_the_only_one() {
        let proxy = || process(10, "docker-proxy", &[7]);
        let here = HashSet::from([7]);
        let other_port = || kafka(20, &[], &[]);
        let inside = || kafka(30, &[], &[9]);
        assert_eq!(choose(&here, &[proxy(), other_port(), inside()]), Some((30, true)));
        // Where the kernel alone leads to the container, nothing listens here.
        assert_eq!(choose(&HashSet::new(), &[inside()]), Some((30, true)));
        assert_eq!(choose(&here, &[proxy(), inside(), kafka(31, &[], &[11])]), None);
        assert_eq!(choose(&here, &[proxy(), other_port()]), None);
        assert_eq!(choose(&here, &[proxy()]), None);
    }

    #[test]
    fn a_kafka_of_another_user_is_found_in_our_own_namespace_only() {
        // Its open files are not for us to see.
        let here = HashSet::from([7]);
        assert_eq!(choose(&here, &[kafka(20, &[], &[7])]), Some((20, true)));
        // Somebody listens here, and it is not the one in the container.
        assert_eq!(choose(&here, &[kafka(30, &[], &[9])]), None);
    }

    #[test]
    fn the_main_class_is_known_from_what_only_contains_it() {
        assert!(is_main("kafka.Kafka") && is_main("/opt/kafka/kafka.Kafka"));
        assert!(
            !is_main("-Dx=kafka.Kafka") && !is_main("kafka.Kafka2") && !is_main("akafka.Kafka")
        );
    }
}
