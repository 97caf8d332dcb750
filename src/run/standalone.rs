//! One application by itself, outside of any run.

pub mod consumer;
pub mod replay;
