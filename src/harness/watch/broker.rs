//! The CPU of the broker, where it runs on this host.

use std::collections::HashSet;

use procfs::net::{TcpState, tcp, tcp6};
use procfs::process::{FDTarget, Process, all_processes};
use serde::{Deserialize, Serialize};

/// Who listens for others: their CPU is not the broker's.
const PROXIES: [&str; 2] = ["docker-proxy", "rootlessport"];

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
}

/// The processes that listen where the brokers (`id@host:port`) say that they are, on this host.
/// None are found where they belong to somebody else, or run behind a proxy of a container.
pub(in crate::harness) fn local_brokers(advertised: &[String]) -> Vec<i32> {
    let ports: HashSet<u16> = advertised
        .iter()
        .filter(|broker| super::is_local(broker))
        .filter_map(|broker| broker.rsplit_once(':')?.1.parse().ok())
        .collect();
    if ports.is_empty() {
        return Vec::new();
    }
    let entries = [tcp(), tcp6()].into_iter().flatten().flatten();
    let sockets: HashSet<u64> = entries
        .filter(|entry| entry.state == TcpState::Listen)
        .filter(|entry| ports.contains(&entry.local_address.port()))
        .map(|entry| entry.inode)
        .collect();
    let own = std::process::id().cast_signed();
    let listens = |process: &Process| {
        process.fd().is_ok_and(|open| {
            open.flatten().any(|file| match file.target {
                FDTarget::Socket(inode) => sockets.contains(&inode),
                _ => false,
            })
        })
    };
    let is_proxy =
        |process: &Process| process.stat().is_ok_and(|stat| PROXIES.contains(&stat.comm.as_str()));
    all_processes()
        .into_iter()
        .flatten()
        .flatten()
        .filter(|process| process.pid() != own && listens(process) && !is_proxy(process))
        .map(|process| process.pid())
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
        assert!(local_brokers(&[format!("1@127.0.0.1:{port}")]).is_empty());
        assert!(local_brokers(&["1@broker.example:9092".to_owned()]).is_empty());
        assert!(cpu_s(&[std::process::id().cast_signed()]).is_some());
        assert_eq!(cpu_s(&[]), None);
    }
}
