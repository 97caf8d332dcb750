//! `load.tick`: what events wait for each other stands in the send delay, and in everything that
//! counts from their due time.

// Helpers outside `#[test]` functions are tests all the same: they fail loudly.
#![allow(clippy::unwrap_used)]

use kbench::result::{RunResult, load_all};

const MS: f64 = 1e6;

fn run(tick: &str) -> RunResult {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tick.toml");
    let text = format!(
        "seed = 7\n[load]\nrate_per_s = 2000\nduration = \"3s\"\nwarmup = \"1s\"\n\
         arrivals = \"uniform\"\n{tick}[kafka.producer]\n\"linger.ms\" = 0\n"
    );
    std::fs::write(&file, text).unwrap();
    let out = folder.path().join("out");
    let mut command = crate::kbench();
    command.arg("run").arg(&file).arg("--out").arg(&out);
    let output = command.env_remove("KAFKA_BOOTSTRAP_SERVERS").output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{told}");
    load_all(&out).unwrap().remove(0).result
}

/// With a tick of 20 ms and an event each 0.5 ms, delays are spread evenly from 0 to 20 ms; a busy
/// host only adds to them.
#[test]
fn a_tick_stands_in_the_send_delay_and_in_what_is_counted_from_the_due_time() {
    let ticking = run("tick = \"20ms\"\n");
    let own = run("tick = \"0us\"\n");
    let p50 = |result: &RunResult| result.send_delay.p50_ns.unwrap() as f64 / MS;
    assert!((9.0..16.0).contains(&p50(&ticking)), "{} ms", p50(&ticking));
    assert!(p50(&own) < 5.0, "{} ms", p50(&own));
    let end_to_end = |result: &RunResult| result.apps[0].end_to_end.p50_ns.unwrap() as f64 / MS;
    assert!(end_to_end(&ticking) >= p50(&ticking), "{} ms", end_to_end(&ticking));
    let rows = |result: &RunResult| -> Vec<u64> {
        result.series[1..4].iter().map(|row| row.offered).collect()
    };
    // When events are due is the schedule's, whatever the tick: at most one tick's are late.
    assert_eq!(rows(&ticking), rows(&own));
    assert_eq!(ticking.ledger.offered, 8_000);
}
