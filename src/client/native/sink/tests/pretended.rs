//! Two brokers that pretend, for what the embedded one does not do: it asks for no silence, and its
//! leaders never move.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicI32, Ordering};

use bytes::{Buf, Bytes, BytesMut};
use kafka_protocol::messages::api_versions_response::ApiVersion;
use kafka_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::produce_response::{PartitionProduceResponse, TopicProduceResponse};
use kafka_protocol::messages::{
    ApiKey, ApiVersionsResponse, InitProducerIdResponse, MetadataResponse, ProduceRequest,
    ProduceResponse, TopicName,
};
use kafka_protocol::protocol::{Decodable, Encodable, StrBytes, decode_request_header_from_buffer};

use super::*;

/// What both brokers know.
#[derive(Debug)]
struct Pretended {
    ports: [u16; 2],
    leader: AtomicI32,
    epoch: AtomicI32,
    throttle_ms: AtomicI32,
    /// When each Produce request came, to which broker, and whether that led.
    produced: Mutex<Vec<(Instant, i32, bool)>>,
}

/// What is spoken, all of it in the old form but for `ApiVersions`.
const SPOKEN: [(ApiKey, i16); 4] = [
    (ApiKey::Produce, 7),
    (ApiKey::Metadata, 8),
    (ApiKey::InitProducerId, 1),
    (ApiKey::ApiVersions, 3),
];

impl Pretended {
    fn start() -> Arc<Self> {
        let listeners = [0, 0].map(|_| TcpListener::bind("127.0.0.1:0").unwrap());
        let ports = [0, 1].map(|index: usize| listeners[index].local_addr().unwrap().port());
        let number = |value| AtomicI32::new(value);
        let (leader, epoch, throttle_ms) = (number(1), number(0), number(0));
        let produced = Mutex::default();
        let brokers = Arc::new(Self { ports, leader, epoch, throttle_ms, produced });
        for (id, listener) in (1..).zip(listeners) {
            let brokers = brokers.clone();
            thread::spawn(move || {
                for stream in listener.incoming().flatten() {
                    let brokers = brokers.clone();
                    thread::spawn(move || brokers.serve(id, stream));
                }
            });
        }
        brokers
    }

    fn serve(&self, id: i32, mut stream: TcpStream) {
        let mut length = [0; 4];
        while stream.read_exact(&mut length).is_ok() {
            let mut frame = vec![0; u32::from_be_bytes(length) as usize];
            stream.read_exact(&mut frame).unwrap();
            let mut frame = Bytes::from(frame);
            let header = decode_request_header_from_buffer(&mut frame).unwrap();
            let api = ApiKey::try_from(header.request_api_key).unwrap();
            let mut answer = BytesMut::from(&header.correlation_id.to_be_bytes()[..]);
            self.answer(id, (api, header.request_api_version), frame, &mut answer);
            let framed =
                [&u32::try_from(answer.len()).unwrap().to_be_bytes(), &answer[..]].concat();
            if stream.write_all(&framed).is_err() {
                return;
            }
        }
    }

    fn answer(&self, id: i32, (api, version): (ApiKey, i16), mut body: Bytes, to: &mut BytesMut) {
        let name = || TopicName(StrBytes::from_static_str("t"));
        match api {
            ApiKey::ApiVersions => {
                let spoken = SPOKEN.map(|(api, max)| {
                    ApiVersion::default().with_api_key(api as i16).with_max_version(max)
                });
                let response = ApiVersionsResponse::default().with_api_keys(spoken.into());
                response.encode(to, version).unwrap();
            }
            ApiKey::Metadata => {
                let brokers = (1..).zip(self.ports).map(|(id, port): (i32, u16)| {
                    MetadataResponseBroker::default()
                        .with_node_id(id.into())
                        .with_host(StrBytes::from_static_str("127.0.0.1"))
                        .with_port(port.into())
                });
                let partition = MetadataResponsePartition::default()
                    .with_leader_id(self.leader.load(Ordering::SeqCst).into())
                    .with_leader_epoch(self.epoch.load(Ordering::SeqCst));
                let topic = MetadataResponseTopic::default()
                    .with_name(Some(name()))
                    .with_partitions(vec![partition]);
                let response = MetadataResponse::default()
                    .with_brokers(brokers.collect())
                    .with_topics(vec![topic]);
                response.encode(to, version).unwrap();
            }
            ApiKey::InitProducerId => {
                InitProducerIdResponse::default().encode(to, version).unwrap();
            }
            _ => {
                ProduceRequest::decode(&mut body, version).unwrap();
                assert!(!body.has_remaining());
                let leads = self.leader.load(Ordering::SeqCst) == id;
                self.produced.lock().unwrap().push((Instant::now(), id, leads));
                let partition = PartitionProduceResponse::default().with_error_code(if leads {
                    0
                } else {
                    NOT_LEADER
                });
                let topic = TopicProduceResponse::default()
                    .with_name(name())
                    .with_partition_responses(vec![partition]);
                let response = ProduceResponse::default()
                    .with_responses(vec![topic])
                    .with_throttle_time_ms(self.throttle_ms.load(Ordering::SeqCst));
                response.encode(to, version).unwrap();
            }
        }
    }
}

/// A sink at the pretended brokers; the embedded one of the bench has nothing to do.
fn bench(brokers: &Pretended) -> Bench {
    let (idle, _) = broker(1);
    Bench::at(idle, &format!("127.0.0.1:{}", brokers.ports[0]), &[("linger.ms", "0")]).ready()
}

#[test]
fn a_broker_that_asks_for_silence_hears_nothing_for_that_long() {
    let brokers = Pretended::start();
    let mut bench = bench(&brokers);
    brokers.throttle_ms.store(300, Ordering::SeqCst);
    bench.send(1);
    bench.settle();
    bench.send(1);
    bench.settle();
    let produced = brokers.produced.lock().unwrap().clone();
    assert_eq!(produced.len(), 2);
    let apart = produced[1].0 - produced[0].0;
    assert!(apart >= Duration::from_millis(300), "{apart:?}");
    let throttles = bench.sink.as_ref().unwrap().throttles(0).unwrap();
    let throttled = throttles.within(&(0..60_000_000_000));
    assert!((throttled.longest_ms - 300.0).abs() < 1e-9, "{throttled:?}");
}

#[test]
fn a_leader_that_moves_is_followed() {
    let brokers = Pretended::start();
    let mut bench = bench(&brokers);
    bench.send(3);
    bench.settle();
    brokers.leader.store(2, Ordering::SeqCst);
    brokers.epoch.store(1, Ordering::SeqCst);
    bench.send(3);
    assert!(bench.settle().values().all(|it| it.0 == Outcome::Acked));
    let produced = brokers.produced.lock().unwrap().clone();
    let places: Vec<_> = produced.iter().map(|(_, id, leads)| (*id, *leads)).collect();
    assert_eq!(places.first(), Some(&(1, true)));
    assert!(places.contains(&(1, false)) && places.last() == Some(&(2, true)), "{places:?}");
}
