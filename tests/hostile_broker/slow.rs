//! Connections that say nothing, or say it slowly: they hold nobody else up, and no memory.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{ApiKey, ProduceRequest, RequestKind, TopicName};
use kafka_protocol::protocol::StrBytes;
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use super::{PATIENCE, assert_serves, connect, encode, read_frame, requests, start};

/// `kbench broker` as a process of its own, whose memory and files can be counted.
struct Process {
    child: Child,
    address: SocketAddr,
}

impl Process {
    /// `limits` are the shell's, set before it starts.
    fn start(limits: &str, memory_mib: u64) -> Self {
        let program = env!("CARGO_BIN_EXE_kbench");
        let command = format!(
            "{limits} exec '{program}' broker --port 0 --memory-limit-mib {memory_mib} \
             --until-stdin-closes"
        );
        let mut child = Command::new("sh")
            .args(["-c", &command])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut greeting = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut greeting).unwrap();
        let address = greeting.trim().rsplit(' ').next().unwrap().parse().unwrap();
        Self { child, address }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    fn resident_mib(&self) -> u64 {
        let pages = std::fs::read_to_string(format!("/proc/{}/statm", self.child.id())).unwrap();
        let pages: u64 = pages.split(' ').nth(1).unwrap().parse().unwrap();
        (pages * 4_096) >> 20
    }

    /// The most that it takes over a time.
    fn most_mib(&self, over: Duration) -> u64 {
        let (started, mut most) = (Instant::now(), 0);
        while started.elapsed() < over {
            most = most.max(self.resident_mib());
            std::thread::sleep(Duration::from_millis(10));
        }
        most
    }

    /// How long a message of this size takes to be acknowledged, on a connection of its own.
    fn deliver(&self, bytes: usize) -> Duration {
        let started = Instant::now();
        let producer: BaseProducer = ClientConfig::new()
            .set("bootstrap.servers", self.address.to_string())
            .set("enable.metrics.push", "false")
            .create()
            .unwrap();
        let payload = "x".repeat(bytes);
        producer.send(BaseRecord::<str, str>::to("large").payload(&payload)).unwrap();
        producer.flush(PATIENCE).unwrap();
        assert_eq!(producer.in_flight_count(), 0);
        started.elapsed()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The beginning of a request of `claimed` bytes.
fn begin(stream: &mut TcpStream, claimed: i32, sent: usize) -> std::io::Result<()> {
    stream.write_all(&claimed.to_be_bytes())?;
    stream.write_all(&vec![0; sent])
}

/// Waits until the broker closes it; gives how long that took.
fn closes(mut stream: TcpStream) -> Duration {
    let started = Instant::now();
    assert_eq!(stream.read(&mut [0]).unwrap_or(0), 0);
    started.elapsed()
}

#[test]
fn more_idle_connections_than_there_is_room_for_shut_nobody_out() {
    let broker = start(|config| {
        config.connections_max = 40;
        config.connections_max_per_address = 40;
    });
    let mut idle: Vec<_> = (0..100).map(|_| connect(&broker)).collect();
    let started = Instant::now();
    assert_serves(&broker);
    assert!(started.elapsed() < Duration::from_secs(5), "took {:?}", started.elapsed());
    let stats = broker.stats();
    assert_eq!(stats.connections_refused, 0, "{stats:?}");
    assert!(stats.connections_evicted >= 60 && stats.connections <= 40, "{stats:?}");
    // Those that came first had to go; the last one is still there, and is served.
    assert!(closes(idle.remove(0)) < Duration::from_secs(1));
    let mut last = idle.pop().unwrap();
    last.write_all(&api_versions()).unwrap();
    assert!(read_frame(&mut last).is_some());
}

fn api_versions() -> Vec<u8> {
    encode(&requests::sample(ApiKey::ApiVersions, 0), ApiKey::ApiVersions, 0).unwrap()
}

#[test]
fn a_process_that_may_open_few_files_serves_all_the_same() {
    let broker = Process::start("ulimit -n 48;", 64);
    let idle: Vec<_> = (0..100).map(|_| broker.connect()).collect();
    assert!(broker.deliver(10) < Duration::from_secs(5));
    drop(idle);
}

#[test]
fn silence_and_half_requests_end_in_time_and_a_client_may_be_silent_for_longer() {
    let broker = start(|config| {
        config.request_arrival_max_ms = 400;
        config.connections_idle_max_ms = 2_000;
    });
    let (silent, mut half, mut slow) = (connect(&broker), connect(&broker), connect(&broker));
    let mut client = connect(&broker);
    client.write_all(&api_versions()).unwrap();
    assert!(read_frame(&mut client).is_some());
    begin(&mut half, 1_000, 10).unwrap();
    let dripping = std::thread::spawn(move || {
        let started = Instant::now();
        begin(&mut slow, 1_000, 0).unwrap();
        // A byte at a time, which never is silence.
        while slow.write_all(&[0]).is_ok() && started.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(20));
        }
        started.elapsed()
    });
    let limits = Duration::from_millis(200)..Duration::from_millis(1_500);
    let took = [closes(silent), dripping.join().unwrap()];
    assert!(took.iter().all(|took| limits.contains(took)), "{took:?}");
    assert!(closes(half) < Duration::from_millis(200), "it is long closed");
    // The client is not: it is served once more, and then closed for its silence alone.
    client.write_all(&api_versions()).unwrap();
    assert!(read_frame(&mut client).is_some());
    assert!(closes(client) > Duration::from_millis(1_800));
    // A connection is out of the count a moment after it is closed.
    let started = Instant::now();
    while broker.stats().connections > 0 && started.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(1));
    }
    let stats = broker.stats();
    assert_eq!((stats.connections_timed_out, stats.connections), (4, 0), "{stats:?}");
    assert_serves(&broker);
}

/// A whole request with records of so many bytes, which is refused and answered.
fn produce_request(bytes: usize) -> Vec<u8> {
    let data = PartitionProduceData::default().with_records(Some(Bytes::from(vec![0; bytes])));
    let topic = TopicProduceData::default()
        .with_name(TopicName(StrBytes::from_static_str("nowhere")))
        .with_partition_data(vec![data]);
    let request = ProduceRequest::default().with_acks(1).with_topic_data(vec![topic]);
    encode(&RequestKind::Produce(request), ApiKey::Produce, 9).unwrap()
}

#[test]
fn what_has_arrived_of_requests_stays_within_the_memory_limit_and_keeps_nobody_waiting() {
    let broker = Process::start("", 64);
    // Larger than there is room for: not one byte of it is wanted.
    let mut too_large = broker.connect();
    begin(&mut too_large, 20 << 20, 0).unwrap();
    assert!(closes(too_large) < Duration::from_secs(1));
    // They are told to go, or kept waiting, while they write.
    let writers: Vec<_> = (0..30).map(|_| broker.connect()).collect();
    let writers = writers.into_iter().map(|mut stream| {
        std::thread::spawn(move || {
            let _ = begin(&mut stream, 10 << 20, (10 << 20) - 1);
            stream
        })
    });
    let writers: Vec<_> = writers.collect();
    let most = broker.most_mib(Duration::from_secs(1));
    let took = broker.deliver(900_000);
    assert!(most <= 64 && broker.resident_mib() <= 64, "{most} MiB");
    assert!(took < Duration::from_secs(5), "{took:?}");
    // Small halves of requests, too, where they are many.
    let mut many: Vec<_> = (0..800).map(|_| broker.connect()).collect();
    for stream in &mut many {
        let _ = begin(stream, 60_000, 59_999);
    }
    let (most, took) = (broker.most_mib(Duration::from_millis(300)), broker.deliver(900_000));
    assert!(most <= 64 && took < Duration::from_secs(5), "{most} MiB, {took:?}");
    drop(broker);
    for writer in writers {
        drop(writer.join());
    }
}

#[test]
fn a_request_that_is_served_leaves_no_memory_taken() {
    let broker = Process::start("", 64);
    let serve = |request: &[u8]| {
        let mut stream = broker.connect();
        stream.write_all(request).unwrap();
        assert!(read_frame(&mut stream).is_some());
        stream
    };
    let large = produce_request(3 << 20);
    let large: Vec<_> = (0..40).map(|_| serve(&large)).collect();
    let taken = broker.resident_mib();
    assert!(taken <= 64, "{taken} MiB for 40 large requests that were served");
    let small = produce_request(60_000);
    let small: Vec<_> = (0..800).map(|_| serve(&small)).collect();
    let taken = broker.resident_mib();
    assert!(taken <= 64, "{taken} MiB for 800 small requests that were served");
    drop((large, small));
}
