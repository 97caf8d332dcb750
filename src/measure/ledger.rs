//! The ledger: every slot ends in exactly one outcome, and every acknowledged event is seen by
//! every application once and in order, or named.
//!
//! A slot is `(shard, seq)`; what is known of it is a bit in a bitmap by fact: one bit for the
//! acknowledgement and one for each application, so 10⁸ slots of four applications take 63 MB.

pub mod atomic_bitmap;
pub mod due_counts;
mod dues;
pub mod log_report;
pub mod observations;
mod order;
pub mod partition;
mod places;
mod report;
mod rescan;
pub mod sparse_bitmap;
pub mod state;
mod stored;
pub mod trail;

pub use dues::{Dues, Undelivered};
pub use observations::{Observations, Observed, RunObservations};
pub use partition::{PartitionTracker, Tick};
pub use places::Places;
pub use report::{AppLedger, LedgerReport, Slots};
pub use rescan::Rescan;
pub use sparse_bitmap::{PlaneFault, SparseBitmap};
pub use state::Ledger;
use state::{AppTicks, LedgerShard};
pub use stored::{Outcomes, SeenBy, ShardOutcomes};
pub use trail::{Behind, Trail, TrailStretch};

#[cfg(test)]
mod tests;
