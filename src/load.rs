//! The load before anything is sent: when events are due, who sends which, and what a plan would
//! do. Pure: the same plan gives the same load.

pub mod generate;
pub mod preview;
pub mod schedule;
