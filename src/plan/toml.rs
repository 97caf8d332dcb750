//! From a scenario's text to a table of values with places, and the faults found on the way.

pub(crate) mod diagnostics;
pub mod environment;
pub mod names;
pub mod overrides;
pub(crate) mod reader;
pub mod source;
pub(crate) mod tree;
pub mod units;
