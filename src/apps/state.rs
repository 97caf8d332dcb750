//! State that the applications share: tables with limits, windows, counts.

pub mod hours;
pub mod late;
pub mod leaps;
pub mod names;
pub mod spread;
pub mod table;
pub mod tally;
pub mod users;
pub mod visits;
