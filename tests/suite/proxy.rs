//! A road of a known length between kbench and a real broker: what it holds is read back.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::probe::Probe;
use crate::runs::{constant, plan, try_run};
use crate::world::{Kind, World};
use kbench::base::clock::wake_on_time;
use kbench::client::loopback::hooks::LoopbackHooks;
use kbench::result::{LatencySummary, RunResult};

/// What the proxy holds every byte on its way to the broker for.
const HOLD_MS: u64 = 50;

/// How far the figures may lie from it.
const TOLERANCE_MS: f64 = 1.0;

/// Pairs of runs, the first of which that fits is enough.
const TRIES: usize = 4;

const KAFKA: &[Kind] = &[Kind::Kafka];

pub fn probes() -> Vec<Probe> {
    let probe = Probe::new("proxy::what_the_road_holds_is_in_the_ack_alone", held);
    vec![Probe { limit: Duration::from_secs(150), ..probe.only(KAFKA).natively(KAFKA).alone() }]
}

/// Forwards connections to a broker, byte by byte; those to the broker late.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    hold_ms: Arc<AtomicU64>,
    target: Arc<Mutex<Option<String>>>,
}

impl Proxy {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let (hold_ms, target) =
            (Arc::<AtomicU64>::default(), Arc::<Mutex<Option<String>>>::default());
        let proxy = Self { address, hold_ms: hold_ms.clone(), target: target.clone() };
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let target = target.lock().expect("no panic holds it").clone();
                // Who comes before there is a broker comes again.
                let Some(Ok(broker)) = target.map(TcpStream::connect) else { continue };
                let clones = (client.try_clone().expect("a socket"), broker.try_clone());
                pump(clones.0, clones.1.expect("a socket"), hold_ms.clone());
                pump(broker, client, Arc::default());
            }
        });
        proxy
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where the broker is.
    pub fn forward_to(&self, broker: &str) {
        *self.target.lock().expect("no panic holds it") = Some(broker.to_owned());
    }
}

/// Carries bytes one way, each so long after it came.
fn pump(mut from: TcpStream, mut to: TcpStream, hold_ms: Arc<AtomicU64>) {
    to.set_nodelay(true).expect("no delay");
    let (road, end) = channel::<(Instant, Vec<u8>)>();
    thread::spawn(move || {
        let mut bytes = vec![0; 1 << 16];
        while let Ok(count @ 1..) = from.read(&mut bytes) {
            let at = Instant::now() + Duration::from_millis(hold_ms.load(Ordering::Relaxed));
            if road.send((at, bytes[..count].to_vec())).is_err() {
                break;
            }
        }
    });
    thread::spawn(move || {
        wake_on_time();
        for (at, bytes) in end {
            thread::sleep(at.saturating_duration_since(Instant::now()));
            if to.write_all(&bytes).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
    });
}

/// Two runs on one broker, with and without the hold: their acks differ by it, and nothing that
/// kbench does by itself. What is off by more than the host and a broker that has just begun can
/// do is off in every try.
fn held(shared: &World) {
    let proxy = Proxy::start();
    let world = World::behind(&proxy).by(shared.client());
    // A broker's first seconds are its slowest: they belong to neither side.
    run(&world);
    let mut tries = Vec::new();
    for _ in 0..TRIES {
        let [direct, held] = [0, HOLD_MS].map(|hold_ms| {
            proxy.hold_ms.store(hold_ms, Ordering::Relaxed);
            run(&world)
        });
        let change = |what: &str, pick: fn(&RunResult) -> &LatencySummary, planted_ms: f64| {
            let p50_ms = |result| pick(result).p50_ns.expect("samples") as f64 / 1e6;
            let (before_ms, after_ms) = (p50_ms(&direct), p50_ms(&held));
            ((after_ms - before_ms - planted_ms).abs() > TOLERANCE_MS).then(|| {
                format!("{what}: {before_ms:.2} ms and {after_ms:.2} ms, not {planted_ms} ms more")
            })
        };
        let faults: Vec<_> = [
            change("ack", |result| &result.ack, HOLD_MS as f64),
            change("send delay", |result| &result.send_delay, 0.0),
            change("service", |result| &result.apps[0].service, 0.0),
        ]
        .into_iter()
        .flatten()
        .collect();
        if faults.is_empty() {
            return;
        }
        tries.push(faults);
    }
    panic!("{tries:#?}");
}

/// Few enough events that none waits for another on the road.
fn run(world: &World) -> RunResult {
    let mut text = constant(40, 5, "uniform");
    text.push_str("[kafka.producer]\nlinger.ms = 0\n");
    let mut plan = plan(world, &text);
    plan.topic.partitions = 1;
    plan.apps.truncate(1);
    let result = try_run(world, &plan, LoopbackHooks::default()).unwrap().result;
    assert_eq!(result.verdict.reasons, Vec::<String>::new());
    assert_eq!(result.ack.count, 200);
    result
}
