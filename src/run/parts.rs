//! A run that several processes make together: each records a part, and the parts are merged.

pub mod merge;
pub mod part;
pub mod sender;
pub mod witnessed;
