//! Where a run took place, and by which client.

use super::RunResult;
use crate::plan::ClientKind;

impl RunResult {
    /// The broker in words, and the client where it isn't librdkafka.
    #[must_use]
    pub fn place(&self) -> String {
        common_place([self])
    }

    fn client(&self) -> Option<&str> {
        self.plan.pointer("/kafka/client").and_then(serde_json::Value::as_str)
    }
}

/// Where several runs took place: each broker once, and the client where all had the same and it
/// isn't librdkafka. Where they differ it is what is compared, and named there.
pub(crate) fn common_place<'a>(runs: impl IntoIterator<Item = &'a RunResult>) -> String {
    let (mut brokers, mut clients) = (Vec::new(), Vec::new());
    for run in runs {
        let (words, client) = (run.broker.words(), run.client());
        if !brokers.contains(&words) {
            brokers.push(words);
        }
        if !clients.contains(&client) {
            clients.push(client);
        }
    }
    let broker = brokers.join(", ");
    match clients[..] {
        [Some(name)] if name != ClientKind::Librdkafka.name() => {
            format!("{broker}, by the {name} client")
        }
        _ => broker,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::facts::BrokerKind;
    use crate::result::compare::tests::run;

    fn by(client: &str) -> RunResult {
        let mut run = run();
        run.plan = serde_json::json!({ "kafka": { "client": client } });
        run
    }

    #[test]
    fn a_client_that_is_not_the_usual_one_is_named() {
        let run = run();
        let place = run.place();
        assert_eq!(place, run.broker.words(), "one from before the choice");
        assert_eq!(by("librdkafka").place(), place);
        assert_eq!(by("native").place(), format!("{place}, by the native client"));
    }

    #[test]
    fn runs_on_one_broker_have_it_once_and_their_client_where_it_is_one() {
        let broker = run().broker.words();
        let (ours, usual) = (by("native"), by("librdkafka"));
        let native = format!("{broker}, by the native client");
        assert_eq!(common_place([&ours, &ours]), native);
        assert_eq!(common_place([&ours, &usual, &ours]), broker);
        let mut other = run();
        other.broker.kind = BrokerKind::Loopback;
        let both = format!("{broker}, {}", other.broker.words());
        assert_eq!(common_place([&usual, &other, &usual]), both);
    }
}
