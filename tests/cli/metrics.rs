//! What Prometheus scrapes while a run goes on, read by an independent OpenMetrics parser.

// Helpers outside `#[test]` functions are tests all the same: they fail loudly.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStderr, Stdio};
use std::time::Duration;

use openmetrics_parser::openmetrics::parse_openmetrics;
use openmetrics_parser::{HistogramValue, MetricNumber, OpenMetricsValue};

const SCENARIO: &str = "seed = 3\n[load]\nrate_per_s = 500\nduration = \"9s\"\nwarmup = \"0s\"\n";

/// A run with a metrics address of its own; the folder holds its result.
struct Run {
    child: Child,
    stderr: BufReader<ChildStderr>,
    address: String,
    _folder: tempfile::TempDir,
}

impl Run {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let scenario = folder.path().join("case.toml");
        std::fs::write(&scenario, SCENARIO).unwrap();
        let mut child = crate::kbench()
            .args(["run", scenario.to_str().unwrap(), "--metrics-addr", "127.0.0.1:0", "--out"])
            .arg(folder.path().join("out"))
            .env_remove("KAFKA_BOOTSTRAP_SERVERS")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        stderr.read_line(&mut line).unwrap();
        let address = line.split("http://").nth(1).and_then(|rest| rest.split('/').next());
        let address = address.unwrap_or_else(|| panic!("no address in {line:?}")).to_owned();
        Self { child, stderr, address, _folder: folder }
    }

    fn wait_for(&mut self, text: &str) {
        let mut line = String::new();
        while !line.contains(text) {
            line.clear();
            assert!(self.stderr.read_line(&mut line).unwrap() > 0, "it ended before {text:?}");
        }
    }

    /// The answer to a request: its head and its body.
    fn ask(&self, request: &str) -> (String, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        write!(stream, "{request} HTTP/1.1\r\nHost: {}\r\n\r\n", self.address).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.to_owned(), body.to_owned())
    }

    /// Scrapes until one is as it should be, for as long as the run lasts.
    fn scrape_until(&self, is_ready: impl Fn(&Scrape) -> bool) -> Scrape {
        let began = std::time::Instant::now();
        loop {
            let scrape = self.scrape();
            if is_ready(&scrape) {
                return scrape;
            }
            assert!(began.elapsed() < Duration::from_secs(8), "it never shows what it measures");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn scrape(&self) -> Scrape {
        let (head, body) = self.ask("GET /metrics");
        assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
        assert!(head.contains("application/openmetrics-text; version=1.0.0"), "{head}");
        Scrape::read(&body)
    }
}

const APPS: [&str; 4] = ["analytics", "fraud", "dashboard", "behavior"];

/// Every sample of a scrape: family, the value of its only label, value.
struct Scrape(Vec<(String, String, OpenMetricsValue)>);

impl Scrape {
    fn read(text: &str) -> Self {
        let exposition = parse_openmetrics(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let mut samples = Vec::new();
        for (name, family) in &exposition.families {
            assert!(!family.help.is_empty(), "{name} says what it is");
            for sample in family.iter_samples() {
                let labels = sample.get_labelset().unwrap();
                let label = labels.iter_values().next().cloned().unwrap_or_default();
                samples.push((name.clone(), label, sample.value.clone()));
            }
        }
        Self(samples)
    }

    fn get(&self, name: &str, label: &str) -> &OpenMetricsValue {
        let found = self.0.iter().find(|(n, l, _)| n == name && l == label);
        &found.unwrap_or_else(|| panic!("no {name} {label:?}")).2
    }

    fn counter(&self, name: &str, label: &str) -> f64 {
        match self.get(name, label) {
            OpenMetricsValue::Counter(counter) => number(counter.value),
            other => panic!("{name}: {other:?}"),
        }
    }

    fn gauge(&self, name: &str, label: &str) -> f64 {
        match self.get(name, label) {
            OpenMetricsValue::Gauge(value) => number(*value),
            other => panic!("{name}: {other:?}"),
        }
    }

    fn histogram(&self, name: &str, label: &str) -> &HistogramValue {
        match self.get(name, label) {
            OpenMetricsValue::Histogram(histogram) => histogram,
            other => panic!("{name}: {other:?}"),
        }
    }
}

fn number(number: MetricNumber) -> f64 {
    match number {
        MetricNumber::Float(value) => value,
        MetricNumber::Int(value) => value as f64,
    }
}

#[test]
fn a_run_can_be_scraped_while_it_goes_on() {
    let mut run = Run::start();
    run.wait_for("the schedule starts");
    // An interval is shown once it is over, and its histograms an interval later.
    let ready = |scrape: &Scrape, least: u64| {
        let count = |app: &str| scrape.histogram("kbench_end_to_end_seconds", app).count;
        let is_in = |app: &&str| count(app).is_some_and(|count| count >= least);
        // Before the first interval is over there is no application to show.
        scrape.0.iter().any(|(name, ..)| name == "kbench_read_records") && APPS.iter().all(is_in)
    };
    let first = run.scrape_until(|scrape| ready(scrape, 300));
    let more = first.histogram("kbench_end_to_end_seconds", "fraud").count.unwrap() + 300;
    let second = run.scrape_until(|scrape| ready(scrape, more));
    for name in ["kbench_sent_events", "kbench_acked_events"] {
        let (before, after) = (first.counter(name, ""), second.counter(name, ""));
        assert!(before > 200.0 && after > before + 200.0, "{name}: {before} {after}");
    }
    let offered = first.gauge("kbench_offered_events_per_second", "");
    assert!((offered - 500.0).abs() < 1.0, "{offered}");
    for app in APPS {
        assert!(first.counter("kbench_read_records", app) > 200.0);
        assert!(first.gauge("kbench_lag_records", app) < 500.0);
        let (before, after) = (
            first.histogram("kbench_end_to_end_seconds", app),
            second.histogram("kbench_end_to_end_seconds", app),
        );
        assert!(after.count > before.count, "{app}");
        let last = after.buckets.last().unwrap();
        assert!(last.upper_bound.is_infinite());
        assert_eq!(Some(number(last.count)), after.count.map(|count| count as f64));
        let grows = |pair: &[_]| {
            let [low, high]: &[openmetrics_parser::HistogramBucket; 2] = pair.try_into().unwrap();
            low.upper_bound < high.upper_bound && number(low.count) <= number(high.count)
        };
        assert!(after.buckets.windows(2).all(grows), "buckets are cumulative");
        // Milliseconds on an idle machine, and not nanoseconds taken for seconds.
        let mean_s = number(after.sum.unwrap()) / after.count.unwrap() as f64;
        assert!((0.000_05..5.0).contains(&mean_s), "{app}: {mean_s} s");
    }
    assert!(run.ask("GET /").0.starts_with("HTTP/1.1 404"));
    assert!(run.ask("POST /metrics").0.starts_with("HTTP/1.1 405"));
    // Any number who connect and say nothing hold neither the run nor the next scrape.
    let silent = || TcpStream::connect(&run.address).unwrap();
    let _silent: Vec<_> = std::iter::repeat_with(silent).take(100).collect();
    let began = std::time::Instant::now();
    run.scrape();
    assert!(began.elapsed() < Duration::from_secs(1), "took {:?}", began.elapsed());
    assert!(run.child.wait().unwrap().success());
    assert!(TcpStream::connect(&run.address).is_err(), "the address is free again");
}

#[test]
fn an_address_that_cannot_be_had_is_one_line_and_nothing_runs() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    for address in ["127.0.0.1:99999", "99999", "nowhere.invalid:1", &taken] {
        let folder = tempfile::tempdir().unwrap();
        let scenario = folder.path().join("case.toml");
        std::fs::write(&scenario, SCENARIO).unwrap();
        let ended = crate::kbench()
            .args(["run", scenario.to_str().unwrap(), "--metrics-addr", address, "--out"])
            .arg(folder.path().join("out"))
            .env_remove("KAFKA_BOOTSTRAP_SERVERS")
            .output()
            .unwrap();
        let stderr = String::from_utf8(ended.stderr).unwrap();
        assert_eq!((ended.status.code(), stderr.lines().count()), (Some(2), 1), "{stderr}");
        assert!(stderr.contains(&format!("--metrics-addr {address}: ")), "{stderr}");
        assert!(!folder.path().join("out").exists());
    }
}
