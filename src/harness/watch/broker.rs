//! The CPU of the broker, where it runs on this host.
//!
//! A process counts where it is sure to serve the port, and not otherwise: somebody else's Kafka
//! on the same host looks just like ours. Sure is who has the listening socket open; behind a
//! container's proxy, who has it open at the address that the proxy hands on to.

use std::collections::HashSet;
use std::fs;
use std::net::{IpAddr, Ipv4Addr};

use procfs::net::{TcpNetEntry, TcpState, tcp, tcp6};
use procfs::process::{FDTarget, Process, all_processes};
use serde::{Deserialize, Serialize};

/// Who listens for a container: their CPU is not the broker's, which is on this host all the same.
const CONTAINER_PROXIES: [&str; 2] = ["docker-proxy", "rootlessport"];

/// Who listens for a broker that may be anywhere.
const TUNNELS: [&str; 4] = ["ssh", "sshd", "kubectl", "socat"];

/// What the broker's processes on this host used in the measured part.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct BrokerCpu {
    /// How many processes.
    pub processes: usize,
    /// User and system CPU, in seconds.
    pub cpu_s: f64,
    /// For each event that was sent meanwhile, in µs.
    pub cpu_us_per_event: Option<f64>,
    /// Whether some process was found behind a container's proxy.
    #[serde(default)]
    pub in_container: bool,
}

/// The broker's processes on this host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::harness) struct LocalBrokers {
    pub(super) pids: Vec<i32>,
    pub(super) in_container: bool,
}

/// A process that may be a broker, as seen from a port.
#[derive(Debug, Default)]
struct Candidate {
    pid: i32,
    /// Its short name.
    name: String,
    /// What it has open, as far as we may look.
    sockets: HashSet<u64>,
    /// Where it hands on what it gets, if it is a container's proxy and says so.
    target: Option<(IpAddr, u16)>,
}

/// Who answers on a port of this host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owner {
    /// This process.
    Process(i32),
    /// A container, at an address of its own.
    Container(IpAddr, u16),
}

/// A process in another network namespace.
#[derive(Debug, Default)]
struct Inmate {
    pid: i32,
    /// What it has open, as far as we may look.
    sockets: HashSet<u64>,
    /// What listens on the container's port in its namespace, whoever's it is.
    listening: HashSet<u64>,
    /// The addresses of its namespace.
    addresses: HashSet<IpAddr>,
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
        let (pid, in_container) = match owner(&listening(here, port), &candidates()) {
            Some(Owner::Process(pid)) => (Some(pid), false),
            Some(Owner::Container(address, port)) => (inside(address, &inmates(port)), true),
            None => (None, false),
        };
        let Some(pid) = pid else {
            return LocalBrokers::default();
        };
        if !found.pids.contains(&pid) {
            found.pids.push(pid);
        }
        found.in_container |= in_container;
    }
    found
}

/// Who answers on a port, where that is sure: the only process that has all of the sockets open
/// which listen on it (`here`), or the container that this process hands on to. Nobody where no
/// process that we may look at has them, be it hidden from us or the kernel itself that hands on.
fn owner(here: &HashSet<u64>, candidates: &[Candidate]) -> Option<Owner> {
    let mut owners = candidates.iter().filter(|candidate| !candidate.sockets.is_disjoint(here));
    // A listening socket that several processes share is nobody's.
    let only = owners.next().filter(|_| owners.next().is_none())?;
    if !here.is_subset(&only.sockets) || TUNNELS.contains(&only.name.as_str()) {
        return None;
    }
    if CONTAINER_PROXIES.contains(&only.name.as_str()) {
        return only.target.map(|(address, port)| Owner::Container(address, port));
    }
    Some(Owner::Process(only.pid))
}

/// The only process that has the listening socket open in the namespace of this address.
fn inside(address: IpAddr, inmates: &[Inmate]) -> Option<i32> {
    let serves = |inmate: &&Inmate| {
        inmate.addresses.contains(&address) && !inmate.sockets.is_disjoint(&inmate.listening)
    };
    let mut found = inmates.iter().filter(serves);
    let only = found.next().filter(|_| found.next().is_none())?;
    Some(only.pid)
}

/// All processes but this one.
fn others() -> impl Iterator<Item = Process> {
    let own = std::process::id().cast_signed();
    all_processes().into_iter().flatten().flatten().filter(move |process| process.pid() != own)
}

fn candidates() -> Vec<Candidate> {
    let look = |process: Process| {
        let name = process.stat().map(|stat| stat.comm).unwrap_or_default();
        let is_proxy = CONTAINER_PROXIES.contains(&name.as_str());
        let words = is_proxy.then(|| process.cmdline().unwrap_or_default()).unwrap_or_default();
        Candidate { pid: process.pid(), sockets: sockets(&process), target: target(&words), name }
    };
    others().map(look).collect()
}

/// The processes of other network namespaces, as seen from a port there.
fn inmates(port: u16) -> Vec<Inmate> {
    let namespace = |pid: &str| fs::read_link(format!("/proc/{pid}/ns/net")).ok();
    let ours = namespace("self");
    let is_elsewhere = |process: &Process| {
        let theirs = namespace(&process.pid().to_string());
        theirs.is_some() && theirs != ours
    };
    let look = |process: Process| {
        let entries = [process.tcp(), process.tcp6()].into_iter().flatten().flatten();
        let table = fs::read_to_string(format!("/proc/{}/net/fib_trie", process.pid()));
        Inmate {
            pid: process.pid(),
            sockets: sockets(&process),
            listening: listening(entries, port),
            addresses: addresses(&table.unwrap_or_default()),
        }
    };
    others().filter(is_elsewhere).map(look).collect()
}

/// Where `docker-proxy` hands on to, from its command line.
fn target(words: &[String]) -> Option<(IpAddr, u16)> {
    let after = |name: &str| words.iter().skip_while(|word| *word != name).nth(1);
    let address = after("-container-ip")?.parse().ok()?;
    Some((address, after("-container-port")?.parse().ok()?))
}

/// The addresses of a network namespace, from the kernel's table of routes (`fib_trie`): those
/// that are its own stand before a line that calls them a local host.
fn addresses(table: &str) -> HashSet<IpAddr> {
    let lines: Vec<&str> = table.lines().map(str::trim).collect();
    let own = lines.windows(2).filter(|pair| pair[1].ends_with("/32 host LOCAL"));
    let address = |pair: &[&str]| pair[0].strip_prefix("|-- ")?.parse::<Ipv4Addr>().ok();
    own.filter_map(address).map(IpAddr::V4).collect()
}

fn sockets(process: &Process) -> HashSet<u64> {
    let open = process.fd().into_iter().flatten().flatten();
    let inode = |target: FDTarget| match target {
        FDTarget::Socket(inode) => Some(inode),
        _ => None,
    };
    open.filter_map(|file| inode(file.target)).collect()
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
    use std::process::{Command, Stdio};

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

    /// A process that looks like somebody's Kafka beside a port whose owner we can't see (it is
    /// this process): a look-alike is not taken.
    #[test]
    fn somebody_else_s_kafka_is_never_taken() {
        let folder = tempfile::tempdir().unwrap();
        let java = folder.path().join("java");
        fs::copy("/bin/sh", &java).unwrap();
        let mut foreign = Command::new(&java)
            .args(["-c", "read line", "kafka.Kafka", "server.properties"])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let pid = foreign.id().cast_signed();
        let name = || Process::new(pid).unwrap().stat().unwrap().comm;
        while name() != "java" {
            std::thread::yield_now();
        }
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        let found = local_brokers(&[format!("1@127.0.0.1:{port}")]);
        // Nobody listens there at all, and some kernel rule may lead to a container.
        drop(socket);
        let unheard = local_brokers(&[format!("1@127.0.0.1:{port}")]);
        drop(foreign.stdin.take());
        foreign.wait().unwrap();
        let nobody = LocalBrokers::default();
        assert_eq!((found, unheard), (nobody.clone(), nobody), "the look-alike is {pid}");
    }

    fn process(pid: i32, name: &str, sockets: &[u64]) -> Candidate {
        let sockets = sockets.iter().copied().collect();
        Candidate { pid, name: name.to_owned(), sockets, target: None }
    }

    #[test]
    fn who_has_the_port_open_alone_is_the_broker() {
        let here = HashSet::from([7]);
        // Whatever it is called, and whoever else is a Kafka.
        let others = [process(10, "kbench", &[5, 7]), process(20, "java", &[8])];
        assert_eq!(owner(&here, &others), Some(Owner::Process(10)));
        assert_eq!(owner(&here, &[process(10, "a", &[7]), process(11, "b", &[7])]), None);
        assert_eq!(owner(&here, &[process(10, "ssh", &[7]), process(30, "java", &[9])]), None);
        // Its open files are not for us to see, or one of two sockets is not: it is nobody.
        assert_eq!(owner(&here, &[process(20, "java", &[])]), None);
        assert_eq!(owner(&HashSet::from([7, 8]), &[process(10, "java", &[7])]), None);
        // Nothing listens here: the kernel alone leads on.
        assert_eq!(owner(&HashSet::new(), &[process(20, "java", &[8])]), None);
    }

    #[test]
    fn a_proxy_is_followed_to_the_address_that_it_says_and_no_further() {
        let (here, address) = (HashSet::from([7]), IpAddr::from([172, 17, 0, 2]));
        let words = "/usr/bin/docker-proxy -proto tcp -host-ip 0.0.0.0 -host-port 9092 \
                     -container-ip 172.17.0.2 -container-port 19092";
        let words: Vec<String> = words.split(' ').map(str::to_owned).collect();
        let mut proxy = process(10, "docker-proxy", &[7]);
        assert_eq!(owner(&here, &[process(20, "java", &[8])]), None);
        proxy.target = target(&words);
        assert_eq!(owner(&here, &[proxy]), Some(Owner::Container(address, 19_092)));
        // This one is told by a pipe what nobody else can read.
        assert_eq!(owner(&here, &[process(10, "rootlessport", &[7])]), None);

        let inmate = |pid, sockets: &[u64], listening: &[u64], host: u8| Inmate {
            pid,
            sockets: sockets.iter().copied().collect(),
            listening: listening.iter().copied().collect(),
            addresses: HashSet::from([IpAddr::from([172, 17, 0, host])]),
        };
        let broker = || inmate(30, &[5, 9], &[9], 2);
        // Another container's Kafka, and somebody in the same one who has not the socket.
        let others = || [inmate(20, &[8], &[8], 3), inmate(31, &[6], &[9], 2)];
        let [foreign, beside] = others();
        assert_eq!(inside(address, &[foreign, beside, broker()]), Some(30));
        assert_eq!(inside(address, &others()), None);
        assert_eq!(inside(address, &[broker(), inmate(32, &[9], &[9], 2)]), None, "two share it");
    }

    #[test]
    fn a_namespace_s_own_addresses_are_read_from_its_routes() {
        let table = "Local:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 0.0.0.0\n        /0 universe UNICAST\n\
                     \x20    |-- 172.17.0.2\n        /32 host LOCAL\n     |-- 172.17.255.255\n\
                     \x20       /32 link BROADCAST\n";
        assert_eq!(addresses(table), HashSet::from([IpAddr::from([172, 17, 0, 2])]));
        let own = fs::read_to_string("/proc/self/net/fib_trie").unwrap_or_default();
        // A host without a loopback device has no table.
        assert_eq!(addresses(&own).contains(&IpAddr::from([127, 0, 0, 1])), own.contains("LOCAL"));
    }
}
