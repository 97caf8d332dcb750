//! The ledger: every slot ends in exactly one outcome, and every acknowledged event is seen by
//! every application once and in order, or named.
//!
//! A slot is `(shard, seq)`; what is known of it is a bit in a bitmap by fact: one bit for the
//! acknowledgement and one for each application, so 10⁸ slots of four applications take 63 MB.

mod bits;
pub mod core;
pub mod due_counts;
mod dues;
mod lane;
pub mod log_report;
mod notes;
mod order;
mod places;
mod plane;
mod report;
mod rescan;
mod stored;
pub mod trail;

pub use core::Ledger;
use core::{AppTicks, Shard};

pub use dues::{Dues, Undelivered};
pub use lane::{Lane, Tick};
pub use notes::{Noted, Notes, RunNotes};
pub use places::Places;
pub use plane::{Plane, PlaneFault};
pub use report::{AppLedger, LedgerReport, Slots};
pub use rescan::Rescan;
pub use stored::{Outcomes, SeenBy, ShardOutcomes};
pub use trail::{Behind, Stretch, Trail};

#[cfg(test)]
mod tests;
