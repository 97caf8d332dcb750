//! What an event has cost all processes together.

use std::fs;

use serde_json::Value;

use super::parts::{change, copy, part_file, report, told};

/// Each process has a meter of its own, and has counted its CPU in the measured part: that of
/// every process counts once, though one of them runs two applications.
pub(crate) fn was_looked_at_by_each_process(merged: &Value) {
    assert!(merged["hiccups"]["cores"].as_u64().unwrap() > 0, "{}", merged["hiccups"]);
    let mut rows = merged["series"].as_array().unwrap().iter();
    assert!(rows.all(|row| row["host_stall_ns"].as_u64().is_some_and(|ns| ns > 0)));
    let (watch, processes) = (&merged["watch"], merged["processes"].as_array().unwrap());
    assert_eq!(processes.len(), 4);
    let mut sum = 0.0;
    for process in processes {
        let seconds = |name: &str| process[name].as_f64().unwrap();
        let measured_s = seconds("cpu_measured_s");
        // Two seconds of the ten or so for which it was there.
        assert!(measured_s > 0.0 && measured_s < seconds("cpu_s"), "{process}");
        sum += measured_s;
    }
    let measured_s = watch["cpu_measured_s"].as_f64().unwrap();
    assert!((measured_s - sum).abs() < 1e-9, "{measured_s} of {sum}");
    let events = measured_s * 1e6 / watch["cpu_us_per_event"].as_f64().unwrap();
    // By the time of their acknowledgement: on a busy host the warm-up's may fall into it, too.
    let throughput = |name: &str| merged["throughput"][name].as_f64().unwrap();
    let acked = throughput("acked_per_s") * throughput("measured_s");
    assert!((events / acked - 1.0).abs() < 0.1, "{events} of {acked}");
    assert!(watch["cpu_idle_ms_per_s"].is_null() && watch["cpu_us_per_event_more"].is_null());
}

#[test]
fn what_one_process_used_that_nobody_counted_leaves_no_cost_of_an_event_and_is_said() {
    let (_keep, records) = copy("records");
    let part = part_file(&records, Some("behavior"));
    let (_, merged) = report(&records);
    let mut processes = merged["processes"].as_array().unwrap().iter();
    let pid = processes.rfind(|process| process["apps"][0] == "behavior").unwrap()["pid"].clone();
    let words = format!("CPU per event: not known of consumer {pid} in the measured part\n");
    let unknown = |change_part: &dyn Fn(&mut Value)| {
        let whole = fs::read(&part).unwrap();
        change(&part, change_part);
        let (code, said) = told(&records);
        assert!(code == 0 && said.contains(&words), "{said}");
        let (_, merged) = report(&records);
        assert!(merged["watch"]["cpu_us_per_event"].is_null(), "{}", merged["watch"]);
        assert!(merged["watch"]["cpu_measured_s"].is_null(), "{}", merged["watch"]);
        fs::write(&part, whole).unwrap();
    };
    // Recorded without a meter; ended too early; read somebody else's events, too.
    unknown(&|part| part["cpu_s_at"] = Value::Object(serde_json::Map::new()));
    unknown(&|part| {
        let counts = part["cpu_s_at"].as_object_mut().unwrap();
        let first = counts.keys().next().unwrap().clone();
        counts.retain(|at, _| *at == first);
    });
    unknown(&|part| {
        let read = &mut part["apps"][0]["read"]["events"];
        *read = (read.as_u64().unwrap() + 7).into();
    });
    let (_, said) = told(&records);
    assert!(said.contains("s in the measured part: ") && !said.contains("not known"), "{said}");
}
