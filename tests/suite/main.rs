//! The integration suite: one binary, and each probe once, listed for every world it runs in and
//! for every client that its runs are made by.
//!
//! ```text
//! cargo test --release --test suite                     everything that can run here
//! cargo test --release --test suite embedded::          the embedded broker only
//! cargo test --release --test suite ::native::          the native client only
//! KBENCH_REQUIRE_ALL=1 cargo test --release --test suite    a missing tool is a failure
//! ```
//!
//! A probe is a plain function of a [`World`]: it panics when a claim does not hold. Without Java
//! or kcat the probes that need them are skipped, loudly.

// Helpers outside `#[test]` functions are tests all the same: they fail loudly, and they tell
// on stderr what was skipped.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]
// Nothing outside this binary sees it.
#![allow(unreachable_pub)]

mod admin;
mod answers;
mod calibrated;
mod canary;
mod churn;
mod client;
mod cluster;
mod conformance;
mod doctor;
mod drift;
mod gone;
mod group;
mod hlog;
mod keep_up;
mod laws;
mod leaving;
// `self_watch` looks at more of it.
#[allow(dead_code)]
#[path = "../self_watch/load.rs"]
mod load;
mod native_groups;
mod needs;
mod outage;
mod pipeline;
mod probe;
mod proxy;
mod raw;
mod reasons;
mod refused;
mod replay;
mod runs;
mod sender;
mod side_by_side;
mod statistics;
mod truth;
mod turn;
mod undelivered;
mod world;

use std::process::ExitCode;

use kbench::plan::ClientKind;
use libtest_mimic::{Arguments, Trial};

use needs::{Missing, Need};
use probe::Probe;
use world::{Kind, World};

/// Every probe of every suite. A new suite is one more line here.
fn suites() -> Vec<Probe> {
    let suites = [
        conformance::probes(),
        outage::probes(),
        laws::probes(),
        refused::probes(),
        reasons::probes(),
        calibrated::probes(),
        proxy::probes(),
        undelivered::probes(),
        truth::probes(),
        doctor::probes(),
        drift::probes(),
        gone::probes(),
        pipeline::probes(),
        answers::probes(),
        churn::probes(),
        leaving::probes(),
        native_groups::probes(),
        hlog::probes(),
        keep_up::probes(),
        replay::probes(),
        side_by_side::probes(),
        statistics::probes(),
    ];
    suites.into_iter().flatten().collect()
}

fn main() -> ExitCode {
    if let Some(code) = group::child_main() {
        return code;
    }
    let mut args = Arguments::from_args();
    // The probes mostly wait for a broker, so more of them run at once than there are cores.
    args.test_threads = args.test_threads.or(Some(8));
    let missing = Missing::look(args.list);
    let mut trials = Vec::new();
    for probe in suites() {
        for (kind, client) in probe.places() {
            trials.push(trial(&probe, (kind, client), &missing));
        }
    }
    let conclusion = libtest_mimic::run(&args, trials);
    World::stop_shared();
    if !args.list {
        probe::tell_times();
        missing.tell();
    }
    conclusion.exit_code()
}

/// The probe in one world, by one client; marked ignored when something it needs is not here.
fn trial(probe: &Probe, (kind, client): (Kind, ClientKind), missing: &Missing) -> Trial {
    let mut needs = probe.needs.to_vec();
    if kind == Kind::Kafka {
        needs.push(Need::Java);
    }
    let name = probe.title(kind, client);
    let lack = needs.into_iter().find_map(|need| missing.reason(need));
    let ignore = lack.as_ref().is_some_and(|lack| !lack.required);
    let mark = if ignore { "skipped, see the end" } else { "" };
    let probe = probe.clone();
    let run = move || match lack {
        Some(lack) => Err(lack.text.into()),
        None => probe.run_watched(kind, client),
    };
    Trial::test(name, run).with_ignored_flag(ignore).with_kind(mark)
}
