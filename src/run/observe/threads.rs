//! What the threads of this process use while the run is measured.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use procfs::process::Process;

use super::thread_registry::{ThreadId, ThreadKind, ThreadRegistry, Usage, read};
use crate::result::self_watch::{ThreadCpu, ThreadShare};

/// A thread's load is looked at in stretches of this length: a peak must not hide in the mean of
/// a long run, and a second of catching up is not a peak.
const STRETCH_NS: u64 = 10_000_000_000;

/// The threads from the first look to the last.
#[derive(Debug)]
pub(super) struct Threads {
    roster: Arc<ThreadRegistry>,
    tracks: HashMap<ThreadId, Track>,
    first_ns: u64,
    last_ns: u64,
    stretch_ns: u64,
    busiest: ThreadShare,
}

#[derive(Debug)]
struct Track {
    name: String,
    kind: ThreadKind,
    first: Usage,
    last: Usage,
    stretch: Usage,
}

impl Threads {
    /// Begins at `now_ns`.
    pub(super) fn begin(roster: Arc<ThreadRegistry>, now_ns: u64) -> Self {
        let mut threads = Self::new(roster, now_ns);
        threads.take(true);
        threads
    }

    fn new(roster: Arc<ThreadRegistry>, now_ns: u64) -> Self {
        Self {
            roster,
            tracks: HashMap::new(),
            first_ns: now_ns,
            last_ns: now_ns,
            stretch_ns: now_ns,
            busiest: ThreadShare::default(),
        }
    }

    /// Looks again.
    pub(super) fn look(&mut self, now_ns: u64) {
        self.take(false);
        self.looked(now_ns);
    }

    /// All threads were looked at.
    fn looked(&mut self, now_ns: u64) {
        self.last_ns = now_ns;
        if now_ns - self.stretch_ns >= STRETCH_NS {
            self.end_stretch();
        }
    }

    /// The last look was the last.
    pub(super) fn end(&mut self) {
        // What is left of a long run is too short to say anything.
        if self.stretch_ns == self.first_ns || self.last_ns - self.stretch_ns >= STRETCH_NS / 2 {
            self.end_stretch();
        }
    }

    fn take(&mut self, first: bool) {
        let members = self.roster.members();
        let process = Process::myself();
        let tasks = process.as_ref().ok().and_then(|process| process.tasks().ok());
        for task in tasks.into_iter().flatten().flatten() {
            let Some((id, comm, usage)) = read(&task) else { continue };
            let (kind, name) = match members.get(&id) {
                Some(member) => (member.kind.clone(), member.name.clone()),
                None => (ThreadKind::of_comm(&comm, task.tid == task.pid), comm),
            };
            self.note(id, kind, name, usage, first);
        }
        for (id, member) in members {
            if let Some(usage) = member.ended {
                self.note(id, member.kind, member.name, usage, first);
            }
        }
    }

    fn note(&mut self, id: ThreadId, kind: ThreadKind, name: String, usage: Usage, first: bool) {
        // One that has begun since the first look used everything since then.
        let before = if first { usage } else { Usage::default() };
        let new = Track { name, kind, first: before, last: before, stretch: before };
        self.tracks.entry(id).or_insert(new).last = usage;
    }

    fn end_stretch(&mut self) {
        let wall_ns = (self.last_ns - self.stretch_ns).max(1) as f64;
        for track in self.tracks.values_mut() {
            let share = track.last.since(track.stretch).cpu_ns as f64 / wall_ns;
            track.stretch = track.last;
            if share > self.busiest.share {
                let thread = track.name.clone();
                self.busiest = ThreadShare { thread, share, wait_mean_ns: None };
            }
        }
        self.stretch_ns = self.last_ns;
    }

    /// The thread with the greatest share of a core in a stretch of ten seconds, or in the whole
    /// where that is shorter. Nothing here spins while it waits, so all of it is work.
    pub(super) fn busiest(&self) -> Option<ThreadShare> {
        (self.busiest.share > 0.0).then(|| self.busiest.clone())
    }

    /// The thread that stood longest in the run queue, and for which share of the whole. One that
    /// waits long at a time comes before one that only waits often.
    pub(super) fn most_waiting(&self) -> Option<ThreadShare> {
        let wall_ns = (self.last_ns - self.first_ns).max(1) as f64;
        let waits = self.tracks.values().map(|track| {
            let used = track.last.since(track.first);
            let wait_ns = used.wait_ns as f64;
            let thread = track.name.clone();
            let wait_mean_ns = Some(wait_ns / used.turns.max(1) as f64);
            ThreadShare { thread, share: wait_ns / wall_ns, wait_mean_ns }
        });
        let order = |a: &ThreadShare, b: &ThreadShare| {
            a.waits_long().cmp(&b.waits_long()).then_with(|| a.share.total_cmp(&b.share))
        };
        waits.max_by(order)
    }

    /// The sums by kind; `events` were acknowledged meanwhile.
    pub(super) fn by_kind(&self, events: u64) -> Vec<ThreadCpu> {
        let mut kinds: BTreeMap<&ThreadKind, (usize, Usage)> = BTreeMap::new();
        for track in self.tracks.values() {
            let used = track.last.since(track.first);
            let (threads, sum) = kinds.entry(&track.kind).or_default();
            *threads += 1;
            sum.cpu_ns += used.cpu_ns;
            sum.wait_ns += used.wait_ns;
        }
        let row = |(kind, (threads, used)): (&ThreadKind, (usize, Usage))| ThreadCpu {
            kind: kind.to_string(),
            threads,
            cpu_s: used.cpu_ns as f64 / 1e9,
            wait_s: used.wait_ns as f64 / 1e9,
            cpu_us_per_event: (events > 0).then(|| used.cpu_ns as f64 / 1e3 / events as f64),
        };
        kinds.into_iter().map(row).collect()
    }
}

#[cfg(test)]
mod tests;
