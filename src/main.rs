//! The `kbench` binary: hands the command line to the library and exits with its code.

use clap::Parser;

fn main() -> std::process::ExitCode {
    kbench::cli::verbs::run(kbench::cli::Cli::parse())
}
