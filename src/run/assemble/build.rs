//! What ran: the program, its versions and features.

use crate::client;
use crate::plan::ClientKind;
use crate::result::Build;

/// This program.
pub(in crate::run) fn build() -> Build {
    Build {
        kbench: env!("CARGO_PKG_VERSION").to_owned(),
        git: Some(env!("KBENCH_GIT").to_owned()).filter(|git| !git.is_empty()),
        rdkafka: Some(env!("KBENCH_RDKAFKA").to_owned()).filter(|version| !version.is_empty()),
        librdkafka: client::library(ClientKind::Librdkafka).version(),
        features: Some(features()),
        profile: if cfg!(debug_assertions) { "debug" } else { "release" }.to_owned(),
    }
}

/// The Cargo features that it was built with.
fn features() -> Vec<String> {
    [("zstd", cfg!(feature = "zstd")), ("tls", cfg!(feature = "tls"))]
        .into_iter()
        .filter(|&(_, on)| on)
        .map(|(name, _)| name.to_owned())
        .collect()
}
