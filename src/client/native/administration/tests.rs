//! Against the embedded broker.

use super::*;
use crate::broker::Broker;
use crate::broker::config::BrokerConfig;
use crate::client::native::raw::RawConnection;
use crate::client::native::settings::NativeSettings;

fn settings(bootstrap: &str) -> ConnectionSettings {
    NativeSettings::producer(bootstrap, &std::collections::BTreeMap::new()).unwrap().connection
}

fn started() -> Broker {
    Broker::start(&BrokerConfig::default()).unwrap()
}

#[test]
fn ends_and_leaders_are_those_of_now() {
    let broker = started();
    let mut raw = RawConnection::open(broker.address());
    raw.create_topic("t", 3);
    let administration =
        Administration::new(&settings(&broker.address().to_string()), "t").unwrap();
    assert_eq!(administration.leaders(), [1, 1, 1]);
    assert_eq!(administration.ends(3).unwrap(), [0, 0, 0]);
    raw.write("t", 1, 0..5, |offset| offset.to_string());
    raw.write("t", 2, 0..7, |offset| offset.to_string());
    assert_eq!(administration.ends(3).unwrap(), [0, 5, 7]);
    // It asks on, however often, by the same connections.
    raw.write("t", 1, 5..6, |offset| offset.to_string());
    assert_eq!(administration.ends(3).unwrap(), [0, 6, 7]);
}

#[test]
fn what_is_not_there_has_no_leaders_and_no_ends() {
    let broker = started();
    RawConnection::open(broker.address()).create_topic("t", 1);
    let bootstrap = broker.address().to_string();
    let began = Instant::now();
    let other = Administration::new(&settings(&bootstrap), "other").unwrap();
    assert_eq!(other.leaders(), [0; 0]);
    let words = other.ends(1).unwrap_err().to_string();
    assert_eq!(words, "topic other: partition 0: unknown topic or partition");
    // What was there and is not any more has none either.
    let gone = Administration::new(&settings(&bootstrap), "t").unwrap();
    assert_eq!(gone.leaders(), [1]);
    RawConnection::open(broker.address()).delete_topic("t");
    assert_eq!(gone.leaders(), [0; 0]);
    RawConnection::open(broker.address()).create_topic("t", 1);
    // More partitions than there are: the last one has none.
    let topic = Administration::new(&settings(&bootstrap), "t").unwrap();
    let words = topic.ends(2).unwrap_err().to_string();
    let told = ["it has no leader", "no answer in time"];
    let told = told.map(|why| format!("topic t: partition 1: {why}"));
    assert!(told.contains(&words), "{words}");
    assert!(began.elapsed() < 3 * ENDS, "{:?}", began.elapsed());
}

#[test]
fn what_a_broker_has_closed_as_idle_is_opened_again() {
    let config = BrokerConfig { connections_idle_max_ms: 200, ..BrokerConfig::default() };
    let broker = Broker::start(&config).unwrap();
    let address = broker.address();
    RawConnection::open(address).create_topic("t", 1);
    let administration = Administration::new(&settings(&address.to_string()), "t").unwrap();
    for round in 0..3 {
        assert_eq!(administration.ends(1).unwrap(), [0], "round {round}");
        assert_eq!(administration.leaders(), [1], "round {round}");
        while broker.stats().connections > 0 {
            std::thread::sleep(RETRY);
        }
    }
}

#[test]
fn a_broker_that_is_gone_is_said_in_time_and_one_that_comes_back_answers() {
    let broker = started();
    let address = broker.address();
    RawConnection::open(address).create_topic("t", 1);
    let administration = Administration::new(&settings(&address.to_string()), "t").unwrap();
    assert_eq!(administration.ends(1).unwrap(), [0]);
    drop(broker);
    let began = Instant::now();
    let words = administration.ends(1).unwrap_err().to_string();
    assert!(words.contains(&address.to_string()), "{words}");
    assert_eq!(administration.leaders(), [0; 0]);
    assert!(began.elapsed() < 3 * ENDS, "{:?}", began.elapsed());
    let config = BrokerConfig { port: address.port(), ..BrokerConfig::default() };
    let _again = Broker::start(&config).unwrap();
    RawConnection::open(address).create_topic("t", 2);
    assert_eq!(administration.ends(2).unwrap(), [0, 0]);
    assert_eq!(administration.leaders(), [1, 1]);
}
