//! The catalogue of metrics: a row for each thing that is measured. Every form of a result reads
//! it, so that none can forget one; how a value is taken from a result is in
//! [`crate::result::metric`].

use super::form::{Form, Shown, THRESHOLD, at, chart, column, family};
use super::terms::{Account, AppStage, Better, Statistic, Unit};

/// Where a figure stands in a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Figure {
    /// A latency of an application.
    App(AppStage, Statistic),
    /// Due to acknowledged.
    Ack(Statistic),
    /// Due to handed over.
    SendDelay(Statistic),
    /// Events per second that came due.
    Offered,
    /// Events per second that the clients took.
    Accepted,
    /// Events per second: acknowledged, or processed by an application.
    Throughput,
    /// The harness' CPU for one event.
    CpuPerEvent,
    /// A count; over all applications, or of one.
    Ledger(Account),
    /// Most unread records at the end of an interval; of the worst group, or of one.
    LagMax,
    /// Payload bytes for a byte on the wire.
    WireRatio,
    /// Rebalances of an application's group in the measured part.
    Rebalances,
    /// For how long brokers throttled clients by quota, in the measured part.
    ThrottleTime(ThrottledSide),
}

/// The clients of one side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ThrottledSide {
    /// Those that send.
    Producers,
    /// Those that read, of all applications.
    Consumers,
}

/// What a row measures.
#[derive(Debug, Clone, Copy)]
pub enum Measured {
    /// One figure.
    One(Figure),
    /// A distribution, with a figure for each statistic.
    Each(fn(Statistic) -> Figure),
}

/// One metric, or the figures of one distribution.
#[derive(Debug, Clone, Copy)]
pub struct MetricRow {
    /// As users write it; behind the application's name where it is about one, and before the
    /// statistic's where it is a distribution.
    pub name: &'static str,
    /// Whether each application has one.
    pub per_app: bool,
    /// The unit of its value.
    pub unit: Unit,
    /// Which way is better.
    pub better: Better,
    /// What its value is.
    pub measured: Measured,
    /// Where it is shown.
    pub shown: &'static [Shown],
}

impl MetricRow {
    /// Its figures: one, or one for each statistic.
    pub fn figures(&self) -> impl Iterator<Item = (Option<Statistic>, Figure)> + use<> {
        let (one, each) = match self.measured {
            Measured::One(figure) => (Some((None, figure)), None),
            Measured::Each(of) => (None, Some(of)),
        };
        let each = each.into_iter().flat_map(|of| {
            Statistic::ALL.into_iter().map(move |statistic| (Some(statistic), of(statistic)))
        });
        one.into_iter().chain(each)
    }
}

/// A row that is no distribution.
const fn run(
    name: &'static str,
    unit: Unit,
    better: Better,
    figure: Figure,
    shown: &'static [Shown],
) -> MetricRow {
    MetricRow { name, per_app: false, unit, better, measured: Measured::One(figure), shown }
}

/// The same, of each application.
const fn app(
    name: &'static str,
    unit: Unit,
    better: Better,
    figure: Figure,
    shown: &'static [Shown],
) -> MetricRow {
    MetricRow { per_app: true, ..run(name, unit, better, figure, shown) }
}

/// A latency.
const fn latency(
    name: &'static str,
    per_app: bool,
    each: fn(Statistic) -> Figure,
    shown: &'static [Shown],
) -> MetricRow {
    let (unit, better, measured) = (Unit::Nanoseconds, Better::Less, Measured::Each(each));
    MetricRow { name, per_app, unit, better, measured, shown }
}

/// A count of events or records.
const fn events(name: &'static str, account: Account, shown: &'static [Shown]) -> MetricRow {
    run(name, Unit::Count, Better::Less, Figure::Ledger(account), shown)
}

/// The same, of each application.
const fn app_events(name: &'static str, account: Account, shown: &'static [Shown]) -> MetricRow {
    MetricRow { per_app: true, ..events(name, account, shown) }
}

/// Every metric. Places leave room between neighbours; those of one form differ.
pub static CATALOGUE: &[MetricRow] = &[
    latency(
        "e2e",
        true,
        |statistic| Figure::App(AppStage::EndToEnd, statistic),
        &[
            THRESHOLD,
            at(Form::Table, 30, "e2e p50").of(Statistic::P50),
            at(Form::Table, 40, "p99").of(Statistic::P99),
            at(Form::Table, 50, "p99.9").of(Statistic::P99_9),
            at(Form::Table, 60, "max").of(Statistic::Max),
            at(Form::Tile, 30, "end to end p50, slowest app").of(Statistic::P50),
            at(Form::Tile, 40, "end to end p99, slowest app").of(Statistic::P99),
            at(Form::Tile, 50, "end to end max").of(Statistic::Max),
            column(110, "p50_ns").of(Statistic::P50),
            column(120, "p99_ns").of(Statistic::P99),
            column(130, "max_ns").of(Statistic::Max),
            family(90, "end_to_end_seconds", "Processed by an application after the event was due"),
            at(Form::Sweep, 30, "p50").of(Statistic::P50),
            at(Form::Sweep, 40, "p99").of(Statistic::P99),
            at(Form::Sweep, 50, "p99.9").of(Statistic::P99_9),
            at(Form::SweepApps, 20, "p50").of(Statistic::P50),
            at(Form::SweepApps, 30, "p99").of(Statistic::P99),
            at(Form::SweepApps, 40, "p99.9").of(Statistic::P99_9),
            chart(Form::HeatMap, 10, "p99", SLOWEST_P99).of(Statistic::P99),
            chart(Form::HeatMap, 20, "p50", SLOWEST_P50).of(Statistic::P50),
            chart(Form::LineChart, 10, "p99", SLOWEST_P99).of(Statistic::P99),
            chart(Form::LineChart, 20, "p50", SLOWEST_P50).of(Statistic::P50),
            at(Form::Comparison, 10, "").of(Statistic::P50),
            at(Form::Comparison, 20, "").of(Statistic::P99),
        ],
    ),
    latency(
        "service",
        true,
        |statistic| Figure::App(AppStage::Service, statistic),
        &[THRESHOLD, at(Form::Table, 70, "service").of(Statistic::P50)],
    ),
    latency("arrival", true, |statistic| Figure::App(AppStage::Arrival, statistic), &[THRESHOLD]),
    app(
        "throughput",
        Unit::PerSecond,
        Better::More,
        Figure::Throughput,
        &[
            THRESHOLD,
            at(Form::Table, 20, "seen/s"),
            at(Form::SweepApps, 10, "events/s"),
            column(80, "seen"),
            family(70, "read_records", "Records that an application has read"),
        ],
    ),
    app_events(
        "seen",
        Account::Seen,
        &[at(Form::Table, 10, "seen"), at(Form::PageTable, 10, "seen")],
    ),
    app_events(
        "missing",
        Account::Missing,
        &[THRESHOLD, at(Form::Table, 80, "missing"), at(Form::PageTable, 20, "missing")],
    ),
    app_events(
        "duplicates",
        Account::Duplicates,
        &[THRESHOLD, at(Form::Table, 90, "dup"), at(Form::PageTable, 30, "doubled")],
    ),
    app_events("redeliveries", Account::Redeliveries, &[at(Form::PageTable, 40, "read again")]),
    app_events(
        "reordered",
        Account::Reordered,
        &[THRESHOLD, at(Form::Table, 100, "reorder"), at(Form::PageTable, 50, "reordered")],
    ),
    app_events("foreign", Account::Foreign, &[at(Form::PageTable, 60, "of others")]),
    app_events("no_event", Account::NoEvent, &[at(Form::PageTable, 70, "no event")]),
    app(
        "lag.max",
        Unit::Count,
        Better::Less,
        Figure::LagMax,
        &[
            THRESHOLD,
            column(90, "lag_records"),
            family(80, "lag_records", "Acknowledged records that an application has not read"),
        ],
    ),
    app(
        "rebalances",
        Unit::Count,
        Better::Less,
        Figure::Rebalances,
        &[
            THRESHOLD,
            at(Form::Disturbed, 30, "rebalances: {}"),
            at(Form::PageTable, 80, "rebalances"),
            at(Form::Tile, 110, "rebalances, most of any group"),
            column(220, "rebalances"),
            at(Form::Sweep, 76, "rebalances"),
            at(Form::SweepApps, 50, "rebalances"),
        ],
    ),
    latency(
        "ack",
        false,
        Figure::Ack,
        &[
            THRESHOLD,
            at(Form::Sender, 30, "· ack p50 {}").of(Statistic::P50),
            at(Form::Sender, 40, "p99 {}").of(Statistic::P99),
            at(Form::Sender, 50, "max {}").of(Statistic::Max),
            family(60, "ack_seconds", "Acknowledged after the event was due"),
            at(Form::Comparison, 30, "").of(Statistic::P99),
        ],
    ),
    latency(
        "send_delay",
        false,
        Figure::SendDelay,
        &[
            THRESHOLD,
            at(Form::Sender, 10, "send delay p50 {}").of(Statistic::P50),
            at(Form::Sender, 20, "p99 {}").of(Statistic::P99),
            family(50, "send_delay_seconds", "Handed to the client after the event was due"),
        ],
    ),
    run(
        "offered",
        Unit::PerSecond,
        Better::More,
        Figure::Offered,
        &[
            at(Form::Rates, 10, "at {}/s offered,"),
            at(Form::Tile, 20, "events/s offered"),
            column(40, "offered"),
            family(10, "offered_events_per_second", OFFERED_NOW),
        ],
    ),
    run(
        "accepted",
        Unit::PerSecond,
        Better::More,
        Figure::Accepted,
        &[column(50, "sent"), family(20, "sent_events", "Events that the clients took")],
    ),
    run(
        "throughput",
        Unit::PerSecond,
        Better::More,
        Figure::Throughput,
        &[
            THRESHOLD,
            at(Form::Rates, 20, "{}/s acknowledged"),
            at(Form::Tile, 10, "events/s acknowledged"),
            column(60, "acked"),
            family(30, "acked_events", "Events that the broker acknowledged"),
            at(Form::Sweep, 20, "acked/s"),
            chart(Form::HeatMap, 30, "acked", "acknowledged"),
            chart(Form::LineChart, 30, "acked", "acknowledged"),
            at(Form::Comparison, 40, ""),
        ],
    ),
    run(
        "cpu_us_per_event",
        Unit::Microseconds,
        Better::Less,
        Figure::CpuPerEvent,
        &[
            THRESHOLD,
            at(Form::Cost, 10, "{} an event"),
            at(Form::Tile, 80, "client CPU per event"),
            at(Form::Sweep, 70, "CPU/event"),
            chart(Form::LineChart, 40, "cpu", "CPU of the harness per event"),
            at(Form::Comparison, 50, ""),
        ],
    ),
    events("ledger.offered", Account::Offered, &[at(Form::Accounts, 10, "{} offered")]),
    events(
        "ledger.acked",
        Account::Acked,
        &[
            at(Form::Accounts, 20, "= {} acknowledged"),
            at(Form::Tile, 60, "events acknowledged in all"),
        ],
    ),
    events(
        "ledger.missing",
        Account::Missing,
        &[THRESHOLD, at(Form::Tile, 70, "missing for some app"), at(Form::Comparison, 60, "")],
    ),
    events("ledger.duplicates", Account::Duplicates, &[THRESHOLD, at(Form::Comparison, 70, "")]),
    events("ledger.reordered", Account::Reordered, &[THRESHOLD, at(Form::Comparison, 80, "")]),
    events(
        "ledger.failed",
        Account::Failed,
        &[
            THRESHOLD,
            at(Form::Accounts, 30, "+ {} failed"),
            family(40, "failed_events", "Events that were refused or failed, by the reason"),
            at(Form::Comparison, 90, ""),
        ],
    ),
    events(
        "ledger.unknown",
        Account::Unknown,
        &[THRESHOLD, at(Form::Accounts, 40, "+ {} unknown"), at(Form::Comparison, 100, "")],
    ),
    events(
        "ledger.unsent",
        Account::Unsent,
        &[THRESHOLD, at(Form::Accounts, 50, "+ {} unsent"), at(Form::Comparison, 110, "")],
    ),
    run("lag.max", Unit::Count, Better::Less, Figure::LagMax, &[THRESHOLD]),
    run(
        "throttle_time.producers",
        Unit::Nanoseconds,
        Better::Less,
        Figure::ThrottleTime(ThrottledSide::Producers),
        &[
            THRESHOLD,
            at(Form::Disturbed, 10, "producers throttled by quota for {}"),
            at(Form::Tile, 90, "producers throttled by quota"),
            column(200, "throttle_time_producers_ns"),
            at(Form::Sweep, 72, "throttled"),
        ],
    ),
    run(
        "throttle_time.consumers",
        Unit::Nanoseconds,
        Better::Less,
        Figure::ThrottleTime(ThrottledSide::Consumers),
        &[
            THRESHOLD,
            at(Form::Disturbed, 20, "consumers throttled by quota for {}"),
            at(Form::Tile, 100, "consumers throttled by quota"),
            column(210, "throttle_time_consumers_ns"),
            at(Form::Sweep, 74, "reading throttled"),
        ],
    ),
    run(
        "wire.ratio",
        Unit::Ratio,
        Better::More,
        Figure::WireRatio,
        &[THRESHOLD, at(Form::Wire, 10, "ratio {}")],
    ),
];

const SLOWEST_P99: &str = "end to end p99 of the slowest application";
const SLOWEST_P50: &str = "end to end p50 of the slowest application";
const OFFERED_NOW: &str = "Events that the schedule asks for now, per second";
