//! What each condition means for a comparison. Every leaf counts; the exceptions are listed here,
//! each with its reason.

use super::allow::Allow;

/// What becomes of a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ConditionRule {
    /// Refused, unless it is declared.
    Guarded(Allow),
    /// What people compare: named. Within one side refused.
    Compared,
    /// Named, within one side as between two: it comes and goes from run to run.
    Told,
    /// Not looked at.
    Silent,
}

/// A path, with `*` for any text, and why it does not count.
pub(super) type Reasoned = (&'static str, &'static str);

/// What says nothing of the conditions, or says it a second time.
pub(super) const SILENT: &[Reasoned] = &[
    ("name", "the scenario's name is for people"),
    ("description", "words for people"),
    ("warnings*", "words about the plan's other fields"),
    ("thresholds*", "limits on the figures change none of them"),
    ("topic.name", "a name; the run's number is behind it"),
    ("apps.*.group", "a consumer group's name"),
    ("kafka.client_reason", "words on why the client is this one; which one it is counts"),
    ("kafka.bootstrap_servers", "where the first contact is; the load goes to broker.advertised"),
    ("broker.bootstrap_servers", "where the first contact is; the load goes to broker.advertised"),
    ("clients.*.bootstrap.servers", "where the first contact is, again"),
    ("clients.*.group.id", "a consumer group's name"),
    ("broker.topic.name", "a name, with the run's number"),
    ("broker.topic.id", "each topic has its own; whether one is used again is in the plan"),
    (
        "broker.topic.starts",
        "where a topic ended that is used again; whether it is, is in the plan",
    ),
    ("broker.versions.broker", "an address; the hosts are in broker.advertised"),
    ("broker.versions.unknown", "words on why a version is not known, which its absence says"),
    ("recording.read", "how far a run came; an interrupted one is refused"),
    ("recording.late*", "a figure of the run, and flagged"),
];

/// What comes and goes from run to run of one set-up: named, and not refused.
pub(super) const TOLD: &[Reasoned] = &[
    ("host.load_before", "an average over the minute before, the run before this one included"),
    ("broker.leaders_after", "an event of the run, and flagged"),
];

/// What results had not from the start: where one side lacks it, it is not recorded. It may have
/// been the same, so that it is named and not refused.
const LATER: &[&str] = &[
    "host.machine",
    "host.producer_slice_ns",
    "host.producer_timer_slack_ns",
    "broker.cluster_id",
    "broker.leaders_after",
    "broker.topic.replicas",
    "broker.versions.*",
    "clients",
    "embedded_broker.memory_limit_bytes",
    "processes.role",
];

/// A virtual machine's memory differs by some pages from boot to boot.
const MEMORY_SHARE: f64 = 0.01;

/// What a load may differ by, for each core: one more thread that wants half of it.
const LOAD_PER_CORE: f64 = 0.5;

/// Whether a pattern, with at most one `*`, is of this path.
pub(super) fn is_of(pattern: &str, path: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == path,
        Some((begin, end)) => {
            path.len() >= begin.len() + end.len() && path.starts_with(begin) && path.ends_with(end)
        }
    }
}

fn is_listed(list: &[Reasoned], path: &str) -> bool {
    list.iter().any(|(pattern, _)| is_of(pattern, path))
}

/// Of a path beside the plan's. What is not known here counts.
pub(super) fn of_surroundings(path: &str) -> ConditionRule {
    if is_listed(SILENT, path) {
        return ConditionRule::Silent;
    }
    if is_listed(TOLD, path) {
        return ConditionRule::Told;
    }
    match path {
        "broker.kind" => ConditionRule::Guarded(Allow::BrokerKind),
        _ if is_of("broker.versions.*", path) => ConditionRule::Guarded(Allow::BrokerVersion),
        _ if is_of("broker.*", path) => ConditionRule::Compared,
        "embedded_broker.memory_limit_bytes" | "processes.role" => ConditionRule::Compared,
        _ if is_of("recording.*", path) => ConditionRule::Guarded(Allow::Scenario),
        _ if is_of("build.*", path) || is_of("clients.*", path) => {
            ConditionRule::Guarded(Allow::Versions)
        }
        _ => ConditionRule::Guarded(Allow::Host),
    }
}

/// Of a path in the plan. Topic, clients and workers are what people compare; everything else
/// makes the load.
pub(super) fn of_plan(path: &str) -> ConditionRule {
    let is_setup = path.starts_with("kafka.") || path.starts_with("topic.");
    let is_workers = is_of("apps.*.workers", path);
    match path {
        _ if is_listed(SILENT, path) => ConditionRule::Silent,
        "seed" => ConditionRule::Guarded(Allow::Seed),
        "kafka.client" => ConditionRule::Guarded(Allow::Client),
        _ if is_setup || is_workers => ConditionRule::Compared,
        _ => ConditionRule::Guarded(Allow::Scenario),
    }
}

/// Whether a side without it has not recorded it.
pub(super) fn is_later(path: &str) -> bool {
    LATER.iter().any(|pattern| is_of(pattern, path))
}

/// Whether two values are as good as equal; `cores` are the host's.
pub(super) fn is_same(path: &str, one: &str, other: &str, cores: usize) -> bool {
    if one == other {
        return true;
    }
    let (Ok(one), Ok(other)) = (one.parse::<f64>(), other.parse::<f64>()) else {
        return false;
    };
    match path {
        "host.memory_bytes" => (one - other).abs() <= MEMORY_SHARE * one.max(other),
        "host.load_before" => (one - other).abs() <= LOAD_PER_CORE * cores as f64,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_has_thought_of_counts() {
        assert_eq!(of_surroundings("host.new"), ConditionRule::Guarded(Allow::Host));
        assert_eq!(of_surroundings("build.new"), ConditionRule::Guarded(Allow::Versions));
        assert_eq!(of_surroundings("broker.new"), ConditionRule::Compared);
        assert_eq!(of_plan("load.new"), ConditionRule::Guarded(Allow::Scenario));
    }

    #[test]
    fn every_place_has_its_rule() {
        use ConditionRule::{Compared, Guarded, Silent, Told};
        for (path, rule) in [
            ("broker.kind", Guarded(Allow::BrokerKind)),
            ("broker.versions.release", Guarded(Allow::BrokerVersion)),
            ("broker.versions.broker", Silent),
            ("broker.topic.name", Silent),
            ("broker.topic.partitions", Compared),
            ("broker.leaders_after", Told),
            ("embedded_broker.memory_limit_bytes", Compared),
            ("embedded_broker.other", Guarded(Allow::Host)),
            ("processes.role", Compared),
            ("recording.topic", Guarded(Allow::Scenario)),
            ("recording.read", Silent),
            ("recording.late_ns", Silent),
            ("clients.producer.linger.ms", Guarded(Allow::Versions)),
            ("clients.fraud.group.id", Silent),
            ("build.kbench", Guarded(Allow::Versions)),
            ("host.cpu", Guarded(Allow::Host)),
            ("host.load_before", Told),
            ("watch.broker_on_this_host", Guarded(Allow::Host)),
        ] {
            assert_eq!(of_surroundings(path), rule, "{path}");
        }
        for (path, rule) in [
            ("name", Silent),
            ("warnings.0", Silent),
            ("apps.fraud.group", Silent),
            ("apps.fraud.workers", Compared),
            ("apps.fraud.options.users_max", Guarded(Allow::Scenario)),
            ("kafka.producer.acks", Compared),
            ("kafka.client_reason", Silent),
            ("kafka.bootstrap_servers", Silent),
            ("topic.partitions", Compared),
            ("seed", Guarded(Allow::Seed)),
            ("load.rate_per_s", Guarded(Allow::Scenario)),
        ] {
            assert_eq!(of_plan(path), rule, "{path}");
        }
    }

    #[test]
    fn a_star_is_for_any_text_between_two_ends_that_do_not_overlap() {
        assert!(is_of("a.*.b", "a.x.b") && is_of("a.*.b", "a..b") && is_of("a*", "a"));
        assert!(!is_of("a.*.b", "a.b"), "the dot can't be both");
        assert!(!is_of("a.*.b", "a.x.c") && !is_of("a.*.b", "c.x.b") && !is_of("a", "ab"));
        assert!(is_of("a", "a") && is_later("host.machine") && is_later("broker.versions.x"));
        assert!(!is_later("host.cpu"));
    }

    #[test]
    fn noise_is_borne_up_to_its_limit() {
        assert!(is_same("host.memory_bytes", "1000", "1009", 4));
        assert!(!is_same("host.memory_bytes", "1000", "1011", 4));
        // The share is of the larger, and the limit itself is borne.
        assert!(is_same("host.memory_bytes", "990", "1000", 4));
        assert!(is_same("host.memory_bytes", "1000", "990", 4));
        assert!(is_same("host.load_before", "3.5", "1.5", 4));
        assert!(is_same("host.load_before", "0.10", "2.10", 4));
        assert!(!is_same("host.load_before", "0.10", "2.20", 4));
        assert!(!is_same("host.cores", "4", "4.001", 4));
        assert!(is_same("host.cpu", "x", "x", 4) && !is_same("host.load_before", "x", "y", 4));
    }
}
