//! A run as Prometheus sees it: OpenMetrics text on `GET /metrics` while the run goes on.
//!
//! Names and units follow <https://prometheus.io/docs/practices/naming/>: base units, counters in
//! `_total`. Histograms are classic ones, with bounds that suit a latency of 100 µs as well as
//! one of a minute; the whole distributions are in the result.

pub mod metrics;
mod server;

pub use server::Exporter;
