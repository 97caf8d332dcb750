//! From what the loops left to a result.

mod build;
mod shape;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::collect::{Collector, Lag};
use super::observe::{self, MeterSeen, WatchSeen};
use super::timeline::{RunExtent, Timeline};
use super::workers::Workers;
use crate::apps::Summary;
use crate::base::clock::{Clock, Promptness, SystemClock};
use crate::base::{date, error};
use crate::client::facts::{BrokerInfo, ClientProperties};
use crate::event::EventType;
use crate::load::generate::{Personas, SessionStats};
use crate::load::preview::fingerprint;
use crate::measure::latency::window::Stage;
use crate::measure::latency::{Latency, Series, TAIL};
use crate::measure::ledger::{Ledger, LedgerReport};
use crate::measure::verify::books::Books;
use crate::measure::verify::detection::{Detection, RuleAlerts, accused, detect};
use crate::measure::verify::segments::{self, SegmentReport};
use crate::output::hlog::{LogSeries, Outside, interval_log};
use crate::output::stages::stacked;
use crate::plan::Plan;
use crate::result::end_lag::EndLag;
use crate::result::flag::limits::LATE_NS;
use crate::result::self_watch::SelfWatch;
use crate::result::throttling::Throttling;
use crate::result::{
    AppResult, Check, FORMAT_VERSION, Host, Interval, LatencySummary, RecordingResult, RunResult,
    Verdict, compare, keep_up,
};
use crate::workers::consume::{AppGroup, GroupMember};
use crate::workers::produce::{TimedOut, WireBytes};

pub(super) use build::build;
use shape::{partitions, phases};

/// How many flags of an application the result names.
pub(super) const FLAGS_KEPT: usize = 100;

/// Under what the run ran.
#[derive(Clone)]
pub(super) struct Conditions {
    pub(super) run: u32,
    pub(super) command_line: Vec<String>,
    pub(super) facts: BrokerInfo,
    pub(super) clients: Vec<ClientProperties>,
    pub(super) host: Host,
}

/// How the run ended.
#[derive(Default)]
pub(super) struct End {
    /// What each shard sent.
    pub(super) books: Vec<Books>,
    /// How the sessions lived behind it.
    pub(super) sessions: SessionStats,
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
}

/// What is left of a run beside its result, for whoever saves it.
pub(super) struct Kept {
    /// `latency.hlog`.
    pub(super) log: String,
    pub(super) ledger: Arc<Ledger>,
    pub(super) clock: Arc<SystemClock>,
    /// Slot time 0, on the clock.
    pub(super) start_ns: u64,
    /// How far the schedule came.
    pub(super) reached: RunExtent,
}

/// Latency over time, as `latency.hlog` has it.
pub(super) fn log(
    plan: &Plan,
    clock: &SystemClock,
    crew: &Workers,
    collector: &mut Collector,
) -> error::Result<String> {
    let interval_ns = plan.measure.interval_ms * 1_000_000;
    let names = plan.apps.iter().map(|app| (format!("{}.end_to_end", app.name), Stage::EndToEnd));
    let tags = [("send_delay".to_owned(), Stage::SendDelay), ("ack".to_owned(), Stage::Ack)];
    let Collector { sent, acked, apps, .. } = collector;
    let series = tags.into_iter().chain(names).zip([sent, acked].into_iter().chain(apps)).map(
        |((tag, stage), series)| {
            let outside = series.total(stage).map(Outside::of).unwrap_or_default();
            LogSeries { tag, log: series.log(), outside }
        },
    );
    let start_ns = crew.start_ns();
    let start_wall_us = clock.wall_us(start_ns);
    interval_log(series.collect(), start_wall_us, start_ns / interval_ns, interval_ns)
}

/// Puts the result together.
pub(super) fn result(
    plan: &Plan,
    clock: &SystemClock,
    crew: &Workers,
    mut collector: Collector,
    answers: Vec<GroupAnswer>,
    conditions: Conditions,
    end: &End,
) -> RunResult {
    let ledger = crew.ledger().close();
    let books = Books::of_all(&end.books);
    let offered = crew.ledger().offered_by_interval();
    let reached = RunExtent::of(plan, crew.start_ns(), end.cut_ns);
    let timeline = Timeline::new(plan, crew.start_ns(), &mut collector, offered, &reached);
    let mut series = timeline.intervals();
    lay_stalls(plan, crew.start_ns(), &end.metered, &mut series);
    let hiccups = end.metered.hiccups(crew.start_ns());
    let mut watch = self_watch(clock, &collector, end, &ledger);
    watch.offered_peak_per_s = timeline.offered_peak_per_s();
    // A recording has no rate of its own.
    if plan.load.replay.is_none() {
        let names: Vec<_> = plan.apps.iter().map(|app| app.name.clone()).collect();
        watch.drift = observe::drifts(&plan.load, plan.measure.interval_ms, &series, &names);
    }
    watch.broker_on_this_host = conditions.facts.advertised.iter().any(|it| observe::is_local(it));
    let mut apps = apps(plan, &mut collector, &timeline, answers);
    let (detection, rules) = detected(&books, &mut apps);
    let checks = checks(&books, &apps, end.recording.as_ref());
    let ack_stack = stacked(collector.acked.stack(), collector.acked.total(Stage::Ack));
    let mut result = RunResult {
        format_version: FORMAT_VERSION,
        scenario: plan.name.clone(),
        run: format!("{:08x}", conditions.run),
        verdict: Verdict::default(),
        trial: None,
        race: None,
        build: build(),
        started: date::millis(clock.wall_us(crew.start_ns())),
        duration_s: end.ended_ns.saturating_sub(crew.start_ns()) as f64 / 1e9,
        command_line: conditions.command_line,
        host: conditions.host.with(end.promptness),
        broker: conditions.facts,
        clients: conditions.clients,
        embedded_broker: None,
        // Serializing it masks its secrets.
        plan_hash: Some(fingerprint::plan_hash(plan)),
        fingerprint: fingerprint::events(plan),
        plan: serde_json::to_value(plan).unwrap_or_default(),
        throughput: timeline.throughput(),
        send_delay: over_time(&mut collector.sent, Stage::SendDelay),
        ack: over_time(&mut collector.acked, Stage::Ack),
        ack_uncorrected: LatencySummary::of(collector.acked.total(Stage::AckUncorrected)),
        ack_stack,
        apps,
        ledger,
        failures: crew.receipts().reasons(),
        end_lag: end.end_lag.clone(),
        broker_keeping_up: None,
        recording: end.recording.clone(),
        wire: end.wire,
        throttling: end.throttling,
        books,
        checks,
        thresholds: Vec::new(),
        detection,
        rules,
        watch,
        hiccups,
        cpu: end.seen.cpu.clone(),
        phases: phases(plan, &end.sessions),
        partitions: partitions(&crew.receipts().records()),
        series,
        processes: Vec::new(),
        files: BTreeMap::new(),
        digest: None,
    };
    keep_up::tell(&mut result);
    result.verdict = verdict(&result, end, collector.strangers.found());
    result.thresholds = compare::thresholds(&plan.thresholds, &result);
    result
}

/// The alerts beside what was planted. Of an application's flags only the first stay: a burst of
/// fraud flags every second user, and a result is no place for all their names.
pub(super) fn detected(books: &Books, apps: &mut [AppResult]) -> (Vec<Detection>, Vec<RuleAlerts>) {
    let summaries = || apps.iter().filter_map(|app| app.summary.as_ref());
    let detection = detect(books, summaries().flat_map(|summary| &summary.flags));
    let rules = accused(books, summaries());
    for summary in apps.iter_mut().filter_map(|app| app.summary.as_mut()) {
        summary.flags.truncate(FLAGS_KEPT);
    }
    (detection, rules)
}

/// The host's stalls on the run's intervals.
fn lay_stalls(plan: &Plan, start_ns: u64, metered: &MeterSeen, series: &mut [Interval]) {
    let first = start_ns / (plan.measure.interval_ms * 1_000_000).max(1);
    for (at, row) in (first..).zip(series) {
        row.host_stall_ns = metered.by_interval().get(&at).copied();
    }
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

fn apps(
    plan: &Plan,
    collector: &mut Collector,
    timeline: &Timeline,
    answers: Vec<GroupAnswer>,
) -> Vec<AppResult> {
    let one = |(place, answer): (usize, GroupAnswer)| {
        let app = &plan.apps[place];
        let end_to_end = over_time(&mut collector.apps[place], Stage::EndToEnd);
        let total = |stage| LatencySummary::of(collector.apps[place].total(stage));
        let GroupAnswer { garbage, members, summary, segments } = answer;
        AppResult {
            name: app.name.clone(),
            group: app.group.clone(),
            workers: app.workers,
            consumed_per_s: timeline.consumed_per_s(place),
            arrival: total(Stage::Arrival),
            service: total(Stage::Service),
            end_to_end,
            end_to_end_uncorrected: total(Stage::EndToEndUncorrected),
            stack: stacked(
                collector.apps[place].stack(),
                collector.apps[place].total(Stage::EndToEnd),
            ),
            garbage,
            members,
            flags: summary.as_ref().map_or(0, |summary| summary.flags.len() as u64),
            summary,
            segments,
            clock: None,
            keeping_up: None,
        }
    };
    answers.into_iter().enumerate().map(one).collect()
}

/// What went wrong, by the loops and by the figures, and what has to stand above these; `strangers`
/// are those who have read in the run's groups.
fn verdict(result: &RunResult, end: &End, strangers: Vec<String>) -> Verdict {
    let names: Vec<&str> = result.apps.iter().map(|app| app.name.as_str()).collect();
    let mut reasons = end.faults.clone();
    reasons.extend(result.end_lag.iter().flat_map(EndLag::faults));
    reasons.extend(result.ledger.faults(&names));
    // Where the ledger has found something, the answers differ because of it.
    if reasons.is_empty() {
        reasons.extend(result.differences());
    }
    let (valid, mut flags) = (reasons.is_empty(), result.flags_told());
    // Where nothing is missing they did no harm.
    let named = if valid { &mut flags } else { &mut reasons };
    named.splice(0..0, strangers);
    Verdict {
        valid,
        reasons,
        flags,
        interrupted_by: end.interrupted_by,
        broken_off: end.broken_off.clone(),
    }
}

pub(super) fn checks(
    books: &Books,
    apps: &[AppResult],
    recording: Option<&RecordingResult>,
) -> Vec<Check> {
    let row = |what: &str, books: u64, pick: &dyn Fn(&Summary) -> Option<u64>| {
        let apps = apps.iter().map(|app| app.summary.as_ref().and_then(pick)).collect();
        Check::new(what, books, apps)
    };
    let mut checks = vec![row("events", books.events, &|summary| Some(summary.totals.events))];
    for kind in EventType::ALL {
        let place = kind.index();
        checks.push(row(kind.name(), books.by_type[place], &|summary| {
            Some(summary.totals.by_type[place])
        }));
    }
    checks.push(row("revenue in cents", books.revenue_cents, &|summary| {
        Some(summary.totals.revenue_cents)
    }));
    checks.push(row("products put into carts", books.carts, &|summary| Some(summary.totals.carts)));
    checks.push(row("products bought", books.purchases, &|summary| Some(summary.totals.purchases)));
    // A user whose events have several keys is several users to those who read the partitions.
    let keyed_by_user = recording.is_none_or(|recording| recording.other_keys == 0);
    checks.push(row("sessions", books.sessions, &|summary| {
        summary.totals.sessions.filter(|_| keyed_by_user)
    }));
    checks
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
