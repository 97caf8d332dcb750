//! What every folder may use: errors with exit codes, clocks, random numbers, files, and words for
//! people.

pub mod cgroups;
pub mod clock;
pub mod date;
pub mod error;
pub mod files;
pub mod fingerprint;
pub mod huge_pages;
pub mod json;
pub(crate) mod message_shape;
pub mod random;
pub mod record_batch;
pub(crate) mod suggest;
pub mod text;
pub mod visible;
