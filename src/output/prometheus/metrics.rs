//! The figures of a run while it goes on.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeMetric, MetricEncoder, NoLabelSet, text,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use crate::measure::latency::Latency;
use crate::plan::metric::{Account, AppStage, Figure, Form, FormEntry};
use crate::result::live::{Live, LiveApp};
use crate::result::run_event::{Listener, RunEvent};

/// Upper bounds of the histograms' buckets, in seconds; one without bound follows.
pub(super) const BOUNDS_S: [f64; 18] = [
    0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    5.0, 10.0, 30.0, 60.0,
];

/// What the run shows of itself, renewed once an interval.
#[derive(Debug, Clone, Default)]
struct Moment {
    /// The scenario's name.
    scenario: String,
    /// What the schedule asks for now, in events per second.
    offered_per_s: f64,
    /// Events that the clients took.
    sent: u64,
    /// Events that the broker acknowledged.
    acked: u64,
    /// Refusals and failures by reason.
    failures: Vec<(String, u64)>,
    /// Handed to the client − due.
    send_delay: Buckets,
    /// Acknowledged − due.
    ack: Buckets,
    /// Each application.
    apps: Vec<AppMoment>,
}

/// One application at one moment.
#[derive(Debug, Clone, Default)]
pub(super) struct AppMoment {
    /// Its name.
    pub(super) name: String,
    /// Records read.
    pub(super) read: u64,
    /// Acknowledged records that it has not read.
    pub(super) lag_records: u64,
    /// Processed − due.
    pub(super) end_to_end: Buckets,
}

/// A latency distribution in the histogram's buckets. Counts only grow.
#[derive(Debug, Clone)]
pub struct Buckets {
    pub(super) sum_s: f64,
    pub(super) count: u64,
    /// Of each bucket, with its upper bound in seconds.
    pub(super) counts: Vec<(f64, u64)>,
}

impl Default for Buckets {
    fn default() -> Self {
        let bounds = BOUNDS_S.into_iter().chain([f64::INFINITY]);
        Self { sum_s: 0.0, count: 0, counts: bounds.map(|bound_s| (bound_s, 0)).collect() }
    }
}

impl Buckets {
    /// Sorts a distribution into the buckets; what has no place in its histogram is in the first
    /// or in the last.
    #[must_use]
    pub fn of(latency: Option<&Latency>) -> Self {
        let mut counts = Self::default().counts;
        let Some(latency) = latency else {
            return Self::default();
        };
        for value in latency.histogram().iter_recorded() {
            let value_s = value.value_iterated_to() as f64 / 1e9;
            let place = BOUNDS_S.partition_point(|bound_s| *bound_s < value_s);
            counts[place].1 += value.count_at_value();
        }
        counts[0].1 += latency.zero_or_negative();
        counts[BOUNDS_S.len()].1 += latency.over_range();
        // What was never delivered is known at the end only, and has no sum.
        let latency = latency.delivered();
        let count = latency.count();
        Self { sum_s: latency.mean().unwrap_or(0.0) * count as f64 / 1e9, count, counts }
    }
}

/// The newest moment of a run that it listens to, where the exporter finds it.
#[derive(Debug, Default)]
pub struct Metrics {
    moment: Mutex<Moment>,
}

impl Metrics {
    fn set(&self, moment: Moment) {
        *self.lock() = moment;
    }

    fn lock(&self) -> MutexGuard<'_, Moment> {
        self.moment.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The moment as OpenMetrics text.
    #[must_use]
    pub fn text(self: &Arc<Self>) -> String {
        let mut registry = Registry::with_prefix("kbench");
        registry.register_collector(Box::new(self.clone()));
        let mut text = String::new();
        // Writing to a string can't fail.
        let _ = text::encode(&mut text, &registry);
        text
    }
}

/// From the start on every series is there, at zero.
impl Listener for Arc<Metrics> {
    fn on(&mut self, event: &RunEvent) {
        if let RunEvent::Started { scenario, apps } = event {
            let app = |name: &String| AppMoment { name: name.clone(), ..AppMoment::default() };
            let apps = apps.iter().map(app).collect();
            self.set(Moment { scenario: scenario.clone(), apps, ..Moment::default() });
        }
    }

    fn look(&mut self, live: &Live<'_>) {
        let app = |app: &LiveApp<'_>| AppMoment {
            name: app.name.to_owned(),
            read: app.read,
            lag_records: app.lag_records,
            end_to_end: Buckets::of(app.end_to_end),
        };
        self.set(Moment {
            scenario: live.scenario.to_owned(),
            offered_per_s: live.offered_per_s,
            sent: live.sent,
            acked: live.acked,
            failures: live.failures.iter().map(|(why, count)| (why.clone(), *count)).collect(),
            send_delay: Buckets::of(live.send_delay),
            ack: Buckets::of(live.ack),
            apps: live.apps.iter().map(app).collect(),
        });
    }
}

/// A label set of one.
pub(super) type Label<'a> = [(&'static str, &'a str); 1];

impl Collector for Metrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let moment = self.lock().clone();
        info(&mut encoder, &moment.scenario)?;
        FormEntry::of(Form::Prometheus)
            .iter()
            .try_for_each(|entry| family(&mut encoder, entry, &moment))
    }
}

/// A metric of the catalogue as it is now; nothing of one that is known at a run's end only.
fn family(encoder: &mut DescriptorEncoder<'_>, entry: &FormEntry, moment: &Moment) -> fmt::Result {
    match (entry.figure, entry.row.per_app) {
        (Figure::Offered, _) => {
            ConstGauge::new(moment.offered_per_s).encode(begin(encoder, entry, MetricType::Gauge)?)
        }
        (Figure::Accepted, _) => {
            ConstCounter::new(moment.sent).encode(begin(encoder, entry, MetricType::Counter)?)
        }
        (Figure::Throughput, false) => {
            ConstCounter::new(moment.acked).encode(begin(encoder, entry, MetricType::Counter)?)
        }
        (Figure::SendDelay(_), _) => {
            histogram(begin(encoder, entry, MetricType::Histogram)?, &moment.send_delay)
        }
        (Figure::Ack(_), _) => {
            histogram(begin(encoder, entry, MetricType::Histogram)?, &moment.ack)
        }
        // A family without a sample is more than some readers can take.
        (Figure::Ledger(Account::Failed), _) if !moment.failures.is_empty() => {
            let mut failed = begin(encoder, entry, MetricType::Counter)?;
            moment.failures.iter().try_for_each(|(reason, count)| {
                let label: Label<'_> = [("reason", reason)];
                ConstCounter::new(*count).encode(failed.encode_family(&label)?)
            })
        }
        (figure, true) if !moment.apps.is_empty() => of_apps(figure, encoder, entry, &moment.apps),
        _ => Ok(()),
    }
}

/// The head of a metric's family.
fn begin<'e>(
    encoder: &'e mut DescriptorEncoder<'_>,
    entry: &'e FormEntry,
    kind: MetricType,
) -> Result<MetricEncoder<'e>, fmt::Error> {
    encoder.encode_descriptor(entry.shown.key, entry.shown.words, None, kind)
}

/// A metric of each application.
fn of_apps(
    figure: Figure,
    encoder: &mut DescriptorEncoder<'_>,
    entry: &FormEntry,
    apps: &[AppMoment],
) -> fmt::Result {
    let mut each = |kind, encode: &dyn Fn(&AppMoment, MetricEncoder<'_>) -> fmt::Result| {
        let mut metric = begin(encoder, entry, kind)?;
        apps.iter().try_for_each(|app| {
            let label: Label<'_> = [("app", &app.name)];
            encode(app, metric.encode_family(&label)?)
        })
    };
    match figure {
        Figure::Throughput => {
            each(MetricType::Counter, &|app, metric| ConstCounter::new(app.read).encode(metric))
        }
        Figure::LagMax => each(MetricType::Gauge, &|app, metric| {
            ConstGauge::new(i64::try_from(app.lag_records).unwrap_or(i64::MAX)).encode(metric)
        }),
        Figure::App(AppStage::EndToEnd, _) => {
            each(MetricType::Histogram, &|app, metric| histogram(metric, &app.end_to_end))
        }
        _ => Ok(()),
    }
}

pub(super) fn info(encoder: &mut DescriptorEncoder<'_>, scenario: &str) -> fmt::Result {
    let labels = [("version", env!("CARGO_PKG_VERSION")), ("scenario", scenario)];
    let mut metric = encoder.encode_descriptor("run", "What runs", None, MetricType::Info)?;
    metric.encode_info(&labels)
}

pub(super) fn histogram(mut metric: MetricEncoder<'_>, buckets: &Buckets) -> fmt::Result {
    metric.encode_histogram::<NoLabelSet>(buckets.sum_s, buckets.count, &buckets.counts, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_is_in_one_bucket() {
        let mut latency = Latency::default();
        for value_ns in [-5, 0, 50_000, 100_000, 3_000_000, 61_000_000_000, 7_200_000_000_000] {
            latency.record(value_ns);
        }
        let buckets = Buckets::of(Some(&latency));
        let count_at = |bound_s: f64| {
            let below = buckets.counts.iter().filter(|(bound, _)| *bound <= bound_s);
            below.map(|(_, count)| count).sum::<u64>()
        };
        assert_eq!((count_at(0.000_25), count_at(0.002_5), count_at(0.005)), (4, 4, 5));
        assert_eq!((count_at(60.0), count_at(f64::INFINITY), buckets.count), (5, 7, 7));
        assert!((buckets.sum_s - 7_261.003_15).abs() < 1e-5, "{}", buckets.sum_s);
        assert_eq!(Buckets::of(None).counts.len(), BOUNDS_S.len() + 1);
    }

    /// The catalogue's claims, as `output/catalogue_tests.rs` holds those of the other forms.
    #[test]
    fn prometheus_has_a_family_for_every_metric_that_claims_one_and_no_other() {
        let apps = vec![AppMoment { name: "fraud".to_owned(), ..AppMoment::default() }];
        let failures = vec![("refused".to_owned(), 3)];
        let metrics = Arc::new(Metrics::default());
        metrics.set(Moment { apps, failures, ..Moment::default() });
        let text = metrics.text();
        let help = |line: &str| {
            let (name, words) = line.strip_prefix("# HELP kbench_")?.split_once(' ')?;
            Some((name.to_owned(), words.trim_end_matches('.').to_owned()))
        };
        let mut found: Vec<(String, String)> = text.lines().filter_map(help).collect();
        assert_eq!(found.remove(0).0, "run", "{text}");
        let entries = FormEntry::of(Form::Prometheus);
        let claimed = entries.iter().map(|it| (it.shown.key.to_owned(), it.shown.words.to_owned()));
        assert_eq!(found, claimed.collect::<Vec<_>>(), "{text}");
        for entry in entries {
            let sample = format!("\nkbench_{}", entry.shown.key);
            assert!(text.contains(&sample), "no sample of {sample}: {text}");
        }
    }
}
