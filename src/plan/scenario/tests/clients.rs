//! Which client it is, and what it is asked.

use std::collections::BTreeMap;

use super::kafka::{producer, x};
use super::*;
use crate::plan::kafka::checker::{CheckedProperties, ClientSide, GivenProperty, PropertyChecker};
use crate::plan::{ClientKind, KafkaPlan};

/// A client that has one property, and a word of its own for the servers.
#[derive(Debug)]
struct OneProperty;

impl ClientCheckers for OneProperty {
    fn checker(&self, _: ClientKind) -> &dyn PropertyChecker {
        self
    }

    fn choose(&self, _: &KafkaPlan) -> (ClientKind, Option<String>) {
        (ClientKind::Native, Some("there is one".to_owned()))
    }
}

impl PropertyChecker for OneProperty {
    fn canonical<'n>(&self, name: &'n str) -> &'n str {
        if name == "hosts" { "bootstrap.servers" } else { name }
    }

    fn check(
        &self,
        given: &mut dyn Iterator<Item = GivenProperty>,
        is_embedded: bool,
        faults: &Diagnostics,
    ) -> CheckedProperties {
        let mut checked = CheckedProperties::default();
        for GivenProperty { side, name, setting } in given {
            if name != "shelves" || is_embedded {
                faults.add(setting.place, format!("{}: not here", setting.path));
            } else if side == ClientSide::Producer {
                checked.producer.insert(name, setting.text);
            } else {
                checked.consumer.insert(name, setting.text);
            }
        }
        checked
    }
}

#[test]
fn a_property_is_judged_by_the_client_that_will_have_it_and_by_nobody_else() {
    let judged = |lines: &str, properties: &[&str], config: &str| {
        let config = Some(("c.properties".to_owned(), config.to_owned()));
        let overrides = Overrides { command_config: config, ..x(properties) };
        let source = ScenarioSource::new("a.toml", producer(lines));
        plan(&source, &overrides, &environment(), APPS, &OneProperty).map(|plan| plan.kafka)
    };
    let kafka = judged("shelves = 3", &["consumer.shelves=4"], "hosts=a:1").unwrap();
    assert_eq!(kafka.bootstrap_servers.as_deref(), Some("a:1"));
    assert_eq!(kafka.client, ClientKind::Native);
    assert_eq!(kafka.client_reason.as_deref(), Some("there is one"));
    let one = |text: &str| BTreeMap::from([("shelves".to_owned(), text.to_owned())]);
    assert_eq!((kafka.producer, kafka.consumer), (one("3"), one("4")));
    // All at once, each with its place.
    let faults =
        judged("shelves = 3\nlinger.ms = 5", &["acks=all", "no", "x=1"], "hosts=a:1\nretries=1");
    assert_eq!(
        faults.unwrap_err().to_string(),
        "a.toml:7:13: kafka.producer.linger.ms: not here\n\
         c.properties:2: retries: not here\n\
         -X: acks: not here\n\
         -X: number 2 has no '='; expected KEY=VALUE\n\
         -X: x: not here"
    );
    let faults = judged("shelves = 3", &[], "").unwrap_err().to_string();
    assert_eq!(faults, "a.toml:6:11: kafka.producer.shelves: not here", "no broker was named");
}

#[test]
fn the_client_is_the_one_that_file_and_flag_name_else_native_where_it_has_all_that_is_set() {
    let native = format!("{LEAST}[kafka]\nclient = \"native\"\n");
    let librdkafka = native.replace("native", "librdkafka");
    let client = |text: &str, flag: Option<ClientKind>| {
        let overrides = Overrides { client: flag, ..Overrides::default() };
        planned(text, &overrides).unwrap().kafka.client
    };
    assert_eq!(client(LEAST, None), ClientKind::Native);
    assert_eq!(client(&native, None), ClientKind::Native);
    assert_eq!(client(LEAST, Some(ClientKind::Native)), ClientKind::Native);
    assert_eq!(client(&native, Some(ClientKind::Librdkafka)), ClientKind::Librdkafka);
    assert_eq!(
        faults_of(&native.replace("native", "natve")),
        "a.toml:6:10: kafka.client: no such word: \"natve\"; did you mean \"native\"? expected one \
         of \"librdkafka\", \"native\""
    );
    // A plan that does not say is one from before the choice.
    let json = |text: &str| serde_json::to_value(plan_of(text)).unwrap();
    for (text, name) in [(LEAST, "native"), (&*native, "native"), (&*librdkafka, "librdkafka")] {
        let kafka = json(text)["kafka"].take();
        assert_eq!((&kafka["client"], kafka.get("client_reason")), (&name.into(), None));
    }
    let mut old = json(LEAST)["kafka"].take();
    old.as_object_mut().unwrap().remove("client");
    let old: KafkaPlan = serde_json::from_value(old).unwrap();
    assert_eq!((old.client, old.client_reason), (ClientKind::Librdkafka, None));
}

#[test]
fn librdkafka_is_taken_where_the_native_client_lacks_something_and_the_plan_says_what() {
    let chosen = |lines: &str, properties: &[&str]| {
        let servers = Some("a:1".to_owned());
        let overrides = Overrides { bootstrap_servers: servers, ..x(properties) };
        let plan = planned(&producer(lines), &overrides).unwrap().kafka;
        (plan.client, plan.client_reason.unwrap_or_default())
    };
    let (client, reason) = chosen("\"linger.ms\" = 5", &[]);
    assert_eq!((client, &*reason), (ClientKind::Native, ""));
    let (client, reason) = chosen("\"partitioner\" = \"random\"", &[]);
    assert_eq!(client, ClientKind::Librdkafka);
    let wanted = "kafka.producer: partitioner=random: the native client chooses as Java's does";
    assert!(reason.starts_with(wanted), "{reason}");
    let sasl = ["security.protocol=sasl_plaintext", "sasl.username=me", "sasl.password=hunter2"];
    let (client, reason) = chosen("", &sasl);
    assert_eq!(client, ClientKind::Librdkafka);
    assert!(!reason.contains("hunter2") && !reason.is_empty(), "{reason}");
    let (client, reason) = chosen("", &["socket.receive.buffer.bytes=100000"]);
    assert_eq!(client, ClientKind::Librdkafka);
    let wanted = "socket.receive.buffer.bytes: the native client does not have it";
    assert_eq!(reason, format!("kafka.producer: {wanted}"));
    // Named, it stands, and nobody gives a reason; the client itself refuses.
    let named = format!("{}client = \"native\"\n", producer("").replace(".producer]", "]"));
    let plan = planned(&named, &x(&["socket.receive.buffer.bytes=100000"])).unwrap().kafka;
    assert_eq!((plan.client, plan.client_reason), (ClientKind::Native, None));
}
