//! Arguments that several verbs have.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};

use crate::plan::ClientKind;

/// What changes a scenario from outside.
#[derive(Debug, Clone, Args)]
pub struct ScenarioArgs {
    /// Kafka to load, as host:port,host:port,...; without any, `run` starts the embedded broker
    #[arg(short, long, value_name = "SERVERS")]
    pub bootstrap_servers: Option<String>,
    /// Client that speaks to the brokers, instead of the scenario's
    #[arg(long, value_name = "CLIENT", value_parser = client_kind())]
    pub client: Option<ClientKind>,
    /// librdkafka property, for both sides or with the prefix `producer.` or `consumer.`
    #[arg(short = 'X', long = "property", value_name = "KEY=VALUE")]
    pub properties: Vec<String>,
    /// File of librdkafka properties, one key=value a line
    #[arg(short = 'F', long, value_name = "FILE")]
    pub command_config: Option<PathBuf>,
    /// Any scenario key, such as load.rate_per_s=50000
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Seed of every random choice, instead of the scenario's
    #[arg(long, allow_hyphen_values = true, value_parser = seed)]
    pub seed: Option<u64>,
}

/// What stdout gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For a person at a terminal.
    Text,
    /// The whole result.
    Json,
    /// For a pull request.
    Markdown,
}

/// The plan's layer knows no command line, so its words are made arguments here.
fn client_kind() -> impl TypedValueParser<Value = ClientKind> {
    let kind = |name: String| {
        let known = ClientKind::ALL.into_iter().find(|kind| kind.name() == name);
        known.ok_or("no such client")
    };
    PossibleValuesParser::new(ClientKind::NAMES).try_map(kind)
}

/// An empty name is a variable that was meant to be set.
pub(super) fn folder(name: OsString) -> Result<PathBuf, &'static str> {
    if name.is_empty() {
        return Err("is empty; expected a folder, by --out or by KBENCH_OUT, or neither");
    }
    Ok(name.into())
}

/// TOML's whole numbers are signed, so a seed of a scenario has 63 bits; so has one given here.
pub(super) fn seed(text: &str) -> Result<u64, String> {
    let seed = text.parse().ok().filter(|seed| *seed <= i64::MAX.unsigned_abs());
    seed.ok_or_else(|| format!("expected a whole number, 0 to {}", i64::MAX))
}
