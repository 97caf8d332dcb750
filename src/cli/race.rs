//! `kbench race`.

use std::path::PathBuf;

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{Args, Parser, ValueEnum};

use super::GateArgs;
use super::shared::{Format, ScenarioArgs, folder};

pub(super) const HELP: &str = "\
Examples:
  kbench race scenarios/steady.toml --a '-b kafka-1:9092' --b '-b kafka-2:9092'
  kbench race scenarios/steady.toml -b kafka:9092 --a '-X linger.ms=5' --b '-X linger.ms=0' \\
      --until decided --fail-on 'analytics.e2e.p99 > +10%'

Exit codes:
  0    no gate failed; an inconclusive one does not, unless --strict
  2    wrong command line or scenario; nothing was opened
  3    broker unreachable, or it refused
  4    a run is invalid: the race stops there, and can go on with --resume
  5    a gate (--fail-on, --require) or a scenario's threshold failed
  6    refused: the two sides can't be compared
  130  interrupted (Ctrl-C); whole pairs are saved, and --resume goes on
  129, 131, 143  ended by SIGHUP, SIGQUIT, SIGTERM; the same";

/// Pairs, unless it is said how many.
pub const PAIRS: u32 = 5;

/// The most pairs of a race until it is decided, unless it is said how many.
pub const PAIRS_MAX: u32 = 40;

/// `kbench race`.
#[derive(Debug, Args)]
pub struct RaceArgs {
    /// Scenario of the baseline; `-` reads it from standard input
    #[arg(value_name = "A")]
    pub baseline: String,
    /// Scenario of the candidate; without it A's, with what --a and --b change
    #[arg(value_name = "B")]
    pub candidate: Option<String>,
    /// What changes both scenarios from outside.
    #[command(flatten)]
    pub scenario: ScenarioArgs,
    /// The same flags for the baseline only, such as '-b kafka-1:9092 -X linger.ms=5'
    #[arg(long, value_name = "FLAGS", allow_hyphen_values = true, value_parser = side)]
    pub a: Option<SideArgs>,
    /// The same flags for the candidate only
    #[arg(long, value_name = "FLAGS", allow_hyphen_values = true, value_parser = side)]
    pub b: Option<SideArgs>,
    /// Pairs of runs, one of each side [default: 5; for a gate better 10]
    #[arg(long, value_name = "N", conflicts_with = "until",
        value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub pairs: Option<u32>,
    /// `decided`: look after each pair, and end once every --fail-on, --require and --metric is
    /// decided; the comparison then has bounds that hold however often one looks
    #[arg(long, value_enum, value_name = "decided")]
    pub until: Option<RaceUntil>,
    /// Most pairs of a race until decided [default: 40]
    #[arg(long, value_name = "N", requires = "until",
        value_parser = clap::value_parser!(u32).range(3..=10_000))]
    pub max: Option<u32>,
    /// Folder for the race's folder, which gets the results of both sides in `a` and `b`
    #[arg(long, value_name = "DIR", default_value = "results", env = "KBENCH_OUT",
        value_parser = OsStringValueParser::new().try_map(folder))]
    pub out: PathBuf,
    /// Go on with a race that was cut short: its folder
    #[arg(long, value_name = "DIR")]
    pub resume: Option<PathBuf>,
    /// Seed of which side is first in every two pairs [default: the time]
    #[arg(long, value_name = "SEED", conflicts_with = "resume")]
    pub order_seed: Option<u64>,
    /// How the sides are compared, and what fails.
    #[command(flatten)]
    pub gate: GateArgs,
    /// Exit with 5 when a --fail-on is inconclusive, too
    #[arg(long)]
    pub strict: bool,
    /// What stdout gets: the comparison
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// No progress on stderr
    #[arg(short, long)]
    pub quiet: bool,
}

/// When a race ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RaceUntil {
    /// Once every gate and metric that was named is decided.
    Decided,
}

/// What changes the scenario of one side.
#[derive(Debug, Clone, Parser)]
#[command(no_binary_name = true, disable_help_flag = true)]
pub struct SideArgs {
    /// The flags.
    #[command(flatten)]
    pub scenario: ScenarioArgs,
}

fn side(text: &str) -> Result<SideArgs, String> {
    let words = words(text)?;
    SideArgs::try_parse_from(words).map_err(|error| {
        let said = error.to_string();
        let said = said.lines().next().unwrap_or("").trim_start_matches("error: ").to_owned();
        format!("{said}; expected flags that change a scenario: -b, -X, -F, --set, --seed")
    })
}

/// Cuts at blanks, but for those within quotes.
fn words(text: &str) -> Result<Vec<String>, String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for letter in text.chars() {
        match quote {
            Some(end) if letter == end => quote = None,
            None if letter == '\'' || letter == '"' => {
                quote = Some(letter);
                // Quotes around nothing are a word, too.
                word.get_or_insert_default();
            }
            None if letter.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    match quote {
        Some(quote) => Err(format!("a quote ({quote}) is not closed; expected it twice")),
        None => Ok(words),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_of_a_side_are_cut_as_a_shell_cuts_them() {
        let cut = |text: &str| words(text).unwrap();
        assert_eq!(cut("-b a:1  -X x=1"), ["-b", "a:1", "-X", "x=1"]);
        assert_eq!(cut("--set 'a = \"b c\"' ''"), ["--set", "a = \"b c\"", ""]);
        assert!(cut("  ").is_empty());
        assert!(words("-X 'x").unwrap_err().contains("not closed"));
        let args = side("-b a:1 -X x=1 --seed 5").unwrap().scenario;
        assert_eq!((args.bootstrap_servers.as_deref(), args.seed), (Some("a:1"), Some(5)));
        let said = side("--strict").unwrap_err();
        assert!(said.contains("--strict") && said.lines().count() == 1, "{said}");
    }
}
