//! From what the loops left to a result.

mod build;
mod shape;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::collect::{Collector, Lag};
use super::merge::{LagAt, ReadingPart, RunExtent, SendingPart};
use super::observe::{self, MeterSeen, WatchSeen};
use super::planned::PlannedRun;
use super::series::RunSeries;
use super::undelivered::waited_ns;
use super::workers::Workers;
use crate::apps::Summary;
use crate::base::clock::{Clock, Promptness, SystemClock};
use crate::base::{date, error};
use crate::broker::BrokerStats;
use crate::load::generate::{Personas, SessionStats};
use crate::load::preview::fingerprint;
use crate::measure::latency::window::Stage;
use crate::measure::latency::{Latency, Series, TAIL};
use crate::measure::ledger::{Ledger, LedgerReport};
use crate::measure::verify::books::Books;
use crate::measure::verify::segments::{self, SegmentReport};
use crate::output::hlog::{LogSeries, Outside, interval_log};
use crate::output::stages::stacked;
use crate::plan::{AppPlan, Plan};
use crate::result::end_lag::EndLag;
use crate::result::flag::limits::LATE_NS;
use crate::result::self_watch::SelfWatch;
use crate::result::throttling::Throttling;
use crate::result::timeline_event::TimelineEvent;
use crate::result::{FORMAT_VERSION, LatencySummary, RecordingResult, RunResult, Verdict, compare};
use crate::workers::consume::{AppGroup, GroupMember};
use crate::workers::produce::{TimedOut, WireBytes};

pub(super) use build::build;
use shape::{partitions, phases};

/// How the run ended.
#[derive(Default)]
pub(super) struct End {
    /// What each shard sent.
    pub(super) books: Vec<Books>,
    /// How the sessions lived behind it.
    pub(super) sessions: SessionStats,
    /// What happened at a time.
    pub(super) events: Vec<TimelineEvent>,
    /// What went wrong with the loops, or did not come to its end in time.
    pub(super) faults: Vec<String>,
    /// What was replayed.
    pub(super) recording: Option<RecordingResult>,
    /// What the clients have sent.
    pub(super) wire: Option<WireBytes>,
    pub(super) throttling: Throttling,
    pub(super) interrupted_by: Option<u8>,
    /// What ended the run early by itself.
    pub(super) broken_off: Option<String>,
    /// By shard: the measured events for whose answer its client waited in vain.
    pub(super) timed_out: Vec<Vec<TimedOut>>,
    /// When the sending ended, on the run's clock, where that was before the schedule's end.
    pub(super) cut_ns: Option<u64>,
    pub(super) lag_at_end: Lag,
    pub(super) end_lag: Option<EndLag>,
    pub(super) cpu_s: f64,
    /// What the harness saw of itself in the measured part.
    pub(super) seen: WatchSeen,
    /// What its hiccup meter saw.
    pub(super) metered: MeterSeen,
    /// How soon the kernel ran a producer's thread after a sleep; the worst of them.
    pub(super) promptness: Promptness,
    /// Events per second that the host can send to nobody.
    pub(super) ceiling_per_s: Option<f64>,
    pub(super) ended_ns: u64,
    /// The last word of the broker that was started for it.
    pub(super) embedded: Option<BrokerStats>,
}

/// What is left of a run beside its result, for whoever saves it.
pub(super) struct Kept {
    /// `latency.hlog`.
    pub(super) log: String,
    pub(super) sent: SendingPart,
    pub(super) ledger: Arc<Ledger>,
    pub(super) clock: Arc<SystemClock>,
}

/// Latency of what was sent and acknowledged over time, as `latency.hlog` has it.
fn log(
    plan: &Plan,
    clock: &SystemClock,
    start_ns: u64,
    collector: &mut Collector,
) -> error::Result<String> {
    let interval_ns = plan.measure.interval_ms * 1_000_000;
    let tags = [("send_delay", Stage::SendDelay), ("ack", Stage::Ack)];
    let Collector { sent, acked, .. } = collector;
    let series = tags.into_iter().zip([sent, acked]).map(|((tag, stage), series)| {
        let outside = series.total(stage).map(Outside::of).unwrap_or_default();
        LogSeries { tag: tag.to_owned(), log: series.log(), outside }
    });
    interval_log(series.collect(), clock.wall_us(start_ns), start_ns / interval_ns, interval_ns)
}

/// What the senders of this process have left.
pub(super) fn sending(
    planned: &PlannedRun,
    crew: &Workers,
    collector: &mut Collector,
    end: &End,
) -> error::Result<SendingPart> {
    let PlannedRun { plan, clock, .. } = planned;
    let start_ns = crew.start_ns();
    let interval_ns = plan.measure.interval_ms * 1_000_000;
    let offered = crew.ledger().offered_by_interval();
    let reached = RunExtent::of(plan, start_ns, end.cut_ns);
    let series = RunSeries::new(interval_ns, start_ns, collector, offered, &reached);
    // A recording has no rate of its own.
    let is_paced = plan.load.replay.is_none();
    Ok(SendingPart {
        result: sent(planned, crew, collector, end, &series),
        log: log(plan, clock, start_ns, collector)?,
        interval_ns,
        start_wall_us: clock.wall_us(start_ns),
        waited_ns: waited_ns(plan),
        steady: if is_paced { observe::steady(&plan.load) } else { Vec::new() },
        stalls_ns: since(start_ns / interval_ns, end.metered.by_interval()).collect(),
        unanswered: series.unanswered().clone(),
        reached,
        strangers: collector.strangers.found(),
    })
}

/// All that is known of a run without an application.
fn sent(
    planned: &PlannedRun,
    crew: &Workers,
    collector: &mut Collector,
    end: &End,
    series: &RunSeries,
) -> RunResult {
    let PlannedRun { plan, clock, facts, options, .. } = planned;
    let start_ns = crew.start_ns();
    let ledger = crew.ledger().close();
    let mut watch = self_watch(clock, collector, end, &ledger);
    watch.offered_peak_per_s = series.offered_peak_per_s();
    watch.broker_on_this_host = facts.advertised.iter().any(|it| observe::is_local(it));
    let mut result = RunResult {
        format_version: FORMAT_VERSION,
        scenario: plan.name.clone(),
        run: format!("{:08x}", planned.run),
        verdict: Verdict {
            reasons: end.faults.clone(),
            interrupted_by: end.interrupted_by,
            broken_off: end.broken_off.clone(),
            ..Verdict::default()
        },
        trial: options.trial.clone(),
        race: options.race.clone(),
        build: build(),
        started: date::millis(clock.wall_us(start_ns)),
        duration_s: end.ended_ns.saturating_sub(start_ns) as f64 / 1e9,
        command_line: options.command_line.clone(),
        host: planned.host.clone().with(end.promptness),
        broker: facts.clone(),
        clients: planned.target.clients(),
        embedded_broker: end.embedded.clone(),
        // Serializing it masks its secrets.
        plan_hash: Some(fingerprint::plan_hash(plan)),
        fingerprint: fingerprint::events(plan),
        plan: serde_json::to_value(plan).unwrap_or_default(),
        throughput: series.throughput(),
        send_delay: over_time(&mut collector.sent, Stage::SendDelay),
        ack: over_time(&mut collector.acked, Stage::Ack),
        ack_uncorrected: LatencySummary::of(collector.acked.total(Stage::AckUncorrected)),
        ack_stack: stacked(collector.acked.stack(), collector.acked.total(Stage::Ack)),
        apps: Vec::new(),
        ledger,
        failures: crew.receipts().reasons(),
        end_lag: end.end_lag.clone(),
        broker_keeping_up: None,
        recording: end.recording.clone(),
        wire: end.wire,
        throttling: end.throttling,
        books: Books::of_all(&end.books),
        checks: Vec::new(),
        thresholds: Vec::new(),
        detection: Vec::new(),
        rules: Vec::new(),
        watch,
        hiccups: end.metered.hiccups(start_ns),
        cpu: end.seen.cpu.clone(),
        phases: phases(plan, &end.sessions),
        events: end.events.clone(),
        partitions: partitions(&crew.receipts().records()),
        series: series.intervals(),
        processes: Vec::new(),
        files: BTreeMap::new(),
        digest: None,
    };
    result.thresholds = compare::thresholds(&plan.thresholds, &result);
    result
}

/// Rows by interval of the run's clock as rows by interval of the schedule.
fn since<T: Clone>(start: u64, rows: &BTreeMap<u64, T>) -> impl Iterator<Item = (u64, T)> {
    rows.range(start..).map(move |(at, row)| (at - start, row.clone()))
}

/// The stage that a series shows over time, with what its percentiles rest on.
fn over_time(series: &mut Series, stage: Stage) -> LatencySummary {
    let footings = series.footings(TAIL);
    LatencySummary::of(series.total(stage)).resting(footings)
}

/// What a group's application has found.
#[derive(Clone)]
pub(super) struct GroupAnswer {
    garbage: u64,
    members: Vec<GroupMember>,
    summary: Option<Summary>,
    segments: Option<SegmentReport>,
}

/// Takes the groups apart: call it when nobody reads any more.
pub(super) fn answers(plan: &Plan, groups: Vec<Arc<AppGroup>>, books: &Books) -> Vec<GroupAnswer> {
    let personas = Personas::new(plan);
    let one = |group: Arc<AppGroup>| {
        let (garbage, members) = (group.garbage(), group.members());
        let state = group.into_app();
        let summary = state.as_ref().map(|state| state.summary());
        let segments = personas
            .as_ref()
            .zip(state.as_deref())
            .and_then(|(personas, state)| segments::compare(personas, books, state));
        GroupAnswer { garbage, members, summary, segments }
    };
    groups.into_iter().map(one).collect()
}

/// What the groups of this process have read; the schedule begins with interval `start` of the
/// run's clock.
pub(super) fn reading(
    plan: &Plan,
    start: u64,
    collector: Collector,
    answers: Vec<GroupAnswer>,
) -> Vec<ReadingPart> {
    let Collector { apps: series, lags, .. } = collector;
    let lags: BTreeMap<u64, Vec<Lag>> = lags.into_iter().collect();
    let read = plan.apps.iter().zip(series).zip(answers).enumerate();
    let one = |(place, ((app, series), answer)): (usize, ((&AppPlan, Series), GroupAnswer))| {
        let lag = |(at, lags): (u64, Vec<Lag>)| {
            let Lag { records, seconds } = *lags.get(place)?;
            Some((at, LagAt { records, seconds: Some(seconds) }))
        };
        let GroupAnswer { garbage, members, summary, segments } = answer;
        ReadingPart {
            workers: app.workers,
            lags: since(start, &lags).filter_map(lag).collect(),
            garbage,
            members,
            summary,
            segments,
            ..ReadingPart::new(&app.name, &app.group, series, start)
        }
    };
    read.map(one).collect()
}

fn self_watch(
    clock: &SystemClock,
    collector: &Collector,
    end: &End,
    ledger: &LedgerReport,
) -> SelfWatch {
    let slip = |series: &Series| series.total(Stage::SendDelay)?.percentile(0.99);
    let late = collector.sent.total(Stage::SendDelay).filter(|total| total.count() > 0);
    let late_share = |total: &Latency| total.count_above(LATE_NS) as f64 / total.count() as f64;
    let more = end.seen.cost.us_per_event_more.clone();
    SelfWatch {
        slip_p99_ns: slip(&collector.sent).map(|ns| u64::try_from(ns).unwrap_or(0)),
        late_share: late.map_or(0.0, late_share),
        wall_step_max_us: end.seen.wall_step_max_us,
        memory_growth: end.seen.memory_growth,
        ceiling_per_s: end.ceiling_per_s,
        broker_cpu: end.seen.broker_cpu,
        drift: Vec::new(),
        offered_peak_per_s: 0.0,
        busiest: end.seen.busiest.clone(),
        most_waiting: end.seen.most_waiting.clone(),
        throttled_share: end.seen.throttled_share,
        steal_share: end.seen.steal_share,
        unsent: ledger.unsent,
        cpu_s: end.cpu_s,
        cpu_measured_s: end.seen.cost.measured_s,
        cpu_us_per_event: end.seen.cost.us_per_event,
        cpu_idle_ms_per_s: end.seen.cost.idle_ms_per_s,
        cpu_us_per_event_more: more.clone().and_then(Result::ok),
        cpu_us_per_event_more_unknown: more.and_then(Result::err),
        memory_peak_bytes: observe::process::memory_peak_bytes(),
        wall_step_us: clock.wall_step_us(),
        lag_at_end_records: end.lag_at_end.records,
        lag_at_end_s: end.lag_at_end.seconds,
        debug_build: cfg!(debug_assertions),
        broker_on_this_host: false,
    }
}

#[cfg(test)]
mod tests;
