//! The clients' properties.

use super::*;

pub(super) fn x(properties: &[&str]) -> Overrides {
    let properties = properties.iter().map(ToString::to_string).collect();
    Overrides { properties, ..Overrides::default() }
}

pub(super) fn producer(lines: &str) -> String {
    format!("{LEAST}[kafka.producer]\n{lines}\n")
}

#[test]
fn the_file_s_properties_stand_over_kbench_s() {
    let text = format!(
        "{LEAST}[kafka.producer]\n\
         linger.ms = 0.5\n\
         \"compression.codec\" = \"LZ4\"\n\
         socket = {{ nagle.disable = false }}\n\
         [kafka.consumer]\n\
         fetch.min.bytes = 1_000\n"
    );
    let kafka = plan_of(&text).kafka;
    assert_eq!(kafka.producer["linger.ms"], "0.5");
    assert_eq!(kafka.producer["compression.type"], "lz4");
    assert_eq!(kafka.producer["socket.nagle.disable"], "false");
    assert_eq!(kafka.producer["partitioner"], "murmur2_random");
    assert_eq!(kafka.consumer["socket.nagle.disable"], "true");
    assert_eq!(kafka.consumer["fetch.min.bytes"], "1000");
    assert_eq!(kafka.consumer["fetch.queue.backoff.ms"], "10");
}

#[test]
fn a_flag_goes_to_the_side_that_it_names_or_to_those_that_have_it() {
    let flags = x(&[
        "linger.ms=7",
        "client.id=me",
        "producer.socket.keepalive.enable=true",
        "consumer.fetch.min.bytes=5",
        "linger.ms=8",
    ]);
    let kafka = planned(&producer("linger.ms = 1"), &flags).unwrap().kafka;
    assert_eq!(kafka.producer["linger.ms"], "8");
    assert!(!kafka.consumer.contains_key("linger.ms"));
    assert_eq!(
        (kafka.producer["client.id"].as_str(), kafka.consumer["client.id"].as_str()),
        ("me", "me")
    );
    assert!(!kafka.consumer.contains_key("socket.keepalive.enable"));
    assert_eq!(kafka.consumer["fetch.min.bytes"], "5");
}

#[test]
fn a_number_with_a_unit_is_refused() {
    assert_eq!(
        faults_of(&producer("linger.ms = \"5s\"\nbatch.size = \"1MB\"\nmessage.timeout.ms = 1.5")),
        "a.toml:6:13: kafka.producer.linger.ms: \"5s\" is not a number; expected 0 to 900000 of \
         milliseconds, without a unit\n\
         a.toml:7:14: kafka.producer.batch.size: \"1MB\" is not a whole number; expected 1 to \
         2147483647 of bytes, without a unit\n\
         a.toml:8:22: kafka.producer.message.timeout.ms: \"1.5\" is not a whole number; expected 0 \
         to 2147483647 of milliseconds, without a unit"
    );
    assert_eq!(
        faults_with(LEAST, &x(&["socket.timeout.ms=60s"])),
        "-X: socket.timeout.ms: \"60s\" is not a whole number; expected 10 to 300000 of \
         milliseconds, without a unit"
    );
}

#[test]
fn java_s_and_unknown_properties_are_refused_with_a_way_out() {
    let flags = x(&[
        "buffer.memory=1",
        "max.block.ms=1",
        "max.request.size=1",
        "ssl.truststore.location=/x",
        "sasl.jaas.config=y",
        "linger=5",
        "qwertz=1",
        "consumer.linger.ms=1",
        "producer.fetch.min.bytes=1",
    ]);
    assert_eq!(
        faults_with(LEAST, &flags),
        "-X: buffer.memory: is a property of Java's client; use queue.buffering.max.kbytes, in \
         KiB\n\
         -X: max.block.ms: is a property of Java's client; leave it out: a full queue is counted \
         and never blocks the schedule\n\
         -X: max.request.size: is a property of Java's client; use message.max.bytes\n\
         -X: ssl.truststore.location: is a property of Java's client; use ssl.ca.location, a PEM \
         file\n\
         -X: sasl.jaas.config: is a property of Java's client; use sasl.username and \
         sasl.password\n\
         -X: linger: unknown property; did you mean linger.ms?\n\
         -X: qwertz: unknown property; expected one of librdkafka's\n\
         -X: consumer.linger.ms: only producers have it; expected [kafka.producer]\n\
         -X: producer.fetch.min.bytes: only consumers have it; expected [kafka.consumer]"
    );
}

#[test]
fn reserved_properties_are_refused_with_the_reason() {
    let flags = x(&[
        "group.id=g",
        "bootstrap.servers=a:1",
        "metadata.broker.list=a:1",
        "statistics.interval.ms=5",
        "enable.auto.offset.store=true",
        "delivery.report.only.error=true",
        "enable.auto.commit=False",
        "enable.auto.commit=true",
    ]);
    assert_eq!(
        faults_with(LEAST, &flags),
        "-X: group.id: is kbench's to set; use apps.NAME.group\n\
         -X: bootstrap.servers: is kbench's to set; use kafka.bootstrap_servers, or -b\n\
         -X: metadata.broker.list: is kbench's to set; use kafka.bootstrap_servers, or -b\n\
         -X: statistics.interval.ms: is kbench's to set; kbench asks for the client's statistics \
         itself\n\
         -X: enable.auto.offset.store: is kbench's to set; a worker stores an offset once the \
         event is processed\n\
         -X: delivery.report.only.error: is kbench's to set; every acknowledgement is measured\n\
         -X: enable.auto.commit: can't be false; without commits a rebalance would start the group \
         over from the beginning"
    );
}

#[test]
fn what_contradicts_idempotence_is_refused_where_it_was_asked_for() {
    let asked = "enable.idempotence = true\nacks = 1\nmax.in.flight = 6\nretries = 0";
    assert_eq!(
        faults_of(&producer(asked)),
        "a.toml:7:8: kafka.producer.acks: 1 contradicts enable.idempotence; expected acks=all\n\
         a.toml:8:17: kafka.producer.max.in.flight: 6 contradicts enable.idempotence; expected at \
         most 5\n\
         a.toml:9:11: kafka.producer.retries: 0 contradicts enable.idempotence; expected at least 1"
    );
    let plan = plan_of(&producer("acks = \"1\""));
    assert_eq!(plan.kafka.producer["enable.idempotence"], "false");
    assert_eq!(plan.warnings, ["a.toml:6:8: kafka.producer.acks: 1 turns enable.idempotence off"]);
    let plan = plan_of(&producer("acks = -1\nmax.in.flight = 5"));
    assert_eq!(plan.kafka.producer["enable.idempotence"], "true");
    assert_eq!(plan.kafka.producer["acks"], "all");
    assert_eq!(plan.warnings, [""; 0]);
    assert_eq!(plan_of(&producer("acks = 0")).warnings.len(), 2);
}

#[test]
fn what_librdkafka_would_refuse_is_refused_here() {
    let text = format!(
        "{LEAST}[kafka.producer]\n\
         message.timeout.ms = 5\n\
         reconnect.backoff.ms = 50\n\
         reconnect.backoff.max.ms = 40\n\
         linger.ms = 5\n\
         queue.buffering.max.ms = 5\n\
         compression.type = \"brotli\"\n\
         [kafka.consumer]\n\
         session.timeout.ms = 300001\n\
         max.poll.interval.ms = 300000\n\
         group.protocol = \"consumer\"\n\
         [kafka]\nbootstrap_servers = \"a:1\"\n"
    );
    assert_eq!(
        faults_of(&text),
        "a.toml:6:22: kafka.producer.message.timeout.ms: message.timeout.ms is 5 and linger.ms is \
         5; expected message.timeout.ms above linger.ms\n\
         a.toml:8:28: kafka.producer.reconnect.backoff.max.ms: reconnect.backoff.max.ms is 40 and \
         reconnect.backoff.ms is 50; expected reconnect.backoff.max.ms at least \
         reconnect.backoff.ms\n\
         a.toml:10:26: kafka.producer.queue.buffering.max.ms: is the same as \
         kafka.producer.linger.ms; expected one of them\n\
         a.toml:11:20: kafka.producer.compression.type: no such choice: \"brotli\"; expected one \
         of none, gzip, snappy, lz4, zstd\n\
         a.toml:13:22: kafka.consumer.session.timeout.ms: contradicts group.protocol=consumer, \
         where the broker decides it; expected it left out\n\
         a.toml:14:24: kafka.consumer.max.poll.interval.ms: max.poll.interval.ms is 300000 and \
         session.timeout.ms is 300001; expected max.poll.interval.ms at least session.timeout.ms"
    );
    let plan = plan_of(&producer("reconnect.backoff.ms = 500"));
    assert_eq!(plan.kafka.producer["reconnect.backoff.max.ms"], "500");
    let plan = plan_of(&producer("reconnect.backoff.max.ms = 5"));
    assert_eq!(plan.kafka.producer["reconnect.backoff.ms"], "5");
    assert!(planned(&producer("message.timeout.ms = 0"), &Overrides::default()).is_ok());
}

#[test]
fn what_the_embedded_broker_lacks_is_refused_where_it_would_be_used() {
    let flags = x(&["consumer.group.protocol=consumer", "security.protocol=SASL_PLAINTEXT"]);
    assert_eq!(
        faults_with(LEAST, &flags),
        "-X: consumer.group.protocol: consumer: the embedded broker has classic only; expected it \
         left out, or a Kafka named by -b\n\
         -X: security.protocol: sasl_plaintext: the embedded broker has plaintext only; expected \
         it left out, or a Kafka named by -b"
    );
    let named = Overrides { bootstrap_servers: Some("a:1".to_owned()), ..flags };
    assert!(planned(LEAST, &named).is_ok());
}

#[cfg(not(feature = "tls"))]
#[test]
fn what_is_not_built_in_is_refused_with_the_build_that_has_it() {
    assert_eq!(
        faults_with(
            LEAST,
            &x(&[
                "security.protocol=SASL_SSL",
                "sasl.mechanism=SCRAM-SHA-256",
                "ssl.key.password=hunter2",
                "sasl.mechanism=GSSAPI",
            ])
        ),
        "-X: security.protocol: sasl_ssl: this build has no TLS; expected a build with \
         `--features tls`\n\
         -X: sasl.mechanism: SCRAM-SHA-256: this build has SASL PLAIN only; expected a build with \
         `--features tls`\n\
         -X: ssl.key.password: ***: this build has no TLS; expected a build with `--features \
         tls`\n\
         -X: sasl.mechanism: GSSAPI: Kerberos is in no build of kbench; expected PLAIN, SCRAM or \
         OAUTHBEARER"
    );
}

#[test]
fn a_properties_file_of_java_s_tools_is_understood() {
    let text = "bootstrap.servers=b:2\n\
                security.protocol=SASL_PLAINTEXT\n\
                sasl.mechanism=PLAIN\n\
                sasl.jaas.config=x.PlainLoginModule required username=\"me\" \
                password=\"hunter2\";\n\
                key.serializer=org.apache.kafka.X\n\
                linger.ms=3\n";
    let command_config = Some(("c.properties".to_owned(), text.to_owned()));
    let properties = vec!["linger.ms=4".to_owned()];
    let overrides = Overrides { command_config, properties, ..Overrides::default() };
    let plan = planned(&producer("linger.ms = 2"), &overrides).unwrap();
    assert_eq!(plan.kafka.bootstrap_servers.as_deref(), Some("b:2"));
    assert_eq!(plan.kafka.producer["linger.ms"], "4");
    assert_eq!(plan.kafka.consumer["sasl.password"], "hunter2");
    assert_eq!(plan.kafka.consumer["security.protocol"], "sasl_plaintext");
    assert_eq!(plan.warnings, ["c.properties:5: key.serializer: has no meaning here, left out"]);
    let broken = Overrides {
        command_config: Some(("c.properties".to_owned(), "acks=all\nfoo=1\n".to_owned())),
        ..Overrides::default()
    };
    assert_eq!(
        faults_with(LEAST, &broken),
        "c.properties:2: foo: unknown property; expected one of librdkafka's"
    );
}

#[test]
fn a_password_is_never_shown() {
    let flags = x(&["sasl.password=hunter2", "sasl.username=me"]);
    let plan = planned(LEAST, &flags).unwrap();
    assert_eq!(plan.kafka.producer["sasl.password"], "hunter2");
    // Nobody asks for it: that is told, once.
    assert_eq!(
        plan.warnings,
        ["-X: sasl.password: does nothing with security.protocol=plaintext; expected \
          security.protocol=sasl_plaintext or sasl_ssl, or it left out"]
    );
    let safe = ["security.protocol=sasl_plaintext", "sasl.password=hunter2"];
    let safe = Overrides { bootstrap_servers: Some("b:1".to_owned()), ..x(&safe) };
    assert_eq!(planned(LEAST, &safe).unwrap().warnings, [] as [String; 0]);
    assert!(!format!("{plan:?}").contains("hunter2"));
    let json = serde_json::to_string(&plan).unwrap();
    assert!(!json.contains("hunter2") && json.contains("\"sasl.username\":\"me\""));
    let wrong = x(&["hunter2", "sasl.pasword=hunter2", "ssl.truststore.password=hunter2"]);
    let faults = faults_with(LEAST, &wrong);
    assert_eq!(faults.lines().count(), 3);
    assert!(!faults.contains("hunter2"), "{faults}");
    assert!(faults.contains("did you mean sasl.password?"), "{faults}");
}
