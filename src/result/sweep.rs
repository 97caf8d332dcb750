//! What the runs of a sweep say together.

pub mod axis;
pub mod conclude;
pub mod figures;
pub mod limit;
pub mod manifest;
pub mod points;
pub mod simulate;
