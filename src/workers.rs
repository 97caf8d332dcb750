//! The loops around the clients, and the traits that they drive. Plain threads.

pub mod consume;
pub mod produce;
