//! Where a run took place, and by which client.

use super::RunResult;
use crate::plan::ClientKind;

impl RunResult {
    /// The broker in words, and the client, which results from before the choice do not name.
    #[must_use]
    pub fn place(&self) -> String {
        common_place([self])
    }

    fn client(&self) -> Option<&str> {
        self.plan.pointer("/kafka/client").and_then(serde_json::Value::as_str)
    }
}

/// Where several runs took place: each broker once, and the client where all had the same. Where
/// they differ it is what is compared, and named there.
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
        [Some(name)] if name == ClientKind::Native.name() => {
            format!("{broker}, by the native client")
        }
        [Some(name)] => format!("{broker}, by {name}"),
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
    fn the_client_is_named_where_the_result_knows_it() {
        let run = run();
        let place = run.place();
        assert_eq!(place, run.broker.words(), "one from before the choice");
        assert_eq!(by("librdkafka").place(), format!("{place}, by librdkafka"));
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
        assert_eq!(common_place([&run(), &other, &run()]), both);
        let (usual, other) = (by("librdkafka"), by("librdkafka"));
        assert_eq!(common_place([&usual, &other]), format!("{broker}, by librdkafka"));
    }
}
