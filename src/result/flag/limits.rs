//! The limits beyond which something is flagged.
//!
//! They are those of the notes on measuring, C.7, unless they name another source.

/// Send delay (p99) above which the generator is called saturated, as Kroxylicious' kit does.
pub const SLIP_P99_LIMIT_NS: u64 = 1_000_000;

/// From here on a slot is late.
pub const LATE_NS: u64 = 10_000_000;

/// Share of the slots that may be late.
pub const LATE_SHARE_LIMIT: f64 = 0.01;

/// Share of a core above which a thread has no reserve. TRex warned at 88 %.
pub const BUSY_LIMIT: f64 = 0.85;

/// Share of its time that a thread may stand in the run queue.
pub const WAIT_LIMIT: f64 = 0.05;

/// Share of the CPU that a quota or a hypervisor may take.
pub const TAKEN_LIMIT: f64 = 0.01;

/// Share of the ceiling that may be offered.
pub const CEILING_LIMIT: f64 = 0.7;

/// How much a latency may change within a stretch of constant rate, in percent: as much as two
/// runs may differ before `compare` calls one of them better (C.5).
pub const DRIFT_LIMIT_PERCENT: f64 = 5.0;

/// How soon the memory may be full at the slope that was seen. kbench's own choice: a growth that
/// the machine bears for an hour is no danger to a run of minutes, and one that it does not bear
/// is a queue or a leak, whatever the run is about. It must have a lower bound above 0, too.
pub const FULL_IN_LIMIT_S: f64 = 3_600.0;

/// How far the wall clock may step before the dates in the events are in doubt. (Slewing, at most
/// 0.05 % by `adjtimex`, stays far below within the second between two looks.)
pub const STEP_LIMIT_US: i64 = 50_000;

/// Share of a percentile, from 0 to 1, above which it is marked as the harness's.
pub const HARNESS_SHARE_LIMIT: f64 = 0.2;

/// Times as fast as configured that the sessions of a phase may live.
pub const HURRY_LIMIT: f64 = 1.25;
