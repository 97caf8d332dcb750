//! A member of a run's groups that is none of the run's.

/// A member of one of the run's groups that is not the run's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stranger {
    /// What it calls itself: its `client.id`.
    pub client_id: String,
    /// From where it came to the broker.
    pub host: String,
    /// The partitions of the run's topic that it has.
    pub partitions: Vec<i32>,
    /// Its id in the group.
    pub member_id: String,
}

impl Stranger {
    /// Whether it takes any partition of the run's topic.
    #[must_use]
    pub fn has_partitions(&self) -> bool {
        !self.partitions.is_empty()
    }
}

impl std::fmt::Display for Stranger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { client_id, host, partitions, .. } = self;
        let host = host.trim_start_matches('/');
        write!(f, "a member that is not this run's (client.id {client_id:?} at {host})")?;
        match partitions.as_slice() {
            [] => Ok(()),
            [one] => write!(f, " with partition {one}"),
            some => {
                let list: Vec<String> = some.iter().take(NAMED).map(ToString::to_string).collect();
                let more = if some.len() > NAMED { ", ..." } else { "" };
                write!(f, " with partitions {}{more}", list.join(", "))
            }
        }
    }
}

/// Most partitions that are named.
const NAMED: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stranger_is_named_with_what_it_has_taken() {
        let of = |partitions: Vec<i32>| {
            let (client_id, host) = ("rdkafka".to_owned(), "/127.0.0.1".to_owned());
            Stranger { client_id, host, partitions, member_id: "rdkafka-1".to_owned() }.to_string()
        };
        let who = "a member that is not this run's (client.id \"rdkafka\" at 127.0.0.1)";
        assert_eq!(of(vec![]), who);
        assert_eq!(of(vec![3]), format!("{who} with partition 3"));
        assert_eq!(of(vec![0, 3]), format!("{who} with partitions 0, 3"));
        assert!(of((0..11).collect()).ends_with("8, 9, ..."));
    }
}
