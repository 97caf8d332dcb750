//! The CPU of the broker, where it runs on this host.
//!
//! A process counts where it is sure to serve the port, and not otherwise: somebody else's Kafka
//! on the same host looks just like ours. Sure is who has the listening socket open; behind a
//! container's proxy, who has it open at the address that the proxy hands on to.

use std::collections::HashSet;
use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use procfs::net::{TcpNetEntry, TcpState, tcp, tcp6};
use procfs::process::{FDTarget, Process, Stat, all_processes};

/// Who listens for a container: their CPU is not the broker's, which is on this host all the same.
const CONTAINER_PROXIES: [&str; 2] = ["docker-proxy", "rootlessport"];

/// Who listens for a broker that may be anywhere.
const TUNNELS: [&str; 4] = ["ssh", "sshd", "kubectl", "socat"];

/// The broker's processes on this host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::run) struct LocalBrokers {
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
pub(in crate::run) fn local_brokers(advertised: &[String]) -> LocalBrokers {
    let ports: HashSet<u16> = advertised
        .iter()
        .filter(|broker| super::is_local(broker))
        .filter_map(|broker| broker.rsplit_once(':')?.1.parse().ok())
        .collect();
    together(ports.into_iter().map(answers))
}

/// All that answer, each with whether it is in a container; none where one is not known.
fn together(found: impl Iterator<Item = Option<(i32, bool)>>) -> LocalBrokers {
    let mut brokers = LocalBrokers::default();
    for answer in found {
        let Some((pid, in_container)) = answer else {
            return LocalBrokers::default();
        };
        if !brokers.pids.contains(&pid) {
            brokers.pids.push(pid);
        }
        brokers.in_container |= in_container;
    }
    brokers
}

/// The process that is sure to answer on this port, and whether it is in a container.
fn answers(port: u16) -> Option<(i32, bool)> {
    let here = [tcp(), tcp6()].into_iter().flatten().flatten();
    match owner(&listening(here, port), &candidates())? {
        Owner::Process(pid) => Some((pid, false)),
        Owner::Container(address, port) => {
            let ours = fs::read_link("/proc/self/ns/net").ok();
            Some((inside(address, &inmates(ours.as_deref(), port))?, true))
        }
    }
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
        let words = if is_proxy { process.cmdline().unwrap_or_default() } else { Vec::new() };
        Candidate { pid: process.pid(), sockets: sockets(&process), target: target(&words), name }
    };
    others().map(look).collect()
}

/// The processes of other network namespaces than `ours`, as seen from a port there.
fn inmates(ours: Option<&Path>, port: u16) -> Vec<Inmate> {
    let is_elsewhere = |process: &Process| {
        let theirs = fs::read_link(format!("/proc/{}/ns/net", process.pid()));
        theirs.is_ok_and(|theirs| Some(&*theirs) != ours)
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
    let used = |&pid: &i32| Some(ticks(&Process::new(pid).ok()?.stat().ok()?));
    let sum: u64 = processes.iter().map(used).sum::<Option<u64>>()?;
    Some(sum as f64 / procfs::ticks_per_second() as f64)
}

const fn ticks(stat: &Stat) -> u64 {
    stat.utime + stat.stime
}

#[cfg(test)]
mod tests;
