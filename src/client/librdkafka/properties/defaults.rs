//! The properties that kbench gives its clients, and what must not stand together.

use std::collections::{BTreeMap, BTreeSet};

use crate::plan::kafka::dotted_keys::PropertySet;
use crate::plan::toml::diagnostics::Diagnostics;

/// What a producer gets unless the user says otherwise.
const PRODUCER: &[(&str, &str)] = &[
    ("acks", "all"),
    ("compression.type", "none"),
    // As Java's producer does: no duplicates and no reordering by the client's own retries.
    ("enable.idempotence", "true"),
    ("enable.metrics.push", "false"),
    ("linger.ms", "5"),
    // Long enough for a broker's restart, short enough for a run to end.
    ("message.timeout.ms", "30000"),
    // The partition that Java's clients would choose, so that the load falls as in production.
    ("partitioner", "murmur2_random"),
    // Room for seconds of a stall: the schedule goes on meanwhile.
    ("queue.buffering.max.kbytes", "1048576"),
    ("queue.buffering.max.messages", "1000000"),
    // librdkafka's own limit of 10 s would measure the client's patience, not the outage.
    ("reconnect.backoff.max.ms", "100"),
    ("reconnect.backoff.ms", "10"),
    ("socket.nagle.disable", "true"),
];

/// What a consumer gets unless the user says otherwise.
const CONSUMER: &[(&str, &str)] = &[
    // A fresh group reads from the start: an event before the assignment must not be missed.
    ("auto.offset.reset", "earliest"),
    ("enable.auto.commit", "true"),
    ("enable.metrics.push", "false"),
    ("enable.partition.eof", "false"),
    // librdkafka's own 1000 stalls a fast consumer for a second each time its queue is full.
    ("fetch.queue.backoff.ms", "10"),
    ("fetch.wait.max.ms", "500"),
    ("queued.min.messages", "100000"),
    ("reconnect.backoff.max.ms", "100"),
    ("reconnect.backoff.ms", "10"),
    ("socket.nagle.disable", "true"),
];

/// The producer's properties: the user's over kbench's.
pub(super) fn producer(set: &PropertySet, faults: &Diagnostics) -> BTreeMap<String, String> {
    let mut all = filled(PRODUCER, set);
    // As Java's producer does: what can't go with idempotence turns it off, unless it was asked
    // for by name, which is a contradiction.
    let against: Vec<_> = AGAINST_IDEMPOTENCE
        .iter()
        .filter(|rule| set.get(rule.key).is_some_and(|setting| (rule.breaks)(&setting.text)))
        .collect();
    let asked = set.contains_key("enable.idempotence");
    let on = all.get("enable.idempotence").is_some_and(|value| value == "true");
    for rule in against {
        let Some(setting) = set.get(rule.key) else {
            continue;
        };
        let (path, text) = (&setting.path, &setting.text);
        if asked && on {
            let what = format!("{path}: {text} contradicts enable.idempotence; {}", rule.expected);
            faults.add(setting.place, what);
        } else if !asked {
            all.insert("enable.idempotence".to_owned(), "false".to_owned());
            let what = format!("{path}: {text} turns enable.idempotence off");
            faults.warn(setting.place, &what);
        }
    }
    check_order(&all, set, faults, "linger.ms", "message.timeout.ms", true);
    check_order(&all, set, faults, "reconnect.backoff.ms", "reconnect.backoff.max.ms", false);
    all
}

/// The consumer's properties: the user's over kbench's.
pub(super) fn consumer(set: &PropertySet, faults: &Diagnostics) -> BTreeMap<String, String> {
    let all = filled(CONSUMER, set);
    check_order(&all, set, faults, "reconnect.backoff.ms", "reconnect.backoff.max.ms", false);
    check_order(&all, set, faults, "session.timeout.ms", "max.poll.interval.ms", false);
    if all.get("group.protocol").is_some_and(|protocol| protocol == "consumer") {
        for key in ["session.timeout.ms", "heartbeat.interval.ms", "partition.assignment.strategy"]
        {
            if let Some(setting) = set.get(key) {
                let what = format!(
                    "{}: contradicts group.protocol=consumer, where the broker decides it; \
                     expected it left out",
                    setting.path
                );
                faults.add(setting.place, what);
            }
        }
    }
    all
}

/// Warns of what protects nothing: credentials that are never sent, certificates that nobody looks
/// at. Whoever sets them takes the connection for safe.
pub(super) fn check_protection(sides: [&PropertySet; 2], faults: &Diagnostics) {
    let beside = [("sasl.", "sasl_plaintext or sasl_ssl"), ("ssl.", "ssl or sasl_ssl")];
    let mut idle = BTreeSet::new();
    for set in sides {
        let protocol = set.get("security.protocol").map_or("plaintext", |it| it.text.as_str());
        for (prefix, expected) in beside {
            let is_on = expected.split(" or ").any(|one| one == protocol);
            // One line is enough: the others would only repeat it.
            if let Some((_, it)) = set.iter().find(|(name, _)| name.starts_with(prefix) && !is_on) {
                let what = format!(
                    "{}: does nothing with security.protocol={protocol}; expected \
                     security.protocol={expected}, or it left out",
                    it.path
                );
                idle.insert((it.place, what));
            }
        }
    }
    idle.iter().for_each(|(place, what)| faults.warn(*place, what));
}

/// What can't stand beside `enable.idempotence=true`.
struct IdempotenceRule {
    key: &'static str,
    breaks: fn(&str) -> bool,
    expected: &'static str,
}

const AGAINST_IDEMPOTENCE: &[IdempotenceRule] = &[
    IdempotenceRule { key: "acks", breaks: |text| text != "all", expected: "expected acks=all" },
    IdempotenceRule {
        key: "max.in.flight.requests.per.connection",
        breaks: |text| number(text) > 5.0,
        expected: "expected at most 5",
    },
    IdempotenceRule { key: "retries", breaks: |text| text == "0", expected: "expected at least 1" },
    IdempotenceRule {
        key: "queuing.strategy",
        breaks: |text| text == "lifo",
        expected: "expected fifo",
    },
];

fn filled(defaults: &[(&str, &str)], set: &PropertySet) -> BTreeMap<String, String> {
    let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    let mut all: BTreeMap<String, String> = defaults.iter().map(owned).collect();
    for (key, setting) in set {
        all.insert(key.clone(), setting.text.clone());
    }
    // One end of the back-off moves the other, where that is kbench's and not the user's.
    let (least, most) = ("reconnect.backoff.ms", "reconnect.backoff.max.ms");
    if value(&all, least) > value(&all, most) {
        match (set.get(least), set.get(most)) {
            (Some(set), None) => all.insert(most.to_owned(), set.text.clone()),
            (None, Some(set)) => all.insert(least.to_owned(), set.text.clone()),
            _ => None,
        };
    }
    all
}

/// librdkafka refuses a client where `less` is above `more` (or equal to it, if `strict`). An
/// unset or zero `more` has no limit.
fn check_order(
    all: &BTreeMap<String, String>,
    set: &PropertySet,
    faults: &Diagnostics,
    less: &str,
    more: &str,
    strict: bool,
) {
    let (low, high) = (value(all, less), value(all, more));
    let wrong = if strict { low >= high } else { low > high };
    let unlimited = more == "message.timeout.ms" && high <= 0.0;
    let Some(setting) = set.get(more).or_else(|| set.get(less)) else {
        return;
    };
    if wrong && !unlimited {
        let above = if strict { "above" } else { "at least" };
        let what = format!(
            "{}: {more} is {high} and {less} is {low}; expected {more} {above} {less}",
            setting.path
        );
        faults.add(setting.place, what);
    }
}

/// A number among the properties; what is not there takes no part in a comparison.
fn value(all: &BTreeMap<String, String>, key: &str) -> f64 {
    all.get(key).map_or(f64::NAN, |text| number(text))
}

fn number(text: &str) -> f64 {
    text.parse().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rdkafka::ClientConfig;
    use rdkafka::consumer::BaseConsumer;
    use rdkafka::error::KafkaResult;
    use rdkafka::producer::BaseProducer;

    fn config(properties: BTreeMap<String, String>) -> ClientConfig {
        let mut config: ClientConfig = properties.into_iter().collect();
        config.set("bootstrap.servers", "127.0.0.1:1").set("log_level", "0");
        config
    }

    #[test]
    fn librdkafka_takes_what_kbench_gives_it() {
        let faults = Diagnostics::new("", "");
        let none = PropertySet::new();
        let made: KafkaResult<BaseProducer> = config(producer(&none, &faults)).create();
        assert_eq!(made.map(drop), Ok(()));
        let mut config = config(consumer(&none, &faults));
        let made: KafkaResult<BaseConsumer> = config.set("group.id", "g").create();
        assert_eq!(made.map(drop), Ok(()));
        assert!(faults.check().is_ok() && faults.warnings().is_empty());
    }

    #[test]
    fn kbench_s_own_properties_pass_the_checks_of_the_user_s() {
        use super::super::property::{canonical, check, find};
        for (name, text) in PRODUCER.iter().chain(CONSUMER) {
            let (_, kind) = find(name).unwrap();
            assert_eq!(canonical(name), *name);
            assert_eq!(check(name, kind, text).as_deref(), Ok(*text), "{name}");
        }
    }
}
