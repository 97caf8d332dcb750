//! One file for each form of a result. Forms know results; results know no form.

#[cfg(test)]
mod catalogue_tests;
pub mod compare_markdown;
pub mod compare_text;
pub mod cpu;
pub mod csv;
pub mod detected;
pub mod draw;
pub mod hlog;
pub mod html;
pub mod list;
pub mod progress;
pub mod prometheus;
pub mod remainder;
pub mod replayed;
pub mod resting;
pub mod run_lines;
pub mod segmented;
pub mod stages;
pub mod standalone;
pub mod summary;
pub mod sweep;
pub mod sweep_outline;
pub mod table;
