//! What a run is worth, in a word and as an exit code.

use super::{RunResult, Verdict};
use crate::base::error::ExitCode;

/// What a run is worth, from the best on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Worth {
    /// The figures can be believed.
    Valid,
    /// They can, and something limited them.
    Flagged,
    /// They can, and a signal ended the run early.
    Partial,
    /// They can't be believed.
    Invalid,
}

impl Worth {
    /// The word above the figures; the flags themselves stand below it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Valid | Self::Flagged => "VALID",
            Self::Partial => "PARTIAL",
            Self::Invalid => "INVALID",
        }
    }

    /// The word in a list, where the flags don't stand.
    #[must_use]
    pub const fn in_list(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Flagged => "flagged",
            Self::Partial => "partial",
            Self::Invalid => "invalid",
        }
    }
}

impl Verdict {
    /// What the run is worth.
    #[must_use]
    pub const fn worth(&self) -> Worth {
        match (self.valid, self.interrupted_by) {
            (false, _) => Worth::Invalid,
            (true, Some(_)) => Worth::Partial,
            (true, None) if self.flags.is_empty() => Worth::Valid,
            (true, None) => Worth::Flagged,
        }
    }
}

impl RunResult {
    /// What a result comes to for whoever reads it later; `strict` fails on a flag, too.
    #[must_use]
    pub fn exit_code(&self, strict: bool) -> ExitCode {
        match self.verdict.worth() {
            Worth::Invalid => ExitCode::Invalid,
            _ if strict && !self.verdict.flags.is_empty() => ExitCode::Invalid,
            _ if self.thresholds.iter().any(|threshold| !threshold.passed) => ExitCode::Threshold,
            _ => ExitCode::Ok,
        }
    }

    /// What a run comes to that has just ended: a signal decides first, as whoever pressed Ctrl-C
    /// knows that the run is partial.
    #[must_use]
    pub fn exit_code_of_run(&self, strict: bool) -> ExitCode {
        match self.verdict.interrupted_by {
            Some(code) => ExitCode::of_signal(code).unwrap_or(ExitCode::Interrupted),
            None => self.exit_code(strict),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::result::threshold::ThresholdResult;

    fn recorded() -> RunResult {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("results/recorded");
        let mut run = crate::result::load_all(&folder.join("aa/embedded/a")).unwrap().remove(0);
        run.result.verdict = Verdict { valid: true, ..Verdict::default() };
        run.result.thresholds.clear();
        run.result
    }

    #[test]
    fn a_run_has_one_word_and_each_place_the_form_that_it_shows() {
        let verdict = |valid, interrupted_by, flags: &[&str]| Verdict {
            valid,
            interrupted_by,
            flags: flags.iter().map(ToString::to_string).collect(),
            ..Verdict::default()
        };
        let all = [
            verdict(true, None, &[]),
            verdict(true, None, &["late"]),
            verdict(true, Some(130), &["late"]),
            verdict(false, Some(130), &["late"]),
            verdict(false, None, &[]),
        ];
        let words = all.map(|verdict| (verdict.worth().word(), verdict.worth().in_list()));
        let expected = [
            ("VALID", "valid"),
            ("VALID", "flagged"),
            ("PARTIAL", "partial"),
            ("INVALID", "invalid"),
            ("INVALID", "invalid"),
        ];
        assert_eq!(words, expected);
    }

    #[test]
    fn what_is_not_valid_comes_before_a_threshold_and_a_signal_before_all_of_a_run() {
        let mut run = recorded();
        let codes = |run: &RunResult| [false, true].map(|strict| run.exit_code(strict));
        assert_eq!(codes(&run), [ExitCode::Ok; 2]);
        run.thresholds = vec![ThresholdResult {
            metric: "ack.p99".to_owned(),
            expected: "< 1ms".to_owned(),
            actual: Some(2e6),
            shown: "2.00 ms".to_owned(),
            passed: false,
        }];
        assert_eq!(codes(&run), [ExitCode::Threshold; 2]);
        run.verdict.flags.push("late".to_owned());
        assert_eq!(codes(&run), [ExitCode::Threshold, ExitCode::Invalid]);
        run.verdict.valid = false;
        assert_eq!(codes(&run), [ExitCode::Invalid; 2]);
        assert_eq!(run.exit_code_of_run(false), ExitCode::Invalid);
        run.verdict.interrupted_by = Some(143);
        assert_eq!(run.exit_code_of_run(true), ExitCode::Terminated);
        assert_eq!(run.exit_code(false), ExitCode::Invalid);
    }
}
