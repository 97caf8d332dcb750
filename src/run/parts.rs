//! A run that several processes make together: each records a part, and the parts are merged.

pub mod consumer;
pub mod merge;
pub mod part;
pub mod producer;
