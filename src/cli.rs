//! The command line as typed. Nothing below knows that it exists.

mod race;
mod results;
pub mod shared;
pub mod verbs;

use crate::plan::toml::units;
use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

pub use race::{PAIRS, PAIRS_MAX, RaceArgs, RaceUntil, SideArgs};
pub use results::{CompareArgs, GateArgs, ListArgs, ReportArgs, ReportFormat, VerifyArgs};
use shared::{Format, ScenarioArgs, folder};

const EXIT_CODES: &str = "\
Exit codes:
  0    ok
  1    unexpected failure
  2    wrong command line or scenario; nothing was opened
  3    broker unreachable, or it refused
  4    run invalid: its sums don't close, events are missing, or --strict found a flag; a saved
       result that does not hold (verify); a host that is unfit to measure (doctor)
  5    a threshold or comparison failed
  6    comparison refused: the runs differ in what must be equal, or one was edited
  130  interrupted (Ctrl-C); what was measured is saved
  129, 131, 143  ended by SIGHUP, SIGQUIT, SIGTERM; what was measured is saved";

/// Highest rate, as in a scenario.
const RATE_MAX_PER_S: f64 = 1e7;

/// Load-tests Kafka with a real workload, and proves its numbers.
#[derive(Debug, Parser)]
#[command(name = "kbench", version, after_help = EXIT_CODES, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run scenarios, and leave a result folder for each
    #[command(after_help = EXIT_CODES)]
    Run(RunArgs),
    /// Show what a run would do; opens nothing
    #[command(visible_alias = "validate")]
    Plan(PlanArgs),
    /// Run applications by themselves, on a topic that somebody fills
    #[command(after_help = EXIT_CODES)]
    Consume(ConsumeArgs),
    /// Read a topic again through applications, and measure that; joins no group, commits nothing
    #[command(after_help = EXIT_CODES)]
    Replay(ReplayArgs),
    /// Send the load of a scenario by itself; or write its events to stdout and send nothing
    Produce(ProduceArgs),
    /// Show saved results again; put together what produce and consume have recorded
    #[command(after_help = EXIT_CODES)]
    Report(ReportArgs),
    /// Put two results, or two sweeps, beside each other: better, worse, same, or inconclusive
    #[command(after_help = EXIT_CODES)]
    Compare(CompareArgs),
    /// Run two configurations in turns, pair by pair, and compare them
    #[command(after_help = race::HELP)]
    Race(Box<RaceArgs>),
    /// Show what a results folder holds, the newest run first
    List(ListArgs),
    /// Recompute saved results from their own raw parts; exits with 4 when one does not hold
    #[command(after_help = EXIT_CODES)]
    Verify(VerifyArgs),
    /// Say what this host can measure: clock, sleeps, cores, ceiling; with -b the brokers, too
    #[command(after_help = EXIT_CODES)]
    Doctor(DoctorArgs),
    /// Run the embedded in-memory broker by itself, on 127.0.0.1
    Broker(BrokerArgs),
    /// Print shell completions
    Completions {
        /// For which shell.
        shell: clap_complete::Shell,
    },
    /// Write the manual's pages, one for each verb, into a folder
    Man {
        /// The folder; it is made where there is none.
        dir: PathBuf,
    },
}

/// `kbench run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Scenario files; `-` reads one from standard input
    #[arg(required = true, value_name = "SCENARIO")]
    pub scenarios: Vec<String>,
    /// What changes the scenario from outside.
    #[command(flatten)]
    pub scenario: ScenarioArgs,
    /// Folder for the result folders
    #[arg(long, value_name = "DIR", default_value = "results", env = "KBENCH_OUT",
        value_parser = OsStringValueParser::new().try_map(folder))]
    pub out: PathBuf,
    /// What stdout gets
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// No progress on stderr
    #[arg(short, long)]
    pub quiet: bool,
    /// Exit with 4 when anything is flagged above the numbers, and with 5 when a --fail-on is
    /// inconclusive
    #[arg(long)]
    pub strict: bool,
    /// Window of the live progress and of the figures over time, such as 500ms; stands above
    /// the scenario's measure.interval
    #[arg(long, value_name = "TIME", value_parser = interval)]
    pub interval: Option<String>,
    /// Go on with a sweep that was cut short: its folder
    #[arg(long, value_name = "DIR")]
    pub resume: Option<PathBuf>,
    /// Serve Prometheus metrics while running, at /metrics of this address, as 127.0.0.1:9464
    #[arg(long, value_name = "HOST:PORT")]
    pub metrics_addr: Option<String>,
    /// Compare with this result or sweep afterwards, as `kbench compare DIR` with the new one
    #[arg(long, value_name = "DIR")]
    pub compare_to: Option<String>,
    /// How it is compared.
    #[command(flatten)]
    pub gate: GateArgs,
    /// Start a sweep of more than 200 runs
    #[arg(short, long)]
    pub yes: bool,
}

/// `kbench doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// The brokers to look at, and how they are reached.
    #[command(flatten)]
    pub scenario: ScenarioArgs,
    /// What stdout gets
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Nothing but what was found
    #[arg(short, long)]
    pub quiet: bool,
}

/// `kbench plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// Scenario files; `-` reads one from standard input
    #[arg(required = true, value_name = "SCENARIO")]
    pub scenarios: Vec<String>,
    /// What changes the scenario from outside.
    #[command(flatten)]
    pub scenario: ScenarioArgs,
    /// What stdout gets
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// `kbench consume`.
#[derive(Debug, Args)]
pub struct ConsumeArgs {
    /// Applications: analytics, fraud, dashboard, behavior
    #[arg(required = true, value_name = "APP")]
    pub apps: Vec<String>,
    /// What changes the applications from outside.
    #[command(flatten)]
    pub scenario: ScenarioArgs,
    /// Summary after so many events (50) or so much time (10s), at most five a second [default:
    /// analytics 50, behavior 100, dashboard 10s, fraud only its alerts]
    #[arg(long, value_name = "EVENTS|TIME")]
    pub every: Option<String>,
    /// End after so many events of each application
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    pub count: Option<u64>,
    /// End after so long without a record, such as 5s
    #[arg(long, value_name = "TIME")]
    pub idle: Option<String>,
    /// What stdout gets; json is one object a line
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Nothing but the summaries
    #[arg(short, long)]
    pub quiet: bool,
    /// Record ledger and latencies in a folder below this one, for `kbench report`
    #[arg(long, value_name = "DIR", value_parser = OsStringValueParser::new().try_map(record))]
    pub record: Option<PathBuf>,
    /// Records by dates that are off by so many microseconds: a test of the clock bound
    #[arg(long, hide = true, allow_hyphen_values = true, default_value_t = 0)]
    pub shift_clock_us: i64,
}

/// `kbench replay`.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// Applications: analytics, fraud, dashboard, behavior; without any, all of them
    #[arg(value_name = "APP")]
    pub apps: Vec<String>,
    /// Topic [default: KAFKA_ACTIVITIES_TOPIC, or user-activities]
    #[arg(short, long)]
    pub topic: Option<String>,
    /// Where to begin: `beginning`, `offset 5`, `offset 0=5,3=7` by partition (the others from
    /// their beginning), `timestamp 2024-01-15T10:30:45Z` by Kafka's time of the records, or
    /// `duration 1h` before now; `offset:5` is the same in one word
    #[arg(long, value_name = "PLACE", num_args = 1..=2, default_value = "beginning",
        action = ArgAction::Set, allow_negative_numbers = true)]
    pub from: Vec<String>,
    /// What to end before, in the same words; `end` is where each partition ended when the replay
    /// began
    #[arg(long, value_name = "PLACE", num_args = 1..=2, default_value = "end",
        action = ArgAction::Set, allow_negative_numbers = true)]
    pub until: Vec<String>,
    /// Only these partitions, such as 0,3
    #[arg(short, long, value_name = "N,N...", value_delimiter = ',',
        value_parser = clap::value_parser!(i32).range(0..))]
    pub partition: Vec<i32>,
    /// `max`: as fast as it goes; `1x` keeps the gaps between the events, `10x` divides them by ten
    #[arg(long, value_name = "max|1x|10x", default_value = "max")]
    pub speed: String,
    /// Summary after so many events (50) or so much time (10s) too, at most five a second, and the
    /// alerts as they come [default: only at the end]
    #[arg(long, value_name = "EVENTS|TIME")]
    pub every: Option<String>,
    /// Only events of this run, by the number that ends the name of its result's folder
    #[arg(long, value_name = "RUN", value_parser = run_number)]
    pub run: Option<u32>,
    /// Scenario whose topic and applications count, such as the scenario.toml of a result's
    /// folder; `-` reads it from standard input
    #[arg(long, value_name = "FILE")]
    pub scenario: Option<String>,
    /// What changes the applications from outside.
    #[command(flatten)]
    pub scenario_args: ScenarioArgs,
    /// What stdout gets; json is one object
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Nothing but the result
    #[arg(short, long)]
    pub quiet: bool,
}

/// `kbench produce`.
#[derive(Debug, Args)]
pub struct ProduceArgs {
    /// Scenario file; `-` reads it from standard input; without any, the specification's load
    #[arg(value_name = "SCENARIO")]
    pub scenario: Option<String>,
    /// Write the events to stdout, one a line, and send nothing
    #[arg(long)]
    pub dry_run: bool,
    /// No progress on stderr
    #[arg(short, long)]
    pub quiet: bool,
    /// At most so many events
    #[arg(short, long, value_name = "N")]
    pub count: Option<u64>,
    /// Only events that are due within this time from the start, such as 30s
    #[arg(long, value_name = "TIME", value_parser = duration_ns)]
    pub duration: Option<u64>,
    /// One constant rate instead of the scenario's phases, in events/s; `max`: as fast as they are
    /// taken
    #[arg(long, value_parser = rate)]
    pub rate: Option<RateArg>,
    /// When the schedule of a dry run starts, as 2024-01-15T10:30:45Z; without it, now
    #[arg(long, value_name = "DATE", value_parser = date_us)]
    pub start: Option<i64>,
    /// Record the producer's part of a run in a folder below this one, for `kbench report`
    #[arg(long, value_name = "DIR", value_parser = OsStringValueParser::new().try_map(record))]
    pub record: Option<PathBuf>,
    /// What changes the scenario from outside.
    #[command(flatten)]
    pub scenario_args: ScenarioArgs,
    /// What stdout gets; without it, text on a terminal and JSON anywhere else
    #[arg(long, value_enum)]
    pub format: Option<EventFormat>,
}

/// How fast events are due.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum RateArg {
    /// Events per second.
    PerS(f64),
    /// As fast as they are taken; in a dry run the due times are the scenario's.
    Max,
}

/// What an event looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum EventFormat {
    /// Aligned columns, for a person.
    Text,
    /// The event's own bytes.
    Json,
}

/// A duration as it was written: the scenario's own limits come later.
fn interval(text: &str) -> Result<String, String> {
    units::duration(text).map(|_| text.to_owned())
}

fn duration_ns(text: &str) -> Result<u64, String> {
    let duration = units::duration(text)?;
    u64::try_from(duration.as_nanos()).map_err(|_| format!("{text:?} is too long; expected less"))
}

fn run_number(text: &str) -> Result<u32, String> {
    let expected = "expected a run's number in hexadecimal, such as 11f8ffd9";
    u32::from_str_radix(text, 16).map_err(|_| expected.to_owned())
}

fn rate(text: &str) -> Result<RateArg, String> {
    if text == "max" {
        return Ok(RateArg::Max);
    }
    match text.replace('_', "").parse() {
        Ok(per_s) if per_s > 0.0 && per_s <= RATE_MAX_PER_S => Ok(RateArg::PerS(per_s)),
        _ => Err("expected events/s, above 0 and at most 10000000, or max".to_owned()),
    }
}

fn date_us(text: &str) -> Result<i64, String> {
    crate::event::date::timestamp_us(text)
        .ok_or_else(|| "expected a date by RFC 3339, such as 2024-01-15T10:30:45Z".to_owned())
}

/// `kbench broker`.
#[derive(Debug, Args)]
pub struct BrokerArgs {
    /// Port on 127.0.0.1; 0 takes a free one
    #[arg(short, long, default_value_t = 9092)]
    pub port: u16,
    /// Partitions of topics that are made by using them
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(i32).range(1..=10_000))]
    pub partitions: i32,
    /// Most memory for records, in MiB
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(16..=1_048_576))]
    pub memory_limit_mib: Option<u64>,
    /// End when standard input closes
    #[arg(long, hide = true)]
    pub until_stdin_closes: bool,
}

/// An empty name is a variable of a shell that was meant to be set.
fn record(name: OsString) -> Result<PathBuf, &'static str> {
    if name.is_empty() { Err("is empty; expected a folder") } else { Ok(name.into()) }
}
