//! The event's JSON: written from prebuilt fragments, read with simd-json.

pub mod encode;
pub mod parse;
pub mod restamp;
pub mod stamp;
