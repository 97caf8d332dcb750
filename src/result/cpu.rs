//! Where the CPU went, as a table.

use comfy_table::{CellAlignment, Table, TableStyle};

use super::RunResult;
use crate::harness::watch::{BrokerCpu, ThreadCpu};

const HEAD: [&str; 5] = ["CPU", "threads", "seconds", "µs/event", "waited for a core"];

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
