//! `kbench broker`: the embedded broker by itself.

use super::shared;
use std::io::{BufRead, Write};
use std::time::Duration;

use super::signals::Signals;
use crate::base::error::{ExitCode, Result};
use crate::broker::Broker;
use crate::broker::config::BrokerConfig;
use crate::cli::BrokerArgs;
use crate::run::embedded::GREETING;

pub(super) fn run(args: &BrokerArgs) -> Result<ExitCode> {
    let mut config = BrokerConfig {
        port: args.port,
        partitions_default: args.partitions,
        ..BrokerConfig::default()
    };
    if let Some(limit_mib) = args.memory_limit_mib {
        config.memory_limit_bytes = limit_mib << 20;
    }
    let signals = if args.until_stdin_closes {
        // It keeps nothing: whoever ends it need not wait.
        Signals::end_at_once()?;
        None
    } else {
        let signals = Signals::listen()?;
        signals.remains().serving();
        Some(signals)
    };
    let broker = Broker::start(&config)?;
    shared::show(&format!("{GREETING}{}\n", broker.address()))?;
    let Some(signals) = signals else {
        // A parent asks with an empty line, and ends it by closing: also by dying.
        for line in std::io::stdin().lock().lines() {
            if line.is_err() {
                break;
            }
            let stats = serde_json::to_string(&broker.stats()).unwrap_or_default();
            if writeln!(std::io::stdout(), "{stats}").is_err() {
                break;
            }
        }
        broker.stop();
        return Ok(ExitCode::Ok);
    };
    shared::tell(&format!(
        "an in-memory broker for trying things out: at most {} MiB for records and requests, \
         nothing is kept when it ends; Ctrl-C ends it",
        config.memory_limit_bytes >> 20
    ));
    while !signals.came() {
        std::thread::sleep(Duration::from_millis(50));
    }
    broker.stop();
    Ok(ExitCode::Ok)
}
