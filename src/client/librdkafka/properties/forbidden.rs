//! Properties that can't be set here, each with the reason or the way out.

/// What Kafka's Java client knows and librdkafka doesn't, with what to do instead.
const JAVA_ONLY: &[(&str, &str)] = &[
    ("auto.include.jmx.reporter", "leave it out"),
    ("buffer.memory", "use queue.buffering.max.kbytes, in KiB"),
    ("default.api.timeout.ms", "use socket.timeout.ms"),
    ("exclude.internal.topics", "leave it out"),
    ("fetch.max.wait.ms", "use fetch.wait.max.ms"),
    ("interceptor.classes", "leave it out"),
    ("key.deserializer", "leave it out: kbench reads the key itself"),
    ("key.serializer", "leave it out: the key is the user's id as text"),
    ("max.block.ms", "leave it out: a full queue is counted and never blocks the schedule"),
    ("max.poll.records", "leave it out: workers take what is there"),
    ("max.request.size", "use message.max.bytes"),
    ("metric.reporters", "leave it out"),
    ("metrics.num.samples", "leave it out"),
    ("metrics.recording.level", "leave it out"),
    ("metrics.sample.window.ms", "leave it out"),
    ("partitioner.class", "use partitioner; murmur2_random is what Java does"),
    ("partitioner.ignore.keys", "leave it out: the key decides the partition"),
    ("receive.buffer.bytes", "use socket.receive.buffer.bytes"),
    ("sasl.client.callback.handler.class", "leave it out"),
    ("sasl.jaas.config", "use sasl.username and sasl.password"),
    ("sasl.login.callback.handler.class", "use sasl.oauthbearer.method"),
    ("send.buffer.bytes", "use socket.send.buffer.bytes"),
    ("ssl.enabled.protocols", "leave it out"),
    ("ssl.key.store.location", "use ssl.keystore.location, a PKCS#12 file"),
    ("ssl.keystore.type", "leave it out: ssl.keystore.location takes PKCS#12"),
    ("ssl.protocol", "leave it out"),
    ("ssl.truststore.certificates", "use ssl.ca.pem"),
    ("ssl.truststore.location", "use ssl.ca.location, a PEM file"),
    ("ssl.truststore.password", "leave it out: a PEM file of certificates has none"),
    ("ssl.truststore.type", "leave it out: ssl.ca.location takes PEM"),
    ("transaction.two.phase.commit.enable", "leave it out"),
    ("value.deserializer", "leave it out: kbench reads the event itself"),
    ("value.serializer", "leave it out: the event is JSON"),
];

/// What kbench sets itself, because its figures rest on it.
const RESERVED: &[(&str, &str)] = &[
    ("bootstrap.servers", "use kafka.bootstrap_servers, or -b"),
    ("consume.callback.max.messages", "it is for another way of reading"),
    ("delivery.report.only.error", "every acknowledgement is measured"),
    ("enable.auto.offset.store", "a worker stores an offset once the event is processed"),
    ("enabled_events", "kbench serves the client's events itself"),
    ("group.id", "use apps.NAME.group"),
    ("group.instance.id", "each worker would need one of its own"),
    ("group.protocol.type", "the groups are consumer groups"),
    ("internal.termination.signal", "kbench ends by itself"),
    ("log.queue", "kbench shows the client's log itself"),
    ("offset.store.method", "offsets are kept by the broker"),
    ("offset.store.path", "offsets are kept by the broker"),
    ("offset.store.sync.interval.ms", "offsets are kept by the broker"),
    ("statistics.interval.ms", "kbench asks for the client's statistics itself"),
    ("topic.blacklist", "there is one topic"),
    ("transactional.id", "kbench sends outside of transactions"),
];

/// What Java's counterpart of a property is called here.
pub(super) fn java_only(name: &str) -> Option<&'static str> {
    JAVA_ONLY.iter().find(|(known, _)| *known == name).map(|(_, hint)| *hint)
}

/// Why a property, by its canonical name, is not to be set.
pub(super) fn reserved(name: &str, value: &str) -> Option<&'static str> {
    match (name, value) {
        ("enable.auto.commit", "false") => {
            Some("without commits a rebalance would start the group over from the beginning")
        }
        ("enable.partition.eof", "true") => Some("the end of a partition is not an event"),
        _ => RESERVED.iter().find(|(known, _)| *known == name).map(|(_, reason)| *reason),
    }
}

#[cfg(test)]
mod tests {
    use super::super::property::{canonical, find};
    use super::*;

    #[test]
    fn java_s_names_are_not_librdkafka_s() {
        for (name, _) in JAVA_ONLY {
            assert!(find(canonical(name)).is_none(), "{name}");
        }
    }

    #[test]
    fn what_is_reserved_exists() {
        for (name, _) in RESERVED {
            assert!(find(name).is_some(), "{name}");
        }
    }

    #[test]
    fn a_hint_names_properties_that_exist() {
        for (name, hint) in JAVA_ONLY {
            let words = hint.split([' ', ',', ';', ':']).skip(1);
            for word in words.filter(|word| word.contains('.')) {
                assert!(find(canonical(word)).is_some(), "{name}: {word}");
            }
        }
    }
}
