//! Members of consumer groups: in a thread, or in a process of their own that can be killed.

use std::collections::HashMap;
use std::env;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};

use crate::admin::await_until;
use crate::client::{self, PATIENCE, Rec};
use crate::world::World;

/// Marks this binary as a group member; its value is one client property a line.
const CHILD: &str = "KBENCH_SUITE_MEMBER";

/// What a group has read, together.
#[derive(Debug, Clone, Default)]
pub struct Seen(Arc<Mutex<Vec<Rec>>>);

impl Seen {
    /// How often each value was read.
    pub fn counts(&self) -> HashMap<String, usize> {
        let mut counts = HashMap::new();
        for rec in self.0.lock().expect("no panic holds it").iter() {
            *counts.entry(rec.text().to_owned()).or_insert(0) += 1;
        }
        counts
    }

    /// Waits until so many different values were read, then a moment for repeated ones, and makes
    /// sure that it is exactly these, each once, and in order in each partition.
    pub fn assert_each_once(&self, count: usize) {
        await_until("everything is read", PATIENCE, || self.counts().len() >= count);
        thread::sleep(Duration::from_millis(300));
        let counts = self.counts();
        let twice = counts.values().filter(|&&times| times > 1).count();
        assert_eq!((counts.len(), twice), (count, 0), "different values, and those read twice");
        let mut last = HashMap::new();
        for rec in self.0.lock().expect("no panic holds it").iter() {
            let before = last.insert(rec.partition, rec.offset).unwrap_or(-1);
            assert!(before < rec.offset, "{before} before {} in {:?}", rec.offset, rec.partition);
        }
    }
}

/// A member in a thread. It stores the offset of each record after taking it, and leaves the
/// group when it is dropped.
#[derive(Debug)]
pub struct Member {
    assigned: Arc<AtomicUsize>,
    end: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Member {
    /// Joins the group.
    pub fn join(
        world: &World,
        topic: &str,
        group: &str,
        seen: &Seen,
        properties: &[(&str, &str)],
    ) -> Self {
        let mut all = vec![("enable.auto.commit", "true"), ("auto.commit.interval.ms", "200")];
        all.extend_from_slice(properties);
        let consumer = client::consumer(world, group, &all);
        consumer.subscribe(&[topic]).expect("a subscription");
        let assigned = Arc::new(AtomicUsize::new(0));
        let end = Arc::new(AtomicBool::new(false));
        let (seen, topic) = (seen.clone(), topic.to_owned());
        let (shared, stop) = (Arc::clone(&assigned), Arc::clone(&end));
        let thread = thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                if let Some(rec) = client::next(&consumer, Duration::from_millis(10)) {
                    let (partition, offset) = (rec.partition.expect("its partition"), rec.offset);
                    seen.0.lock().expect("no panic holds it").push(rec);
                    // An offset of a partition just taken away can't be stored, and need not be.
                    let _ = consumer.store_offset(&topic, partition, offset);
                }
                let count = consumer.assignment().expect("an assignment").count();
                shared.store(count, Ordering::Relaxed);
            }
        });
        Self { assigned, end, thread: Some(thread) }
    }

    /// The number of partitions that it has now.
    pub fn assigned(&self) -> usize {
        self.assigned.load(Ordering::Relaxed)
    }

    /// Leaves the group, and waits until it has left.
    pub fn leave(mut self) {
        self.finish();
    }

    fn finish(&mut self) {
        self.end.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let result = thread.join();
            assert!(result.is_ok() || thread::panicking(), "a member panicked");
        }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.finish();
    }
}

/// Waits until the members have these numbers of partitions, in order.
pub fn await_assigned(members: &[&Member], partitions: &[usize]) {
    await_until(&format!("members have {partitions:?} partitions"), PATIENCE, || {
        members.iter().map(|member| member.assigned()).eq(partitions.iter().copied())
    });
}

/// A member in a process of its own. It reads and commits nothing; it tells how many partitions
/// it has whenever that changes. It ends when this process does.
#[derive(Debug)]
pub struct MemberProcess {
    child: Child,
    assigned: Receiver<usize>,
}

impl MemberProcess {
    /// Joins the group.
    pub fn join(world: &World, topic: &str, group: &str, properties: &[(&str, &str)]) -> Self {
        let mut lines = format!("{topic}\nbootstrap.servers={}\n", world.bootstrap());
        lines.push_str(&format!("group.id={group}\n"));
        for (key, value) in properties {
            lines.push_str(&format!("{key}={value}\n"));
        }
        let mut child = Command::new(env::current_exe().expect("this binary"))
            .env(CHILD, lines)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a child process");
        let stdout = BufReader::new(child.stdout.take().expect("its stdout"));
        let (sender, assigned) = channel();
        thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let _ = sender.send(line.parse().expect("a number"));
            }
        });
        Self { child, assigned }
    }

    /// Waits until it has so many partitions.
    pub fn await_assigned(&self, partitions: usize) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let count = self.assigned.recv_timeout(left).expect("its partitions, in time");
            if count == partitions {
                return;
            }
        }
    }

    /// Ends it with SIGKILL: it can't say goodbye to the group.
    pub fn kill(mut self) {
        self.child.kill().expect("a signal");
        self.child.wait().expect("its end");
    }
}

impl Drop for MemberProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The life of a [`MemberProcess`], when this process is one.
pub fn child_main() -> Option<ExitCode> {
    let lines = env::var(CHILD).ok()?;
    let (topic, properties) = lines.split_once('\n')?;
    let mut config = ClientConfig::new();
    for (key, value) in properties.lines().filter_map(|line| line.split_once('=')) {
        config.set(key, value);
    }
    let consumer: BaseConsumer = config.create().expect("a consumer");
    consumer.subscribe(&[topic]).expect("a subscription");
    thread::spawn(|| {
        // The parent holds the other end; when it is gone, so is the need for this process.
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        #[allow(clippy::exit, reason = "a helper process has nothing to save")]
        std::process::exit(0);
    });
    let mut told = usize::MAX;
    loop {
        let _ = consumer.poll(Duration::from_millis(50));
        let count = consumer.assignment().expect("an assignment").count();
        if count != told {
            told = count;
            writeln!(std::io::stdout(), "{count}").expect("the parent listens");
        }
    }
}
