//! The generator's truth beside the applications' answers.

pub mod books;
pub mod detection;
pub mod segments;
