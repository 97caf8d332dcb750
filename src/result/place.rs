//! Where a run took place, and by which client.

use super::RunResult;
use crate::plan::ClientKind;

impl RunResult {
    /// The broker in words, and the client where it isn't librdkafka.
    #[must_use]
    pub fn place(&self) -> String {
        let broker = self.broker.words();
        let client = self.plan.pointer("/kafka/client").and_then(serde_json::Value::as_str);
        match client.filter(|name| *name != ClientKind::Librdkafka.name()) {
            Some(name) => format!("{broker}, by the {name} client"),
            None => broker,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::result::compare::tests::run;

    #[test]
    fn a_client_that_is_not_the_usual_one_is_named() {
        let mut run = run();
        let by = |run: &mut RunResult, client: &str| {
            run.plan = serde_json::json!({ "kafka": { "client": client } });
            run.place()
        };
        let place = run.place();
        assert_eq!(place, run.broker.words(), "one from before the choice");
        assert_eq!(by(&mut run, "librdkafka"), place);
        assert_eq!(by(&mut run, "native"), format!("{place}, by the native client"));
    }
}
