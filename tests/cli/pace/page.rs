//! docs/load.md: its tables, from which tests read what the load should be, and its figures and
//! plots, which the tests write.

use std::fmt::Write;

use super::measure::{
    self, BEFORE_BUYING, CALM_PER_S, CONSTANT, HONEST, PAUSE_MAX_S, SHIPPED, file,
};
use super::stats::{chi_square_max, distance_max};
use super::{own, pictures};

const PAGE: &str = "docs/load.md";
const BEGIN: &str = "<!-- figures: written by the tests -->\n";
const END: &str = "<!-- end of the figures -->\n";
const REWRITE: &str = "KBENCH_REWRITE=1 cargo test --release --test cli -- pace::";

fn text(path: &str) -> String {
    std::fs::read_to_string(super::root().join(path)).unwrap_or_default()
}

/// Writes a file anew, if that is what is asked for.
pub(super) fn rewrite(path: &str, text: &str) {
    if std::env::var_os("KBENCH_REWRITE").is_some() {
        // Whole at once: another test may be reading it.
        let part = super::root().join(format!("{path}.part"));
        std::fs::write(&part, text).unwrap();
        std::fs::rename(part, super::root().join(path)).unwrap();
    }
}

pub(super) fn assert_fresh(path: &str, fresh: &str) {
    let saved = text(path);
    let line = saved.lines().zip(fresh.lines()).find(|(old, new)| old != new);
    assert!(saved == fresh, "{path} is stale; write it anew, and read it:\n{REWRITE}\n{line:?}");
}

/// The rows of the page's table whose head begins so.
pub(super) fn table(head: &str) -> Vec<Vec<String>> {
    let page = text(PAGE);
    let rows = page.lines().skip_while(|line| !line.starts_with(head)).skip(2);
    let cells = |row: &str| row.trim_matches('|').split('|').map(|c| c.trim().to_owned()).collect();
    let rows: Vec<_> = rows.take_while(|line| line.starts_with('|')).map(cells).collect();
    assert!(!rows.is_empty(), "{PAGE} has no table {head:?}");
    rows
}

/// Cities and their weights, as the page has them.
pub(super) fn cities() -> Vec<(String, f64)> {
    table("| city |").into_iter().map(|row| (row[0].clone(), row[4].parse().unwrap())).collect()
}

/// Devices (kind, system, browser) and their weights.
pub(super) fn devices() -> Vec<(String, f64)> {
    let rows = table("| device |").into_iter();
    rows.map(|row| (row[..3].join(" "), row[3].parse().unwrap())).collect()
}

fn figures() -> String {
    let mut out = String::new();
    let parts = [of_people, of_sessions, of_buying, of_change, of_activity, of_arrivals];
    parts.iter().for_each(|part| part(&mut out));
    out
}

fn of_people(out: &mut String) {
    out.push_str(
        "\n| events of | pauses | off from the log-normal | within 100 ms, beyond it | mix, worst \
         20,000 | events for each that begins |\n|---|--:|--:|--:|--:|--:|\n",
    );
    for shipped in &SHIPPED {
        let found = measure::people(&shipped.own(), shipped.median_s);
        let _ = writeln!(
            out,
            "| {} | {} | {:.4} | {:.3} % | {:.2} points | {:.2} |",
            shipped.name,
            found.pauses,
            found.off,
            100.0 * found.short,
            100.0 * found.mix_off,
            found.length
        );
    }
    let found = measure::people(&own::few(), 8.0 / own::few::factor());
    let _ = writeln!(
        out,
        "| too few sessions | {} | {:.4} at {:.2} times the pace | | {:.2} points | {:.2} |",
        found.pauses,
        found.off,
        own::few::factor(),
        100.0 * found.mix_off,
        found.length
    );
}

fn of_sessions(out: &mut String) {
    out.push_str(
        "\n| people of | whole sessions | mean length | off from the geometric | alive: plan | \
         counted | worst moment | cities | devices |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    let (cities, devices) = (cities(), devices());
    for shipped in SHIPPED.iter().filter(|shipped| shipped.has_own_people()) {
        let load = shipped.calm();
        let (count, mean, off) = measure::session_lengths(&load);
        let planned = CALM_PER_S
            * measure::sessions_per_rate(&[&[file(shipped.name).as_str()], HONEST].concat());
        let seen = (0.0, load.whole_s() - PAUSE_MAX_S);
        let (alive, _, worst) = measure::alive_off(&load, true, seen, |_| planned);
        let (lives, uses) = measure::places_off(std::slice::from_ref(&load), &cities, &devices);
        let _ = writeln!(
            out,
            "| {} | {count} | {mean:.2} | {off:.4} | {planned:.0} | {alive:.0} | {:.1} % | \
             {lives:.0} | {uses:.0} |",
            shipped.name,
            100.0 * worst
        );
    }
    let (lives, uses) = measure::places_off(&measure::strangers(), &cities, &devices);
    let _ = writeln!(out, "| all but fraud-burst | | | | | | | {lives:.0} | {uses:.0} |");
    let (lives, uses) = (chi_square_max(cities.len()), chi_square_max(devices.len()));
    let _ = writeln!(out, "| at most | | 12 ± 3 % | 0.02 | | | 10 % | {lives:.0} | {uses:.0} |");
}

fn of_buying(out: &mut String) {
    out.push_str("\n| pause | seen | off from the log-normal | at most |\n|---|--:|--:|--:|\n");
    for (name, before, after) in BEFORE_BUYING {
        let (count, off) = measure::pauses_between(before, after);
        let _ = writeln!(out, "| {name} | {count} | {off:.4} | {:.4} |", distance_max(count));
    }
}

fn of_change(out: &mut String) {
    out.push_str("\n| alive, in the mean | plan | counted | worst moment |\n|---|--:|--:|--:|\n");
    let planned = measure::sessions_per_rate(&[&[own::slope_file().as_str()], HONEST].concat());
    let seen = (2.0, own::slope::WHOLE_S - 8.0);
    let planned = |at_s| planned * own::slope::rate_per_s(at_s);
    let slope = measure::alive_off(&own::slope(), false, seen, planned);
    let load = own::few();
    let seen = (0.0, load.whole_s() - PAUSE_MAX_S / own::few::factor());
    let few = measure::alive_off(&load, true, seen, |_| own::few::MOST);
    let rows = [
        ("2,000/s to 10,000/s in 40 s, and back", slope),
        ("day.toml, median pause 500 ms", pictures::day_alive()),
        ("too few sessions", few),
    ];
    for (name, (found, wanted, worst)) in rows {
        let _ = writeln!(out, "| {name} | {wanted:.0} | {found:.0} | {:.1} % |", 100.0 * worst);
    }
}

fn of_activity(out: &mut String) {
    out.push_str(
        "\n| 2,000 users | slope, ranks 5 to 200 | sessions of the busiest 1 % | events for each \
         session that begins |\n|---|--:|--:|--:|\n",
    );
    let rows =
        [("one or two there at once", own::sparse()), ("half there at once", own::crowded())];
    for (name, load) in rows {
        let counts = super::sessions::activity(&load);
        let share = counts[..20].iter().sum::<u64>() as f64 / counts.iter().sum::<u64>() as f64;
        let slope = measure::activity_slope(&load);
        let length = load.events.len() as f64 / load.begun() as f64;
        let _ = writeln!(out, "| {name} | {slope:.3} | {:.1} % | {length:.2} |", 100.0 * share);
    }
    let weights = || (1..=2_000).map(|rank| libm::pow(f64::from(rank), -0.8));
    let share = weights().take(20).sum::<f64>() / weights().sum::<f64>();
    let _ = writeln!(out, "| by Zipf's law | -0.800 | {:.1} % | |", 100.0 * share);
}

fn of_arrivals(out: &mut String) {
    out.push_str(
        "\n| events of | rate | windows | variance / mean | gaps, off from the exponential |\n\
         |---|--:|--:|--:|--:|\n",
    );
    for (name, stretch, per_s) in CONSTANT {
        let shipped = SHIPPED.iter().find(|shipped| shipped.name == name).unwrap();
        let (dispersion, windows, off) = measure::arrivals_off(&shipped.own(), stretch, per_s);
        let _ = writeln!(out, "| {name} | {per_s}/s | {windows} | {dispersion:.3} | {off:.4} |");
    }
}

#[test]
fn the_page_shows_what_is_measured() {
    for (name, picture) in pictures::all() {
        assert!(picture.len() < 60_000, "{name}: {} bytes", picture.len());
        let path = format!("docs/load/{name}");
        rewrite(&path, &picture);
        assert_fresh(&path, &picture);
        assert!(text(PAGE).contains(&format!("(load/{name})")), "{PAGE} doesn't show {name}");
    }
    let page = text(PAGE);
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let fresh = format!("{before}{BEGIN}{}\n{END}{after}", figures());
    rewrite(PAGE, &fresh);
    assert_fresh(PAGE, &fresh);
}
