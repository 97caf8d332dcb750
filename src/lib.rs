//! kbench: a load-testing and benchmark harness for Kafka.
//!
//! Data flows down this list, imports point up it: a folder may name those above it, never those
//! below (`tests/cli/tidy.rs` checks it).
//!
//! | folder | what lives there |
//! |---|---|
//! | [`base`] | errors with exit codes, clocks, random numbers, files |
//! | [`event`] | the event, its stamp, and its payload formats |
//! | [`plan`] | a scenario from TOML to a resolved plan |
//! | [`load`] | the schedule, the generator, and previews of both |
//! | [`apps`] | the applications, and the state they share |
//! | [`measure`] | latency, ledger, books |
//! | [`workers`] | the producing and the consuming loop |
//! | [`client`] | what a run is against |
//! | [`broker`] | the embedded broker |
//! | [`result`] | what a run has found, comparisons, sweeps |
//! | [`output`] | a file for each form of a result |
//! | [`run`] | one run, sweeps of them, runs of several processes |
//! | [`cli`] | arguments and verbs |

pub mod apps;
pub mod base;
pub mod broker;
pub mod cli;
pub mod client;
pub mod event;
pub mod load;
pub mod measure;
pub mod output;
pub mod plan;
pub mod result;
pub mod run;
pub mod workers;
