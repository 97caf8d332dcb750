//! From a scenario's text to a table of values with places, and the faults found on the way.

pub mod environment;
pub(crate) mod fault;
pub mod names;
pub mod overrides;
pub(crate) mod reader;
pub mod source;
pub(crate) mod tree;
pub mod unit;
