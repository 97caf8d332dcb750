//! What a probe is, and the watchdog that ends one that hangs.

use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use libtest_mimic::Failed;

use crate::needs::Need;
use crate::turn::Turn;
use crate::world::{Kind, World};
use kbench::plan::ClientKind;

/// Both worlds of today: a probe runs in these unless it says otherwise.
const EVERYWHERE: &[Kind] = &[Kind::Embedded, Kind::Kafka];

/// A claim about a broker, or about kbench with a broker.
#[derive(Debug, Clone)]
pub struct Probe {
    /// Its name without the world, as in `topics::more_partitions`.
    pub name: &'static str,
    /// Where it runs.
    pub worlds: &'static [Kind],
    /// In which of them its runs are made by the native client, too.
    pub native: &'static [Kind],
    /// What must be installed for it, beyond what the world needs.
    pub needs: &'static [Need],
    /// Panics when the claim does not hold.
    pub run: fn(&World),
    /// A probe that runs longer has failed.
    pub limit: Duration,
    /// No other probe runs meanwhile: it looks at times, and the others take the processor.
    pub alone: bool,
}

/// How long each probe took, and whether it had to itself what the others share.
static TIMES: Mutex<Vec<(Duration, String, bool)>> = Mutex::new(Vec::new());

/// Tells which probes took longest, and how long those that run alone took together.
pub fn tell_times() {
    let mut times = TIMES.lock().unwrap_or_else(PoisonError::into_inner);
    if times.len() < 2 {
        return;
    }
    times.sort_by(|one, other| other.cmp(one));
    let alone: Duration = times.iter().filter(|(.., alone)| *alone).map(|(time, ..)| *time).sum();
    eprintln!("the longest of {} probes ({:.0} s alone):", times.len(), alone.as_secs_f64());
    for (time, name, alone) in times.iter().take(15) {
        eprintln!("{:6.1} s  {name}{}", time.as_secs_f64(), if *alone { ", alone" } else { "" });
    }
}

impl Probe {
    /// A probe of every world.
    pub const fn new(name: &'static str, run: fn(&World)) -> Self {
        // Many times what any takes, and enough beside a second suite.
        let limit = Duration::from_secs(120);
        Self { name, worlds: EVERYWHERE, native: &[], needs: &[], run, limit, alone: false }
    }

    /// Lets no other probe run meanwhile.
    pub const fn alone(mut self) -> Self {
        self.alone = true;
        self
    }

    /// Restricts it to some worlds.
    pub const fn only(mut self, worlds: &'static [Kind]) -> Self {
        self.worlds = worlds;
        self
    }

    /// Makes its runs by the native client, too, in these worlds. What is left out gains little by
    /// it: it makes no run, or librdkafka does what it looks at.
    pub const fn natively(mut self, worlds: &'static [Kind]) -> Self {
        self.native = worlds;
        self
    }

    /// Where it runs, and by which client.
    pub fn places(&self) -> impl Iterator<Item = (Kind, ClientKind)> {
        let by = |client| move |kind: &Kind| (*kind, client);
        let native = self.native.iter().map(by(ClientKind::Native));
        self.worlds.iter().map(by(ClientKind::Librdkafka)).chain(native)
    }

    /// Its name in one world and by one client.
    pub fn title(&self, kind: Kind, client: ClientKind) -> String {
        match client {
            ClientKind::Librdkafka => format!("{kind}::{}", self.name),
            ClientKind::Native => format!("{kind}::native::{}", self.name),
        }
    }

    /// Names what must be installed for it.
    pub const fn needs(mut self, needs: &'static [Need]) -> Self {
        self.needs = needs;
        self
    }

    /// Runs it against the shared world of that kind, for no longer than its limit. A probe that
    /// hangs is left behind; the process ends without it.
    pub fn run_watched(&self, kind: Kind, client: ClientKind) -> Result<(), Failed> {
        let _turn = if self.alone { Turn::alone() } else { Turn::seated() };
        let began = Instant::now();
        let world = World::shared(kind)?.by(client);
        let (sender, receiver) = sync_channel(1);
        let run = self.run;
        let probe = thread::Builder::new()
            .name(self.title(kind, client))
            .spawn(move || {
                run(&world);
                // The watchdog may have given up already.
                let _ = sender.send(());
            })
            .expect("a thread");
        let ended = receiver.recv_timeout(self.limit);
        let note = (began.elapsed(), self.title(kind, client), self.alone);
        TIMES.lock().unwrap_or_else(PoisonError::into_inner).push(note);
        match ended {
            Ok(()) => Ok(()),
            Err(RecvTimeoutError::Timeout) => {
                Err(format!("still running after {:?}", self.limit).into())
            }
            // The probe panicked: its thread ended without a word.
            Err(RecvTimeoutError::Disconnected) => match probe.join() {
                Ok(()) => Ok(()),
                Err(payload) => Err(message(payload.as_ref()).into()),
            },
        }
    }
}

fn message(payload: &(dyn std::any::Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("panicked").to_owned()
}
