//! Finding brokers, greeting them, and losing them: against the embedded broker and pretended ones.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use kafka_protocol::messages::{ListOffsetsRequest, MetadataRequest};

use super::super::settings::NativeSettings;
use super::*;
use crate::broker::Broker;
use crate::broker::config::BrokerConfig;

fn settings(bootstrap: &str) -> ConnectionSettings {
    let fast = [("reconnect.backoff.ms", "5"), ("reconnect.backoff.max.ms", "20")];
    let fast = fast.map(|(name, value)| (name.to_owned(), value.to_owned()));
    NativeSettings::producer(bootstrap, &BTreeMap::from(fast)).unwrap().connection
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

/// Turns until `found` says what it waits for.
fn until<T>(
    network: &mut Network,
    mut found: impl FnMut(&mut Network, NetworkEvent) -> Option<T>,
) -> T {
    let end = soon();
    loop {
        while let Some(event) = network.next_event() {
            if let Some(it) = found(network, event) {
                return it;
            }
        }
        assert!(Instant::now() < end, "nothing happened");
        network.turn(end).unwrap();
    }
}

fn broker(topic: &str, partitions: i32) -> (Broker, String) {
    let config = BrokerConfig { partitions_default: partitions, ..BrokerConfig::default() };
    let broker = Broker::start(&config).unwrap();
    let bootstrap = broker.address().to_string();
    let mut network = Network::new(settings(&bootstrap), topic).unwrap();
    let link = until(&mut network, |_, event| match event {
        NetworkEvent::Ready(link) => Some(link),
        _ => None,
    });
    // Asking for the topic by another client's request makes it.
    let name = network.view.request().with_allow_auto_topic_creation(true);
    network.ask(link, &name, soon()).unwrap();
    (broker, bootstrap)
}

fn joined(network: &mut Network) -> LinkId {
    until(network, |network, event| {
        matches!(event, NetworkEvent::Metadata).then_some(())?;
        let leader = network.view().leaders().first()?.broker?;
        network.link_of(leader)
    })
}

#[test]
fn the_leaders_are_found_by_an_address_of_the_list_and_come_back_after_a_loss() {
    let (broker, bootstrap) = broker("t", 3);
    // The first address leads nowhere.
    let mut network = Network::new(settings(&format!("127.0.0.1:1,{bootstrap}")), "t").unwrap();
    let link = joined(&mut network);
    assert_eq!(network.view().leaders().len(), 3);
    network.want(link);
    until(&mut network, |_, event| {
        matches!(event, NetworkEvent::Ready(it) if it == link).then_some(())
    });
    assert_eq!(network.any_ready(), Some(link), "a broker's own before one of the list");
    let version = network.version(link, ApiKey::Metadata).unwrap();
    assert_eq!(version, 12);
    let answer = network.ask(link, &MetadataRequest::default(), soon()).unwrap();
    assert_eq!(ClusterView::read(&answer).unwrap().brokers.len(), 1);
    network.recycle(link, answer);
    let before = network.written();
    broker.faults().freeze();
    let id = network.send(link, &MetadataRequest::default(), soon()).unwrap();
    network.turn(Instant::now()).unwrap();
    assert!(network.written() > before);
    broker.faults().drop_connections();
    let lost = until(&mut network, |_, event| match event {
        NetworkEvent::Lost(from, lost, why) if from == link => Some((lost, why)),
        _ => None,
    });
    assert_eq!(lost.0, [LostRequest { id, api: ApiKey::Metadata, is_whole: true }]);
    assert!(lost.1.contains(&bootstrap), "{}", lost.1);
    broker.faults().release();
    until(&mut network, |_, event| {
        matches!(event, NetworkEvent::Ready(it) if it == link).then_some(())
    });
    assert!(network.written() > before, "what an old connection took still counts");
}

#[test]
fn an_answer_that_does_not_come_ends_the_connection_and_the_question() {
    let (broker, bootstrap) = broker("t", 1);
    let mut network = Network::new(settings(&bootstrap), "t").unwrap();
    let link = joined(&mut network);
    network.want(link);
    until(&mut network, |_, event| {
        matches!(event, NetworkEvent::Ready(it) if it == link).then_some(())
    });
    broker.faults().freeze();
    let deadline = Instant::now() + Duration::from_millis(50);
    let why = network.ask(link, &MetadataRequest::default(), deadline).unwrap_err().to_string();
    assert!(why.ends_with("no answer to Metadata in time"), "{why}");
    assert!(!network.is_ready(link));
    let refused = network.send(link, &MetadataRequest::default(), soon()).unwrap_err();
    assert!(refused.ends_with("is not connected"), "{refused}");
}

/// A broker that knows version 0 of `ApiVersions` only, and nothing else: frame in, frame out.
fn old_broker(listener: &TcpListener) {
    let (mut stream, _) = listener.accept().unwrap();
    let frame = |stream: &mut TcpStream| {
        let mut length = [0; 4];
        stream.read_exact(&mut length)?;
        let mut frame = vec![0; u32::from_be_bytes(length) as usize];
        stream.read_exact(&mut frame).map(|()| frame)
    };
    while let Ok(request) = frame(&mut stream) {
        let error: i16 = if request[2..4] == [0, 0] { 0 } else { 35 };
        // ApiVersions itself, and Produce up to 2.
        let body = [0, 0, 0, 2, 0, 18, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2];
        let answer = [&request[4..8], &error.to_be_bytes(), &body].concat();
        let length = u32::try_from(answer.len()).unwrap().to_be_bytes();
        stream.write_all(&[&length[..], &answer].concat()).unwrap();
    }
}

#[test]
fn an_old_broker_is_greeted_in_its_own_way_and_told_apart_by_what_it_lacks() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let served = thread::spawn(move || old_broker(&listener));
    let mut network = Network::new(settings(&address), "t").unwrap();
    let link = until(&mut network, |_, event| match event {
        NetworkEvent::Ready(link) => Some(link),
        _ => None,
    });
    let lacks = |api| network.version(link, api).unwrap_err();
    let expected = format!("{address} speaks Produce up to version 2; expected 3 or later");
    assert_eq!(lacks(ApiKey::Produce), expected);
    assert!(lacks(ApiKey::ListOffsets).contains("does not speak ListOffsets"));
    let refused = network.send(link, &ListOffsetsRequest::default(), soon()).unwrap_err();
    assert!(refused.contains("does not speak ListOffsets"), "{refused}");
    drop(network);
    served.join().unwrap();
}

#[test]
fn what_is_no_address_is_refused() {
    for address in ["host", "host:", ":9092", "host:0", "host:99999", ""] {
        assert_eq!(parsed(address), None, "{address}");
    }
    let local = BrokerAddress { host: "::1".to_owned(), port: 9_092 };
    assert_eq!(parsed("[::1]:9092"), Some(local));
    assert!(Network::new(settings("host"), "t").is_err());
}
