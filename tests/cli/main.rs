//! What the program does from outside, and what needs the whole library: one binary, so that the
//! tests, which mostly wait, run beside each other, and librdkafka is linked once.
//!
//! ```text
//! cargo test --release --test cli                 all of it
//! cargo test --release --test cli -- page::       one module
//! ```
//!
//! What must be alone in its process has its own binary: `suite` (brokers of three kinds),
//! `self_watch` (wants a quiet host), `footprint` (counts what is allocated), `hostile_broker`.

mod alone;
mod archive;
mod bad_inputs;
mod case;
mod clock_steps;
mod command_line;
mod compare;
mod counts;
mod coverage;
mod detection;
mod doctor;
mod dry_run;
mod endings;
mod intervals;
mod metrics;
mod pace;
mod page;
mod people;
mod race;
mod reasons;
mod recorded;
mod replay_command;
mod schema;
mod segments;
mod snapshots;
mod sweep;
mod thresholds;
mod tick;
mod tidy;
mod together;
#[allow(clippy::expect_used, clippy::panic, dead_code, reason = "each binary takes what it needs")]
#[path = "../suite/turn.rs"]
mod turn;
mod tutorial;
mod two_processes;
mod verify;

use std::process::Command;
use std::sync::LazyLock;

/// The program under test. Another suite's tests that want the host to themselves wait until all
/// of these have ended.
fn kbench() -> Command {
    static TURN: LazyLock<turn::Turn> = LazyLock::new(turn::Turn::shared);
    LazyLock::force(&TURN);
    Command::new(env!("CARGO_BIN_EXE_kbench"))
}
