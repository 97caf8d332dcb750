//! The run's own threads by name: who they are while they live, and what they had used when they
//! ended.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use procfs::process::{Process, Task};

/// What a thread is there for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(in crate::run) enum ThreadKind {
    /// Sends a shard of the schedule.
    Producer,
    /// Reads for the application of this name.
    Worker(String),
    /// Belongs to the client library.
    Client,
    /// Looks after the run.
    Harness,
    /// Watches a core for hiccups.
    Meter,
    /// Anything else.
    Other,
}

/// How the names of librdkafka's threads begin, those of its wrapper's and the native client's:
/// after 15 characters the kernel cuts them off.
const CLIENT: [&str; 5] =
    ["rdk:", "producer pollin", "admin client po", "kbench-sender", "kbench-member"];

impl ThreadKind {
    /// Of a thread that the roster does not know, by the name that the system has for it.
    pub(super) fn of_comm(comm: &str, is_main: bool) -> Self {
        match comm {
            _ if is_main => Self::Harness,
            _ if CLIENT.iter().any(|name| comm.starts_with(name)) => Self::Client,
            "replay" => Self::Harness,
            _ => Self::Other,
        }
    }
}

impl std::fmt::Display for ThreadKind {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Producer => out.write_str("producer"),
            Self::Worker(app) => write!(out, "worker {app}"),
            Self::Client => out.write_str("client library"),
            Self::Harness => out.write_str("harness"),
            Self::Meter => out.write_str("hiccup meter"),
            Self::Other => out.write_str("other"),
        }
    }
}

/// A thread for as long as the system runs: numbers come again, but not at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct ThreadId {
    tid: i32,
    /// Clock ticks since boot.
    started: u64,
}

#[cfg(test)]
impl ThreadId {
    /// A made-up one.
    pub(super) const fn new(tid: i32) -> Self {
        Self { tid, started: 7 }
    }
}

/// What a thread has used since it began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Usage {
    /// On a core.
    pub(super) cpu_ns: u64,
    /// Able to run, and without a core.
    pub(super) wait_ns: u64,
    /// How often it was given a core.
    pub(super) turns: u64,
}

impl Usage {
    pub(super) fn since(self, before: Self) -> Self {
        Self {
            cpu_ns: self.cpu_ns.saturating_sub(before.cpu_ns),
            wait_ns: self.wait_ns.saturating_sub(before.wait_ns),
            turns: self.turns.saturating_sub(before.turns),
        }
    }
}

/// What the kernel says of one thread: its id, its name there, and what it has used.
pub(super) fn read(task: &Task) -> Option<(ThreadId, String, Usage)> {
    let stat = task.stat().ok()?;
    let used = task.schedstat().ok()?;
    let id = ThreadId { tid: task.tid, started: stat.starttime };
    let usage =
        Usage { cpu_ns: used.sum_exec_runtime, wait_ns: used.run_delay, turns: used.pcount };
    Some((id, stat.comm, usage))
}

fn read_own() -> Option<(ThreadId, Usage)> {
    // SAFETY: only asks for a number.
    let tid = unsafe { libc::gettid() };
    let task = Process::myself().ok()?.task_from_tid(tid).ok()?;
    read(&task).map(|(id, _, usage)| (id, usage))
}

/// One of the run's own threads.
#[derive(Debug, Clone)]
pub(super) struct OwnThread {
    pub(super) kind: ThreadKind,
    pub(super) name: String,
    /// All that it used, once it has ended.
    pub(super) ended: Option<Usage>,
}

/// The run's own threads.
#[derive(Debug, Default)]
pub(in crate::run) struct ThreadRegistry {
    members: Mutex<HashMap<ThreadId, OwnThread>>,
}

impl ThreadRegistry {
    /// Enters the thread that calls. When the seat is dropped, the thread's last figures are
    /// noted: nobody can ask the kernel for them afterwards.
    pub(in crate::run) fn enter(self: &Arc<Self>, kind: ThreadKind, name: &str) -> ThreadGuard {
        let id = read_own().map(|(id, _)| id);
        if let Some(id) = id {
            let member = OwnThread { kind, name: name.to_owned(), ended: None };
            self.lock().insert(id, member);
        }
        ThreadGuard { roster: self.clone(), id }
    }

    pub(super) fn members(&self) -> HashMap<ThreadId, OwnThread> {
        self.lock().clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<ThreadId, OwnThread>> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A thread's place in the roster, for as long as it runs.
#[derive(Debug)]
pub(in crate::run) struct ThreadGuard {
    roster: Arc<ThreadRegistry>,
    id: Option<ThreadId>,
}

impl Drop for ThreadGuard {
    fn drop(&mut self) {
        if let (Some(id), Some((_, usage))) = (self.id, read_own())
            && let Some(member) = self.roster.lock().get_mut(&id)
        {
            member.ended = Some(usage);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_s_kind_is_known_by_the_name_that_the_kernel_has() {
        for (comm, kind) in [
            ("rdk:broker1", ThreadKind::Client),
            ("producer pollin", ThreadKind::Client),
            ("admin client po", ThreadKind::Client),
            ("kbench-sender", ThreadKind::Client),
            ("kbench-member", ThreadKind::Client),
            ("replay", ThreadKind::Harness),
            ("replays", ThreadKind::Other),
            ("my rdk:broker1", ThreadKind::Other),
        ] {
            assert_eq!(ThreadKind::of_comm(comm, false), kind, "{comm}");
            assert_eq!(ThreadKind::of_comm(comm, true), ThreadKind::Harness, "{comm}");
        }
    }

    #[test]
    fn what_was_used_since_is_the_difference_of_each() {
        let before = Usage { cpu_ns: 5, wait_ns: 70, turns: 900 };
        let now = Usage { cpu_ns: 8, wait_ns: 90, turns: 1_000 };
        assert_eq!(now.since(before), Usage { cpu_ns: 3, wait_ns: 20, turns: 100 });
    }
}
