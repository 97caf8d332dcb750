//! librdkafka's properties: a name, the clients that have it, and what it takes.
//!
//! Facts from `CONFIGURATION.md` of librdkafka 2.12.1, the one that the crate brings. librdkafka
//! itself takes `5s` for 5 and `1MB` for 1, so kbench checks before it hands them over.

use super::property_kind::PropertyKind::{self, Callback, Flag, Real, Text, Whole, Words};
use crate::plan::kafka::checker::ClientSide::{self, Both, Consumer, Producer};

/// Second names, each with the one that kbench goes on with, so that none is set twice.
pub(super) const ALIASES: &[(&str, &str)] = &[
    ("auto.commit.enable", "enable.auto.commit"),
    ("compression.codec", "compression.type"),
    ("delivery.timeout.ms", "message.timeout.ms"),
    ("fetch.message.max.bytes", "max.partition.fetch.bytes"),
    ("max.in.flight", "max.in.flight.requests.per.connection"),
    ("message.send.max.retries", "retries"),
    ("metadata.broker.list", "bootstrap.servers"),
    ("queue.buffering.max.ms", "linger.ms"),
    ("request.required.acks", "acks"),
    ("sasl.mechanisms", "sasl.mechanism"),
    ("sasl.oauthbearer.client.credentials.client.id", "sasl.oauthbearer.client.id"),
    ("sasl.oauthbearer.client.credentials.client.secret", "sasl.oauthbearer.client.secret"),
];

/// Every property, by name.
#[rustfmt::skip]
pub(super) const TABLE: &[(&str, ClientSide, PropertyKind)] = &[
    ("acks", Producer, Whole(-1, 1_000)),
    ("allow.auto.create.topics", Both, Flag),
    ("api.version.fallback.ms", Both, Whole(0, 604_800_000)),
    ("api.version.request", Both, Flag),
    ("api.version.request.timeout.ms", Both, Whole(1, 300_000)),
    ("auto.commit.interval.ms", Consumer, Whole(0, 86_400_000)),
    ("auto.offset.reset", Consumer,
        Words(&["smallest", "earliest", "beginning", "largest", "latest", "end", "error"])),
    ("background_event_cb", Both, Callback),
    ("batch.num.messages", Producer, Whole(1, 1_000_000)),
    ("batch.size", Producer, Whole(1, 2_147_483_647)),
    ("bootstrap.servers", Both, Text),
    ("broker.address.family", Both, Words(&["any", "v4", "v6"])),
    ("broker.address.ttl", Both, Whole(0, 86_400_000)),
    ("broker.version.fallback", Both, Text),
    ("builtin.features", Both, Text),
    ("check.crcs", Consumer, Flag),
    ("client.dns.lookup", Both,
        Words(&["use_all_dns_ips", "resolve_canonical_bootstrap_servers_only"])),
    ("client.id", Both, Text),
    ("client.rack", Both, Text),
    ("closesocket_cb", Both, Callback),
    ("compression.level", Producer, Whole(-1, 12)),
    ("compression.type", Producer, Words(&["none", "gzip", "snappy", "lz4", "zstd"])),
    ("connect_cb", Both, Callback),
    ("connections.max.idle.ms", Both, Whole(0, 2_147_483_647)),
    ("consume.callback.max.messages", Consumer, Whole(0, 1_000_000)),
    ("consume_cb", Consumer, Callback),
    ("coordinator.query.interval.ms", Consumer, Whole(1, 3_600_000)),
    ("debug", Both, Text),
    ("default_topic_conf", Both, Callback),
    ("delivery.report.only.error", Producer, Flag),
    ("dr_cb", Producer, Callback),
    ("dr_msg_cb", Producer, Callback),
    ("enable.auto.commit", Consumer, Flag),
    ("enable.auto.offset.store", Consumer, Flag),
    ("enable.gapless.guarantee", Producer, Flag),
    ("enable.idempotence", Producer, Flag),
    ("enable.metrics.push", Both, Flag),
    ("enable.partition.eof", Consumer, Flag),
    ("enable.random.seed", Both, Flag),
    ("enable.sasl.oauthbearer.unsecure.jwt", Both, Flag),
    ("enable.ssl.certificate.verification", Both, Flag),
    ("enabled_events", Both, Whole(0, 2_147_483_647)),
    ("error_cb", Both, Callback),
    ("fetch.error.backoff.ms", Consumer, Whole(0, 300_000)),
    ("fetch.max.bytes", Consumer, Whole(0, 2_147_483_135)),
    ("fetch.min.bytes", Consumer, Whole(1, 100_000_000)),
    ("fetch.queue.backoff.ms", Consumer, Whole(0, 300_000)),
    ("fetch.wait.max.ms", Consumer, Whole(0, 300_000)),
    ("group.id", Consumer, Text),
    ("group.instance.id", Consumer, Text),
    ("group.protocol", Consumer, Words(&["classic", "consumer"])),
    ("group.protocol.type", Consumer, Text),
    ("group.remote.assignor", Consumer, Text),
    ("heartbeat.interval.ms", Consumer, Whole(1, 3_600_000)),
    ("https.ca.location", Both, Text),
    ("https.ca.pem", Both, Text),
    ("interceptors", Both, Callback),
    ("internal.termination.signal", Both, Whole(0, 128)),
    ("isolation.level", Consumer, Words(&["read_uncommitted", "read_committed"])),
    ("linger.ms", Producer, Real(0.0, 900_000.0)),
    ("log.connection.close", Both, Flag),
    ("log.queue", Both, Flag),
    ("log.thread.name", Both, Flag),
    ("log_cb", Both, Callback),
    ("log_level", Both, Whole(0, 7)),
    ("max.in.flight.requests.per.connection", Both, Whole(1, 1_000_000)),
    ("max.partition.fetch.bytes", Consumer, Whole(1, 1_000_000_000)),
    ("max.poll.interval.ms", Consumer, Whole(1, 86_400_000)),
    ("message.copy.max.bytes", Both, Whole(0, 1_000_000_000)),
    ("message.max.bytes", Both, Whole(1_000, 1_000_000_000)),
    ("message.timeout.ms", Producer, Whole(0, 2_147_483_647)),
    ("metadata.max.age.ms", Both, Whole(1, 86_400_000)),
    ("metadata.recovery.rebootstrap.trigger.ms", Both, Whole(0, 2_147_483_647)),
    ("metadata.recovery.strategy", Both, Words(&["none", "rebootstrap"])),
    ("msg_order_cmp", Producer, Callback),
    ("oauthbearer_token_refresh_cb", Both, Callback),
    ("offset.store.method", Consumer, Words(&["none", "file", "broker"])),
    ("offset.store.path", Consumer, Text),
    ("offset.store.sync.interval.ms", Consumer, Whole(-1, 86_400_000)),
    ("offset_commit_cb", Consumer, Callback),
    ("opaque", Both, Callback),
    ("open_cb", Both, Callback),
    ("partition.assignment.strategy", Consumer, Text),
    ("partitioner", Producer,
        Words(&["random", "consistent", "consistent_random", "murmur2", "murmur2_random",
            "fnv1a", "fnv1a_random"])),
    ("partitioner_cb", Producer, Callback),
    ("plugin.library.paths", Both, Text),
    ("produce.offset.report", Producer, Flag),
    ("queue.buffering.backpressure.threshold", Producer, Whole(1, 1_000_000)),
    ("queue.buffering.max.kbytes", Producer, Whole(1, 2_147_483_647)),
    ("queue.buffering.max.messages", Producer, Whole(0, 2_147_483_647)),
    ("queued.max.messages.kbytes", Consumer, Whole(1, 2_097_151)),
    ("queued.min.messages", Consumer, Whole(1, 10_000_000)),
    ("queuing.strategy", Producer, Words(&["fifo", "lifo"])),
    ("rebalance_cb", Consumer, Callback),
    ("receive.message.max.bytes", Both, Whole(1_000, 2_147_483_647)),
    ("reconnect.backoff.jitter.ms", Both, Whole(0, 3_600_000)),
    ("reconnect.backoff.max.ms", Both, Whole(0, 3_600_000)),
    ("reconnect.backoff.ms", Both, Whole(0, 3_600_000)),
    ("request.timeout.ms", Producer, Whole(1, 900_000)),
    ("resolve_cb", Both, Callback),
    ("retries", Producer, Whole(0, 2_147_483_647)),
    ("retry.backoff.max.ms", Both, Whole(1, 300_000)),
    ("retry.backoff.ms", Both, Whole(1, 300_000)),
    ("sasl.kerberos.keytab", Both, Text),
    ("sasl.kerberos.kinit.cmd", Both, Text),
    ("sasl.kerberos.min.time.before.relogin", Both, Whole(0, 86_400_000)),
    ("sasl.kerberos.principal", Both, Text),
    ("sasl.kerberos.service.name", Both, Text),
    ("sasl.mechanism", Both, Text),
    ("sasl.oauthbearer.assertion.algorithm", Both, Words(&["RS256", "ES256"])),
    ("sasl.oauthbearer.assertion.claim.aud", Both, Text),
    ("sasl.oauthbearer.assertion.claim.exp.seconds", Both, Whole(1, 2_147_483_647)),
    ("sasl.oauthbearer.assertion.claim.iss", Both, Text),
    ("sasl.oauthbearer.assertion.claim.jti.include", Both, Flag),
    ("sasl.oauthbearer.assertion.claim.nbf.seconds", Both, Whole(0, 2_147_483_647)),
    ("sasl.oauthbearer.assertion.claim.sub", Both, Text),
    ("sasl.oauthbearer.assertion.file", Both, Text),
    ("sasl.oauthbearer.assertion.jwt.template.file", Both, Text),
    ("sasl.oauthbearer.assertion.private.key.file", Both, Text),
    ("sasl.oauthbearer.assertion.private.key.passphrase", Both, Text),
    ("sasl.oauthbearer.assertion.private.key.pem", Both, Text),
    ("sasl.oauthbearer.client.id", Both, Text),
    ("sasl.oauthbearer.client.secret", Both, Text),
    ("sasl.oauthbearer.config", Both, Text),
    ("sasl.oauthbearer.extensions", Both, Text),
    ("sasl.oauthbearer.grant.type", Both,
        Words(&["client_credentials", "urn:ietf:params:oauth:grant-type:jwt-bearer"])),
    ("sasl.oauthbearer.metadata.authentication.type", Both, Words(&["none", "azure_imds"])),
    ("sasl.oauthbearer.method", Both, Words(&["default", "oidc"])),
    ("sasl.oauthbearer.scope", Both, Text),
    ("sasl.oauthbearer.token.endpoint.url", Both, Text),
    ("sasl.password", Both, Text),
    ("sasl.username", Both, Text),
    ("security.protocol", Both, Words(&["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"])),
    ("session.timeout.ms", Consumer, Whole(1, 3_600_000)),
    ("socket.blocking.max.ms", Both, Whole(1, 60_000)),
    ("socket.connection.setup.timeout.ms", Both, Whole(1_000, 2_147_483_647)),
    ("socket.keepalive.enable", Both, Flag),
    ("socket.max.fails", Both, Whole(0, 1_000_000)),
    ("socket.nagle.disable", Both, Flag),
    ("socket.receive.buffer.bytes", Both, Whole(0, 100_000_000)),
    ("socket.send.buffer.bytes", Both, Whole(0, 100_000_000)),
    ("socket.timeout.ms", Both, Whole(10, 300_000)),
    ("socket_cb", Both, Callback),
    ("ssl.ca.certificate.stores", Both, Text),
    ("ssl.ca.location", Both, Text),
    ("ssl.ca.pem", Both, Text),
    ("ssl.certificate.location", Both, Text),
    ("ssl.certificate.pem", Both, Text),
    ("ssl.certificate.verify_cb", Both, Callback),
    ("ssl.cipher.suites", Both, Text),
    ("ssl.crl.location", Both, Text),
    ("ssl.curves.list", Both, Text),
    ("ssl.endpoint.identification.algorithm", Both, Words(&["none", "https"])),
    ("ssl.engine.id", Both, Text),
    ("ssl.engine.location", Both, Text),
    ("ssl.key.location", Both, Text),
    ("ssl.key.password", Both, Text),
    ("ssl.key.pem", Both, Text),
    ("ssl.keystore.location", Both, Text),
    ("ssl.keystore.password", Both, Text),
    ("ssl.providers", Both, Text),
    ("ssl.sigalgs.list", Both, Text),
    ("ssl_ca", Both, Callback),
    ("ssl_certificate", Both, Callback),
    ("ssl_engine_callback_data", Both, Callback),
    ("ssl_key", Both, Callback),
    ("statistics.interval.ms", Both, Whole(0, 86_400_000)),
    ("stats_cb", Both, Callback),
    ("sticky.partitioning.linger.ms", Producer, Whole(0, 900_000)),
    ("throttle_cb", Both, Callback),
    ("topic.blacklist", Both, Text),
    ("topic.metadata.propagation.max.ms", Both, Whole(0, 3_600_000)),
    ("topic.metadata.refresh.fast.cnt", Both, Whole(0, 1_000)),
    ("topic.metadata.refresh.fast.interval.ms", Both, Whole(1, 60_000)),
    ("topic.metadata.refresh.interval.ms", Both, Whole(-1, 3_600_000)),
    ("topic.metadata.refresh.sparse", Both, Flag),
    ("transaction.timeout.ms", Producer, Whole(1_000, 2_147_483_647)),
    ("transactional.id", Producer, Text),
];

#[cfg(test)]
mod tests {
    use super::*;
    use rdkafka::ClientConfig;

    /// Asks librdkafka itself, so that an upgrade of the crate shows what the table has wrong.
    #[test]
    fn librdkafka_knows_every_property() {
        let set = |name: &str, text: &str| {
            let set = ClientConfig::new().set(name, text).create_native_config();
            set.map_or_else(|error| error.to_string(), |_| "fine".to_owned())
        };
        // What this build leaves out is known all the same.
        let fine = |name: &str, text: &str| {
            let answer = set(name, text);
            let left_out = ["not supported in this build", "Unsupported value"];
            answer == "fine" || left_out.iter().any(|words| answer.contains(words))
        };
        let unknown = |name: &str| set(name, "x").contains("No such configuration property");
        assert!(unknown("no.such.property"));
        for (name, _, kind) in TABLE {
            match kind {
                Whole(least, most) => {
                    assert!(fine(name, &most.to_string()), "{name} to {most}");
                    assert!(fine(name, &least.to_string()), "{name} from {least}");
                    assert!(set(name, &(most + 1).to_string()) != "fine", "{name} above {most}");
                }
                Real(_, most) => {
                    assert!(fine(name, &most.to_string()), "{name} to {most}");
                    assert!(set(name, &(most + 1.0).to_string()) != "fine", "{name} above {most}");
                }
                Flag => assert!(fine(name, "true"), "{name}"),
                Words(words) => {
                    for word in *words {
                        assert!(fine(name, word), "{name} = {word}");
                    }
                    assert!(set(name, "nonsense") != "fine", "{name}");
                }
                // Some texts are checked as they are set; only an unknown name matters here.
                Text => assert!(!unknown(name), "{name}"),
                Callback => {}
            }
        }
    }
}
