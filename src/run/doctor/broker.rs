//! The brokers: round trips, and the bound of their clocks.

use std::collections::BTreeMap;
use std::time::Duration;

use super::finding::{Finding, Grade, GradeLimits};
use crate::base::clock::wall_clock_us;
use crate::base::error::Result;
use crate::client::facts::{BrokerKind, Distance};
use crate::client::library::Endpoint;
use crate::client::{Place, connect};
use crate::plan::{KafkaPlan, TopicPlan};

/// Longest wait for the first answer.
const WAIT: Duration = Duration::from_secs(10);

/// Partitions for each broker: so that each leads one.
const PARTITIONS_EACH: usize = 4;

/// A topic whose records the broker stamps.
fn stamped(name: String, brokers: usize) -> TopicPlan {
    let stamped = ("message.timestamp.type".to_owned(), "LogAppendTime".to_owned());
    TopicPlan {
        name,
        reuse: false,
        partitions: i32::try_from(brokers.max(1) * PARTITIONS_EACH).unwrap_or(i32::MAX),
        replication_factor: 1,
        retention_ms: 3_600_000,
        configs: BTreeMap::from([stamped]),
    }
}

pub(super) fn examine(bootstrap: &str, kafka: &KafkaPlan) -> Result<Vec<Finding>> {
    let topic = format!("kbench-doctor-{}-{}", std::process::id(), wall_clock_us());
    let kind = BrokerKind::Kafka;
    let endpoint = Endpoint { kind, bootstrap, topic: &topic, kafka, reads_only: false };
    let target = connect(Place::Brokers(endpoint))?;
    let advertised = target.brokers(WAIT)?.advertised;
    let facts = target.make_topic(&stamped(topic, advertised.len()), None)?;
    let measured = target.distances(&facts.leaders);
    // The first error is the one to tell.
    let gone = target.delete_topic();
    let measured = measured?;
    gone?;
    let mut findings = Vec::new();
    for address in &advertised {
        let id = address.split('@').next().and_then(|id| id.parse().ok());
        match measured.iter().find(|distance| Some(distance.broker) == id) {
            Some(distance) => findings.extend(of(address, distance)),
            None => findings.push(Finding {
                what: format!("broker {address}"),
                grade: Grade::Fair,
                measured: "not measured: it leads no partition of a new topic".to_owned(),
                limits: "a partition of its own".to_owned(),
                advice: Some("look whether it is fenced or full".to_owned()),
                figures: Vec::new(),
            }),
        }
    }
    Ok(findings)
}

fn of(address: &str, distance: &Distance) -> Vec<Finding> {
    let trips = &distance.round_trips_us;
    let at = |share: f64| {
        let rank = (share * trips.len() as f64).ceil() as usize;
        trips.get(rank.saturating_sub(1)).map_or(0.0, |us| *us as f64 / 1e3)
    };
    let (least, p50, p95) = (at(0.0), at(0.5), at(0.95));
    let grade = GradeLimits { good: 5.0, fair: 50.0 }.grade(p50);
    let trip = Finding {
        what: format!("round trip to {address}"),
        grade: grade.min(Grade::Fair),
        measured: format!(
            "least {least:.2} ms, p50 {p50:.2} ms, p95 {p95:.2} ms: one record, acks=1"
        ),
        limits: "good to 5 ms".to_owned(),
        advice: (grade > Grade::Good)
            .then(|| "much of every latency is the way there: measure from nearer".to_owned()),
        figures: vec![("least_ms", least), ("p50_ms", p50), ("p95_ms", p95)],
    };
    vec![trip, clock(address, distance.clock_ahead_us)]
}

/// No latency of kbench's counts by the broker's clock; who lays its logs or metrics beside a
/// run must know how far it is off.
fn clock(address: &str, ahead_us: Option<(i64, i64)>) -> Finding {
    let what = format!("clock of {address}, ahead of ours");
    let limits = "good within 50 ms either way".to_owned();
    let Some((low, high)) = ahead_us else {
        return Finding {
            what,
            grade: Grade::Good,
            measured: "not known: it does not stamp records with its own time".to_owned(),
            limits,
            advice: None,
            figures: Vec::new(),
        };
    };
    let (low, high) = (low as f64 / 1e3, high as f64 / 1e3);
    let most = low.abs().max(high.abs());
    let grade = GradeLimits { good: 50.0, fair: f64::INFINITY }.grade(most);
    Finding {
        what,
        grade,
        measured: format!("between {low:.2} and {high:.2} ms"),
        limits,
        advice: (grade > Grade::Good).then(|| {
            "its logs and metrics lie beside a run by so much; kbench's latencies don't depend \
             on it"
                .to_owned()
        }),
        figures: vec![("least_ahead_ms", low), ("most_ahead_ms", high)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distance_is_told_with_its_bounds() {
        let distance = Distance {
            broker: 1,
            round_trips_us: (1..=60).map(|number| number * 100).collect(),
            clock_ahead_us: Some((-120_400, -119_300)),
        };
        let [trip, clock] = of("1@127.0.0.1:9092", &distance).try_into().unwrap();
        assert_eq!(trip.measured, "least 0.10 ms, p50 3.00 ms, p95 5.70 ms: one record, acks=1");
        assert_eq!((trip.grade, clock.grade), (Grade::Good, Grade::Fair));
        assert_eq!(clock.measured, "between -120.40 and -119.30 ms");
        let unknown = super::clock("1@127.0.0.1:9092", None);
        assert!(unknown.measured.starts_with("not known"));
    }
}
