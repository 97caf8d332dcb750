//! The native client as one client among others.

use std::sync::Arc;

use super::settings::NativeSettings;
use super::target::NativeTarget;
use crate::base::error::{Error, Result};
use crate::client::library::{ClientLibrary, Endpoint};
use crate::client::librdkafka::Librdkafka;
use crate::client::target::Target;
use crate::plan::KafkaPlan;
use crate::plan::kafka::checker::{CheckedProperties, GivenProperty, PropertyChecker};
use crate::plan::toml::diagnostics::Diagnostics;

/// kbench's own client. It takes properties by librdkafka's names, of which it has those that
/// concern the protocol; the rest it refuses by [`ClientLibrary::try_properties`].
#[derive(Debug, Clone, Copy)]
pub struct Native;

impl Native {
    /// What of a plan's settings this client has not, if anything: the first of it, in a line.
    pub(in crate::client) fn missing(plan: &KafkaPlan) -> Option<String> {
        let producer = NativeSettings::producer("", &plan.producer).err();
        let error = producer.or_else(|| NativeSettings::consumer("", &plan.consumer).err())?;
        let Error::Usage(faults) = error else { return Some(error.to_string()) };
        let first = faults.into_iter().next().unwrap_or_default();
        // What to do about it is for somebody who has named this client.
        Some(first.split("; expected").next().unwrap_or(&first).to_owned())
    }
}

impl PropertyChecker for Native {
    fn canonical<'n>(&self, name: &'n str) -> &'n str {
        Librdkafka.canonical(name)
    }

    fn check(
        &self,
        given: &mut dyn Iterator<Item = GivenProperty>,
        is_embedded: bool,
        faults: &Diagnostics,
    ) -> CheckedProperties {
        Librdkafka.check(given, is_embedded, faults)
    }
}

impl ClientLibrary for Native {
    fn version(&self) -> String {
        format!("kbench {}", env!("CARGO_PKG_VERSION"))
    }

    fn try_properties(&self, plan: &KafkaPlan) -> Result<()> {
        // Administration is librdkafka's, so it has to agree as well.
        Librdkafka.try_properties(plan)?;
        let producer = NativeSettings::producer("", &plan.producer).map(drop);
        let consumer = NativeSettings::consumer("", &plan.consumer).map(drop);
        match (producer, consumer) {
            (Err(Error::Usage(mut faults)), Err(Error::Usage(more))) => {
                faults.extend(more);
                Err(Error::Usage(faults))
            }
            (producer, consumer) => producer.and(consumer),
        }
    }

    fn connect(&self, endpoint: &Endpoint<'_>) -> Result<Arc<dyn Target>> {
        Ok(Arc::new(NativeTarget::connect(endpoint)?))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::plan::ClientKind;

    #[test]
    fn what_either_client_refuses_is_refused_for_both_sides_at_once() {
        let set = |name: &str, value: &str| BTreeMap::from([(name.to_owned(), value.to_owned())]);
        let plan = |producer, consumer| KafkaPlan {
            bootstrap_servers: None,
            client: ClientKind::Native,
            client_reason: None,
            producer,
            consumer,
        };
        let fine = plan(set("linger.ms", "3"), set("fetch.min.bytes", "10"));
        assert!(Native.try_properties(&fine).is_ok());
        let ours = plan(set("partitioner", "random"), set("enable.partition.eof", "true"));
        let faults = Native.try_properties(&ours).unwrap_err().to_string();
        assert_eq!(faults.lines().count(), 2, "{faults}");
        let theirs = plan(set("linger.ms", "99999999"), BTreeMap::new());
        assert!(Native.try_properties(&theirs).is_err());
    }
}
