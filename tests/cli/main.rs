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
mod bad_inputs;
mod clock_steps;
mod command_line;
mod compare;
mod counts;
mod coverage;
mod detection;
mod doctor;
mod dry_run;
mod intervals;
mod metrics;
mod page;
mod race;
mod recorded;
mod replay_command;
mod schema;
mod segments;
mod snapshots;
mod sweep;
mod thresholds;
mod tidy;
mod together;
mod tutorial;
mod two_processes;
mod verify;
