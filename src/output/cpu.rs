//! Where the CPU went, as a table.

use comfy_table::{CellAlignment, Table, TableStyle};

use crate::plan::metric::Form;
use crate::result::self_watch::{BrokerCpu, ThreadCpu};
use crate::result::{RunResult, metric};

const HEAD: [&str; 5] = ["CPU", "threads", "seconds", "µs/event", "waited for a core"];

/// What an event costs, in a line; nothing where nobody looked, and of several processes of which
/// that is not known.
pub(crate) fn cpu_cost(result: &RunResult) -> Option<String> {
    let watch = &result.watch;
    if watch.cpu_us_per_event.is_none() && !result.processes.is_empty() {
        let unknown = result.processes.iter().filter(|process| process.cpu_measured_s.is_none());
        let mut unknown: Vec<String> =
            unknown.map(|process| format!("{} {}", process.role, process.pid)).collect();
        if unknown.is_empty() {
            unknown.push("a process that left no part".to_owned());
        }
        let names = unknown.join(", ");
        return Some(format!("CPU per event: not known of {names} in the measured part"));
    }
    let (measured_s, _) = (watch.cpu_measured_s?, watch.cpu_us_per_event?);
    let per_event = metric::line(Form::Cost, result);
    let mut line = format!("CPU {measured_s:.1} s in the measured part: {per_event}");
    if let Some(idle) = watch.cpu_idle_ms_per_s {
        line.push_str(&format!(", {idle:.1} ms/s idle"));
    }
    if let Some(more) = watch.cpu_us_per_event_more {
        line.push_str(&format!(", {more:.1} µs one event more"));
    }
    Some(line)
}

/// The table in one of comfy-table's styles; nothing where nobody looked.
#[must_use]
pub fn cpu_table(result: &RunResult, style: TableStyle) -> Option<String> {
    if result.cpu.is_empty() {
        return None;
    }
    let mut table = Table::new();
    table.load_style(style).set_header(HEAD);
    let per_event = |us: Option<f64>| us.map_or_else(|| "n/a".to_owned(), |us| format!("{us:.1}"));
    for ThreadCpu { kind, threads, cpu_s, wait_s, cpu_us_per_event } in &result.cpu {
        table.add_row([
            kind.clone(),
            threads.to_string(),
            format!("{cpu_s:.2}"),
            per_event(*cpu_us_per_event),
            format!("{wait_s:.2} s"),
        ]);
    }
    if let Some(broker) = result.watch.broker_cpu {
        let BrokerCpu { processes, cpu_s, cpu_us_per_event, in_container } = broker;
        let mut name =
            if processes == 1 { "broker".to_owned() } else { format!("{processes} brokers") };
        if in_container {
            name.push_str(" (in a container)");
        }
        table.add_row([
            name,
            String::new(),
            format!("{cpu_s:.2}"),
            per_event(cpu_us_per_event),
            String::new(),
        ]);
    } else if result.watch.broker_on_this_host {
        // Somebody else's Kafka may run here, too: what is not sure is not guessed.
        let unknown = || "not known".to_owned();
        table.add_row([
            "broker (its process is not known)".to_owned(),
            String::new(),
            unknown(),
            unknown(),
            String::new(),
        ]);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    Some(table.lines().map(|line| format!("{}\n", line.trim_end())).collect())
}
