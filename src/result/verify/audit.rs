//! What became of a result that was recomputed.

use std::fmt::Display;
use std::path::Path;

use serde::Serialize;
use serde_json::Value;

use crate::base::error::Error;
use crate::base::files;
use crate::plan::Plan;
use crate::result::RunResult;
use crate::result::sweep::points::PointSummary;

/// One figure that is not what its raw parts make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditFault {
    /// Where it stands, as `apps.fraud.end_to_end.p99_ns`.
    pub figure: String,
    /// What the result says.
    pub says: String,
    /// What was recomputed, or must hold.
    pub recomputed: String,
}

impl Display for AuditFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} says {}; recomputed: {}", self.figure, self.says, self.recomputed)
    }
}

/// What became of a result that was recomputed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Audit {
    /// How many figures were recomputed.
    pub recomputed: u64,
    /// Those that are not what the result says.
    pub faults: Vec<AuditFault>,
    /// What could not be recomputed, and why.
    pub notes: Vec<String>,
    /// Whether there is a digest; whether it holds is among the faults.
    pub has_digest: bool,
}

impl Audit {
    /// Whether every figure that was recomputed is what the result says.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.faults.is_empty()
    }

    /// Notes what can't be read.
    pub fn unreadable(&mut self, error: &Error) {
        self.fault("result.json", error, "a whole result");
    }

    /// Holds lines of text against those that were made again.
    pub fn lines(&mut self, figure: &str, says: &[String], is: &[String]) {
        self.same(figure, says, is);
    }

    /// Holds what a sweep says of its points against its trials summed up again. What limited a
    /// point is judged by the rules of the kbench that ran it: held only where that `is_ours`.
    pub fn points(&mut self, says: &[PointSummary], is: &[PointSummary], is_ours: bool) {
        self.same("sweep.json: points", says.len(), is.len());
        for (place, (says, is)) in says.iter().zip(is).enumerate() {
            let name = format!("sweep.json: points[{place}]");
            self.same(format!("{name}.settings"), &says.settings, &is.settings);
            self.same(format!("{name}.idle_workers"), says.idle_workers, is.idle_workers);
            self.same(format!("{name}.offered_per_s"), &says.offered_per_s, &is.offered_per_s);
            self.same(format!("{name}.acked_per_s"), &says.acked_per_s, &is.acked_per_s);
            self.same(format!("{name}.apps"), &says.apps, &is.apps);
            if is_ours {
                self.same(name, says, is);
            }
        }
    }

    pub(super) fn fault(
        &mut self,
        figure: impl Into<String>,
        says: impl Display,
        is: impl Display,
    ) {
        let (says, recomputed) = (says.to_string(), is.to_string());
        self.faults.push(AuditFault { figure: figure.into(), says, recomputed });
    }

    pub(super) fn require(
        &mut self,
        figure: impl Into<String>,
        holds: bool,
        says: impl Display,
        is: impl Display,
    ) {
        self.recomputed += 1;
        if !holds {
            self.fault(figure, says, is);
        }
    }

    /// Equal, as whole numbers and texts are.
    #[expect(clippy::needless_pass_by_value, reason = "figures are made where they are held")]
    pub(super) fn same<T: PartialEq + Serialize>(
        &mut self,
        figure: impl Into<String>,
        says: T,
        is: T,
    ) {
        let shown = |value: &T| serde_json::to_string(value).unwrap_or_default();
        self.require(figure, says == is, shown(&says), shown(&is));
    }

    /// Equal but for the last digits of a sum of floats.
    pub(super) fn near(&mut self, figure: impl Into<String>, says: f64, is: f64) {
        let slack = 1e-9 * says.abs().max(is.abs()).max(1e-6);
        self.require(figure, (says - is).abs() <= slack, says, is);
    }
}

/// A result as it lies on the disk.
#[derive(Debug, Clone, Default)]
pub struct SavedFiles {
    /// All of `result.json`, unknown members too.
    pub value: Value,
    /// `latency.hlog`, where it is there.
    pub log: Option<String>,
    /// `scenario.toml`, where it is there.
    pub scenario: Option<String>,
    /// `summary.md`, where it is there.
    pub summary: Option<String>,
    /// `report.html`, where it is there.
    pub report: Option<String>,
}

impl SavedFiles {
    /// Reads what lies beside a `result.json`; what can't be read is not there.
    #[must_use]
    pub fn beside(folder: &Path, value: Value) -> Self {
        let read = |name: &str| files::text(&folder.join(name), files::RESULT_BYTES_MAX).ok();
        Self {
            value,
            log: read("latency.hlog"),
            scenario: read("scenario.toml"),
            summary: read("summary.md"),
            report: read("report.html"),
        }
    }
}

/// The texts beside a result as this program makes them.
#[derive(Debug, Clone)]
pub struct Drawn {
    /// `summary.md`.
    pub summary: String,
    /// `report.html`.
    pub report: String,
}

/// Whether this very program made the result: its words and its events must be ours then.
#[must_use]
pub fn is_ours(result: &RunResult) -> bool {
    let git = Some(env!("KBENCH_GIT")).filter(|git| !git.is_empty());
    result.build.kbench == env!("CARGO_PKG_VERSION") && result.build.git.as_deref() == git
}

/// The plan of a result, where this version can read it.
pub(super) fn plan_of(result: &RunResult) -> Result<Plan, String> {
    serde_json::from_value(result.plan.clone()).map_err(|error| error.to_string())
}
