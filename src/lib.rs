//! kbench: a load-testing and benchmark harness for Kafka.
//!
//! The layers, from words to skin; a lower line may use a higher one, never the reverse
//! (`tests/cli/tidy.rs` checks it):
//!
//! | layer | modules |
//! |---|---|
//! | 0 words | [`error`] [`clock`] [`event`] [`wire`] [`files`] [`visible`] [`cgroups`] |
//! | | [`memory`] |
//! | 1 intent | [`scenario`] → [`plan`] |
//! | 2 load | [`pace`] [`generate`] |
//! | 3 judgement | [`apps`] [`record`] [`ledger`] [`books`] |
//! | 4 loops | [`produce`] [`consume`] |
//! | 5 world | [`kafka`] [`loopback`] [`broker`] |
//! | 6 whole | [`harness`] [`result`] [`sweep`] [`race`] [`report`] [`compare`] |
//! | | [`progress`] [`metrics`] |
//! | 7 skin | [`cli`] [`command`], and `main` |

pub mod apps;
pub mod books;
pub mod broker;
pub mod cgroups;
pub mod cli;
pub mod clock;
pub mod command;
pub mod compare;
pub mod consume;
pub mod error;
pub mod event;
pub mod files;
pub mod generate;
pub mod harness;
pub mod kafka;
pub mod ledger;
pub mod loopback;
pub mod memory;
pub mod metrics;
pub mod pace;
pub mod plan;
pub mod produce;
pub mod progress;
pub mod race;
pub mod record;
pub mod report;
pub mod result;
pub mod scenario;
pub mod sweep;
pub mod visible;
pub mod wire;
