//! A run's result: everything that decides a figure, beside the figures.

mod check;
pub mod clocks;
pub mod compare;
mod differences;
mod digest;
pub mod end_lag;
pub(crate) mod entry;
pub mod flag;
mod flags;
pub(crate) mod hiccups;
mod host;
mod interval;
pub mod keep_up;
pub mod kept_up;
pub(crate) mod latency;
pub mod limited;
mod list;
pub mod live;
mod load;
pub mod metric;
mod people;
mod place;
pub(crate) mod process;
mod race;
mod recording;
pub mod remainder;
mod replayed;
pub mod run_event;
pub mod run_fault;
pub mod run_outcome;
pub mod run_result;
pub(crate) mod save;
pub mod saved;
#[cfg(test)]
mod schema;
mod secrets;
pub mod self_watch;
pub mod self_watch_flags;
mod spans;
pub mod sweep;
pub mod threshold;
pub mod throttling;
pub mod timeline_event;
mod verdict;
pub mod verify;

pub use check::Check;
pub use clocks::clocks;
pub use host::Host;
pub use interval::{AppInterval, Interval};
pub use latency::{Delivered, LatencySummary, episodes};
pub use list::{Listed, list};
pub use load::{
    Saved, folders, is_unverified, load, load_all, load_all_verified, load_verified, open,
};
pub use people::PhaseSessions;
pub use process::{AppClock, ClockBound, ProcessResult};
pub use race::Lap;
pub use recording::RecordingResult;
pub use replayed::{ReplayResult, Replayed};
pub use run_result::{
    AppResult, Build, FORMAT_VERSION, PartitionResult, PhaseResult, RunResult, StackedPercentile,
    Throughput, Trial, Verdict,
};
pub(crate) use save::sync;
pub use save::{check_writable, folder_name, replace, save, write_file};
pub use secrets::{mask_arguments, mask_toml};
pub use spans::IntervalSpan;
pub use verdict::Worth;
