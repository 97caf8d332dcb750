//! The verbs that read results.

use std::path::PathBuf;

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{Args, ValueEnum};

use super::shared::{Format, folder};

/// `kbench compare`.
#[derive(Debug, Args)]
pub struct CompareArgs {
    /// Result, sweep, or folder of runs; DIR:linger.ms=5,acks=all is one point of a sweep
    #[arg(value_name = "BASELINE", required_unless_present_any = ["simulate", "coverage"])]
    pub baseline: Option<String>,
    /// What is compared with it; the same
    #[arg(value_name = "CANDIDATE", required_unless_present_any = ["simulate", "coverage"])]
    pub candidate: Option<String>,
    /// How it is compared, and what fails.
    #[command(flatten)]
    pub gate: GateArgs,
    /// Exit with 5 when a --fail-on is inconclusive, too
    #[arg(long)]
    pub strict: bool,
    /// What stdout gets; in GitHub Actions the Markdown goes to the job's summary, too
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Print the method's false alarms and power, by simulation; with two folders of runs of the
    /// same, how often those would be called different
    #[arg(long)]
    pub simulate: bool,
    /// Print how often bounds of a percentile from within one run hold the truth, by simulation;
    /// with two folders of runs of the same, how often they do there
    #[arg(long, conflicts_with = "simulate")]
    pub coverage: bool,
}

/// How results are compared.
#[derive(Debug, Args)]
pub struct GateArgs {
    /// Exit with 5 when this is so, such as 'analytics.e2e.p99 > +10%' or 'throughput < -5%'
    #[arg(long, value_name = "METRIC > +N%")]
    pub fail_on: Vec<String>,
    /// Exit with 5 unless this is shown, such as 'analytics.e2e.p99 < +10%' or 'ack.p99 < 50ms'
    #[arg(long, value_name = "METRIC < +N%")]
    pub require: Vec<String>,
    /// Only these metrics, such as fraud.e2e.p99.9; the fewer, the smaller a change is found
    #[arg(long = "metric", value_name = "METRIC")]
    pub metrics: Vec<String>,
    /// Smallest change that matters, in percent
    #[arg(long, value_name = "PERCENT", default_value = "5", value_parser = percent)]
    pub min_effect: f64,
    /// Declare what may differ: host, versions (broker-version alone), client, scenario, seed,
    /// broker-kind; cluster: within a side; limited: keep runs that the harness limited
    #[arg(long, value_name = "WHAT,WHAT...", value_delimiter = ',')]
    pub allow: Vec<String>,
}

impl GateArgs {
    /// Whether nothing is said but for the smallest effect.
    pub fn is_empty(&self) -> bool {
        let Self { fail_on, require, metrics, min_effect: _, allow } = self;
        [fail_on, require, metrics, allow].iter().all(|given| given.is_empty())
    }
}

/// `kbench list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Folder with result folders
    #[arg(value_name = "DIR", default_value = "results", env = "KBENCH_OUT",
        value_parser = OsStringValueParser::new().try_map(folder))]
    pub folder: PathBuf,
    /// What stdout gets
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// `kbench verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// Results, sweeps, or folders of them
    #[arg(required = true, value_name = "DIR")]
    pub folders: Vec<PathBuf>,
    /// What stdout gets
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// `kbench report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// Folders of a result, of several, or of what --record left
    #[arg(required = true, value_name = "DIR")]
    pub folders: Vec<PathBuf>,
    /// What stdout gets; csv is a row for each interval and application, hlog the latency over
    /// time for HdrHistogram's tools
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    pub format: ReportFormat,
}

/// How a saved result is shown again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// For a person at a terminal.
    Text,
    /// The whole result.
    Json,
    /// For a pull request.
    Markdown,
    /// A row for each interval and application.
    Csv,
    /// The interval log, as saved.
    Hlog,
}

/// A share from a number of percent.
fn percent(text: &str) -> Result<f64, String> {
    let percent: Option<f64> = text.trim_end_matches('%').trim().parse().ok();
    let percent = percent.filter(|percent| *percent >= 0.1 && *percent <= 1_000.0);
    percent.map(|percent| percent / 100.0).ok_or_else(|| "expected 0.1 to 1000, as 5 or 5%".into())
}
