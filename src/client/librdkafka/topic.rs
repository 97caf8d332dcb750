//! The topic as the broker describes it, and whether a run can use it.

use crate::base::error::{Error, Result};
use crate::client::facts::TopicFacts;
use crate::plan::TopicPlan;

/// Refuses a topic of another shape than was planned, and one that would lose events or refuse
/// them: `record_bytes_max` is what one may take, where that is known.
///
/// # Errors
/// [`Error::Broker`] in one line.
pub(super) fn check(
    facts: &TopicFacts,
    plan: &TopicPlan,
    record_bytes_max: Option<u64>,
) -> Result<()> {
    let name = &facts.name;
    if facts.partitions != usize::try_from(plan.partitions).unwrap_or(0) {
        return Err(Error::Broker(format!(
            "topic {name} has {} partitions, the scenario wants {}",
            facts.partitions, plan.partitions
        )));
    }
    let config = |key: &str| facts.configs.get(key).map(String::as_str);
    if config("message.timestamp.type") == Some("LogAppendTime")
        && !plan.configs.contains_key("message.timestamp.type")
    {
        return Err(Error::Broker(format!(
            "topic {name} has message.timestamp.type=LogAppendTime, the scenario CreateTime"
        )));
    }
    if let Some(policy) = config("cleanup.policy").filter(|policy| policy.contains("compact")) {
        return Err(Error::Broker(format!(
            "topic {name} has cleanup.policy={policy}: compaction drops all but a user's last \
             event, so that nothing can be accounted for; expected delete"
        )));
    }
    let limit = config("max.message.bytes").and_then(|text| text.parse::<u64>().ok());
    if let (Some(limit), Some(most)) = (limit, record_bytes_max)
        && most > limit
    {
        return Err(Error::Broker(format!(
            "topic {name} has max.message.bytes={limit}, and an event may take {most} bytes with \
             its record; expected at least that, or smaller events"
        )));
    }
    Ok(())
}

/// What the topic was to be, in words.
pub(super) fn asked(plan: &TopicPlan) -> String {
    let mut words = format!(
        "partitions={} replication_factor={} retention.ms={}",
        plan.partitions, plan.replication_factor, plan.retention_ms
    );
    for (key, value) in &plan.configs {
        words.push_str(&format!(" {key}={value}"));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn refusal(configs: &[(&str, &str)], partitions: usize) -> String {
        let own = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        let facts = TopicFacts {
            name: "t".to_owned(),
            id: None,
            partitions,
            leaders: Vec::new(),
            starts: Vec::new(),
            replicas: Vec::new(),
            configs: configs.iter().map(own).collect(),
        };
        let plan = TopicPlan {
            name: "t".to_owned(),
            reuse: true,
            partitions: 6,
            replication_factor: 1,
            retention_ms: 1,
            configs: BTreeMap::new(),
        };
        check(&facts, &plan, Some(1_300)).map_or_else(|error| error.to_string(), |()| String::new())
    }

    #[test]
    fn a_topic_that_a_run_can_t_use_is_refused_with_what_it_has() {
        let fit = [("max.message.bytes", "1300"), ("cleanup.policy", "delete")];
        assert_eq!(refusal(&fit, 6), "");
        assert_eq!(refusal(&fit, 5), "topic t has 5 partitions, the scenario wants 6");
        let small = refusal(&[("max.message.bytes", "1299")], 6);
        assert!(
            small.starts_with("topic t has max.message.bytes=1299, and an event may take 1300")
        );
        for policy in ["compact", "compact,delete"] {
            let compacted = refusal(&[("cleanup.policy", policy)], 6);
            let words = format!("topic t has cleanup.policy={policy}: compaction drops");
            assert!(compacted.starts_with(&words), "{compacted}");
        }
        let stamped = refusal(&[("message.timestamp.type", "LogAppendTime")], 6);
        assert!(stamped.ends_with("LogAppendTime, the scenario CreateTime"), "{stamped}");
    }
}
