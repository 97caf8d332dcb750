//! What a run leaves, and what its result makes of it.

mod wiring;
