//! The worlds that a probe can run in.

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use crate::admin;
use crate::cluster::Cluster;
use crate::proxy::Proxy;
use kbench::broker::Broker;
use kbench::broker::config::BrokerConfig;
use kbench::plan::ClientKind;

/// What kind of broker a world has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// No broker: the events go from hand to hand in this process, and faults can be planted.
    Loopback,
    /// kbench's own broker, in this process.
    Embedded,
    /// Apache Kafka, in processes of its own.
    Kafka,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Loopback => "loopback",
            Self::Embedded => "embedded",
            Self::Kafka => "kafka",
        })
    }
}

/// For a Kafka whose groups with broker-side assignment move partitions within a second: their
/// members hear of it by a heartbeat, and its own 5 s lie between two.
pub const QUICK_GROUPS: &[(&str, &str)] = &[
    ("group.consumer.min.heartbeat.interval.ms", "300"),
    ("group.consumer.heartbeat.interval.ms", "300"),
];

/// A running broker, or a cluster of them, and the client that runs in it speak to it by.
///
/// The probes of one kind share one world, and run at the same time: each takes topics and
/// groups of its own from [`World::topic`] and [`World::name`]. A probe that stops or freezes a
/// broker takes a world of its own: [`World::fresh`].
#[derive(Debug)]
pub struct World {
    kind: Kind,
    client: ClientKind,
    bootstrap: String,
    backend: Arc<Backend>,
}

#[derive(Debug)]
enum Backend {
    Loopback,
    Embedded(Broker),
    Kafka(Cluster),
}

static LOOPBACK: OnceLock<Result<World, String>> = OnceLock::new();
static EMBEDDED: OnceLock<Result<World, String>> = OnceLock::new();
static KAFKA: OnceLock<Result<World, String>> = OnceLock::new();

impl World {
    /// The world that all probes of that kind share; the first one to ask starts it.
    ///
    /// # Errors
    /// In words, when it did not start; the same for everyone who asks.
    pub fn shared(kind: Kind) -> Result<&'static Self, String> {
        let place = match kind {
            Kind::Loopback => &LOOPBACK,
            Kind::Embedded => &EMBEDDED,
            Kind::Kafka => &KAFKA,
        };
        place.get_or_init(|| Self::start(kind, 1, &[])).as_ref().map_err(Clone::clone)
    }

    /// A world of the probe's own, which it may break; it ends when it is dropped. `brokers` is
    /// 1 or 3 (the embedded broker is always one), `settings` are Kafka's broker properties.
    ///
    /// # Panics
    /// When it does not start.
    pub fn fresh(kind: Kind, brokers: u32, settings: &[(&str, &str)]) -> Self {
        Self::start(kind, brokers, settings).expect("a world of its own")
    }

    fn start(kind: Kind, brokers: u32, settings: &[(&str, &str)]) -> Result<Self, String> {
        let (backend, bootstrap) = match kind {
            Kind::Loopback => (Backend::Loopback, String::new()),
            Kind::Embedded => return Self::embedded(&BrokerConfig::default()),
            Kind::Kafka => {
                let cluster = Cluster::start(brokers, settings)?;
                let bootstrap = cluster.bootstrap.clone();
                (Backend::Kafka(cluster), bootstrap)
            }
        };
        let world = Self::of(kind, bootstrap, backend);
        if kind == Kind::Kafka {
            admin::await_coordinator(&world);
        }
        Ok(world)
    }

    /// The embedded broker in a world of its own, with a configuration of the probe's. What must
    /// be alike in all worlds is set here: six partitions, and groups that start at once.
    ///
    /// # Errors
    /// In words, when it does not start.
    pub fn embedded(config: &BrokerConfig) -> Result<Self, String> {
        let config =
            BrokerConfig { partitions_default: 6, initial_rebalance_delay_ms: 0, ..config.clone() };
        let broker = Broker::start(&config).map_err(|error| error.to_string())?;
        let bootstrap = broker.address().to_string();
        Ok(Self::of(Kind::Embedded, bootstrap, Backend::Embedded(broker)))
    }

    fn of(kind: Kind, bootstrap: String, backend: Backend) -> Self {
        let client = ClientKind::Librdkafka;
        Self { kind, client, bootstrap, backend: Arc::new(backend) }
    }

    /// The same world, in which runs speak to the broker by this client.
    pub fn by(&self, client: ClientKind) -> Self {
        let (bootstrap, backend) = (self.bootstrap.clone(), self.backend.clone());
        Self { kind: self.kind, client, bootstrap, backend }
    }

    /// A Kafka that says it is at the proxy's address, and is reached through it only.
    ///
    /// # Panics
    /// When it does not start.
    pub fn behind(proxy: &Proxy) -> Self {
        let address = format!("PLAINTEXT://{}", proxy.address());
        let cluster = Cluster::start(1, &[("advertised.listeners", &address)]).expect("a Kafka");
        proxy.forward_to(&cluster.bootstrap);
        let bootstrap = proxy.address().to_string();
        let world = Self::of(Kind::Kafka, bootstrap, Backend::Kafka(cluster));
        admin::await_coordinator(&world);
        world
    }

    /// Ends the shared worlds that were started.
    pub fn stop_shared() {
        // The broker of this process ends with it.
        if let Some(Ok(world)) = KAFKA.get() {
            world.cluster().stop();
        }
    }

    /// What kind of broker this is.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The client that runs speak to the broker by.
    pub const fn client(&self) -> ClientKind {
        self.client
    }

    /// `HOST:PORT` of the broker, or of each, comma-separated; empty on the loopback.
    pub fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    /// A name for a topic or a group that nobody else has.
    pub fn name(&self, stem: &str) -> String {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        format!("{stem}-{}-{count}", std::process::id())
    }

    /// Creates a topic with a name of its own.
    pub fn topic(&self, stem: &str, partitions: i32) -> String {
        let topic = self.name(stem);
        admin::create_topic(self, &topic, partitions, &[]);
        topic
    }

    /// The Kafka cluster, for `dev/kafka`'s verbs on single brokers.
    ///
    /// # Panics
    /// In a world without one.
    pub fn cluster(&self) -> &Cluster {
        match &*self.backend {
            Backend::Kafka(cluster) => cluster,
            _ => panic!("{} has no cluster", self.kind),
        }
    }

    /// The embedded broker, for its figures and faults.
    ///
    /// # Panics
    /// In a world without one.
    pub fn broker(&self) -> &Broker {
        match &*self.backend {
            Backend::Embedded(broker) => broker,
            _ => panic!("{} has no broker in this process", self.kind),
        }
    }

    /// Freezes broker 1 for that long: it answers nothing, and its connections stay open.
    /// Comes back when it runs again. Gives for how long it surely was frozen: from
    /// the end of one order to the beginning of the other.
    pub fn pause_broker(&self, time: Duration) -> Duration {
        match &*self.backend {
            Backend::Kafka(cluster) => {
                // At once: starting `dev/kafka` takes its time on a busy host.
                let pid = cluster.pid(1);
                signal(pid, libc::SIGSTOP);
                let frozen = Instant::now();
                thread::sleep(time);
                let told = frozen.elapsed();
                signal(pid, libc::SIGCONT);
                told
            }
            Backend::Embedded(broker) => {
                broker.faults().freeze();
                let frozen = Instant::now();
                thread::sleep(time);
                let told = frozen.elapsed();
                broker.faults().release();
                told
            }
            Backend::Loopback => panic!("there is no broker to freeze"),
        }
    }
}

/// Sends a signal to a broker's process.
pub fn signal(pid: i32, number: i32) {
    // SAFETY: a plain system call; the process is a broker that this suite has started.
    assert_eq!(unsafe { libc::kill(pid, number) }, 0, "the broker has ended");
}
