//! State that the applications share: tables with limits, windows, counts.

pub mod counts;
pub mod histogram;
pub mod interner;
pub mod leaps;
pub mod sessions;
pub mod table;
pub mod users;
pub mod watermark;
pub mod windows;
