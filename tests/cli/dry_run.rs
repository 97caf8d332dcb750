//! The load as a user sees it with `produce --dry-run`: read by naive code of its own, against
//! the specification. And what that costs in memory and time.

// Helpers outside `#[test]` functions are tests all the same: they fail loudly.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "dry_run/check.rs"]
mod check;
#[path = "dry_run/places.rs"]
mod places;

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use check::Reader;

/// When every dump here starts.
const START: &str = "2024-01-15T10:30:45Z";

/// A pool of sessions that is full after a second, so that the mix is settled early.
const SETTLED: &str = "seed = 11\n[load]\nrate_per_s = 2000\nduration = \"5m\"\n\
                       [population]\nusers = 20_000\nsessions_max = 500\n";

/// Populations in which every invariant holds, each with a name. One more is one more line.
const POPULATIONS: &[(&str, &str)] = &[
    ("settled", SETTLED),
    (
        "several producers",
        "seed = 5\n[load]\nproducers = 3\nrate_per_s = 3000\nduration = \"30s\"\n\
         [population]\nusers = 5_000\nsessions_max = 900\n",
    ),
    (
        "few users and products",
        "seed = 6\n[load]\narrivals = \"uniform\"\nrate_per_s = 500\nduration = \"60s\"\n\
         [population]\nusers = 40\nproducts = 4\nthink_median = \"200ms\"\n",
    ),
    (
        "a sale",
        "seed = 7\n[load]\nrate_per_s = 20_000\nduration = \"3s\"\n[population]\n\
         products = 3_000\n[population.mix]\npage_view = 35\nclick = 15\nsearch = 10\n\
         add_to_cart = 25\npurchase = 15\n",
    ),
    (
        "planted fraud",
        "seed = 8\n[load]\nrate_per_s = 2000\nduration = \"60s\"\n\
         [population]\nusers = 5_000\nthink_median = \"2s\"\n[population.fraud]\n\
         card_testing = 0.4\nbot_velocity = 1\naccount_takeover = 1\nhigh_value_burst = 0.4\n",
    ),
    (
        "hot keys and a flash sale",
        "seed = 9\n[[load.phase]]\nkind = \"constant\"\nrate_per_s = 2000\nduration = \"9s\"\n\
         hot = { users = 2, percent = 20 }\n[[load.phase]]\nname = \"sale\"\nkind = \"constant\"\n\
         rate_per_s = 2000\nduration = \"9s\"\nsale = { product = 7, percent = 30 }\n\
         [population]\nthink_median = \"2s\"\n",
    ),
];

fn kbench(args: &[&str]) -> Command {
    let mut command = crate::kbench();
    command.args(["produce", "--dry-run"]).args(args).env("NO_COLOR", "1");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Standard output of a dry run that ends well.
fn dump(args: &[&str]) -> String {
    let Output { status, stdout, stderr } = kbench(args).output().unwrap();
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).unwrap()
}

/// A scenario in a file that lives as long as the folder.
fn scenario(folder: &tempfile::TempDir, text: &str) -> String {
    let path = folder.path().join("case.toml");
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

fn read(dump: &str) -> Reader {
    let mut reader = Reader::default();
    for line in dump.lines() {
        reader.see(line);
    }
    reader
}

#[test]
fn two_hundred_thousand_events_are_the_specifications() {
    let folder = tempfile::tempdir().unwrap();
    let reader = read(&dump(&["--count", "200000", &scenario(&folder, SETTLED)]));
    assert_eq!(reader.events, 200_000);
    let wanted = [("page_view", 60.0), ("click", 25.0), ("search", 10.0), ("add_to_cart", 3.0)];
    for (kind, percent) in wanted.into_iter().chain([("purchase", 2.0)]) {
        let share = reader.by_type[kind] as f64 / 2_000.0;
        assert!((share - percent).abs() < 0.5, "{kind}: {share} %");
    }
    let first = [
        ("PROD-001", "Laptop", 99_999),
        ("PROD-002", "Mouse", 2_999),
        ("PROD-003", "Keyboard", 7_999),
        ("PROD-004", "Monitor", 29_999),
    ];
    for (id, name, cents) in first {
        let product = (name.to_owned(), cents, "electronics".to_owned());
        assert_eq!(reader.products[id], product);
    }
    assert_eq!(reader.products.len(), 100);
    for page in
        ["/", "/products/laptop", "/products/mouse", "/category/electronics", "/search?q=laptop"]
    {
        assert!(reader.pages.contains(page), "{page}");
    }
    assert!(reader.users.len() > 5_000, "{}", reader.users.len());
    assert!(reader.sessions_of_at_least(10) > 3_000);
}

#[test]
fn every_population_keeps_every_invariant() {
    for (name, text) in POPULATIONS {
        let folder = tempfile::tempdir().unwrap();
        let reader = read(&dump(&["--count", "30000", &scenario(&folder, text)]));
        assert!(reader.events >= 29_000, "{name}: {}", reader.events);
        assert_eq!(reader.by_type.len(), 5, "{name}");
    }
}

#[test]
fn the_same_command_gives_the_same_bytes_and_another_seed_others() {
    let folder = tempfile::tempdir().unwrap();
    let file = scenario(&folder, SETTLED);
    let args = ["--count", "20000", "--start", START, &file];
    let first = dump(&args);
    assert!(first.contains("\"timestamp\":\"2024-01-15T10:30:45."));
    assert_eq!(dump(&args), first);
    let other = dump(&["--seed", "12", "--count", "20000", "--start", START, &file]);
    assert_eq!(other.lines().count(), 20_000);
    let shared = other.lines().zip(first.lines()).filter(|(a, b)| a == b).count();
    assert_eq!(shared, 0);
}

#[test]
fn without_a_scenario_it_is_the_specifications_load_to_its_end() {
    let dump = dump(&["--start", START]);
    let reader = read(&dump);
    // 55/s over a warm-up of 5 s and a wave of 60 s, by Poisson's law.
    assert!((3_300..3_850).contains(&reader.events), "{}", reader.events);
    assert!(dump.lines().last().unwrap().contains("\"timestamp\":\"2024-01-15T10:31:"));
}

#[test]
fn rate_duration_and_count_bound_the_events() {
    let count = |args: &[&str]| dump(args).lines().count();
    let at_50 = count(&["--rate", "50", "--duration", "20s", "--set", "load.arrivals=uniform"]);
    assert_eq!(at_50, 1_000);
    assert_eq!(count(&["--rate", "50", "--count", "7777"]), 7_777);
    assert_eq!(count(&["--rate", "max", "--count", "5"]), 5);
    let ten_s = count(&["--duration", "10s"]);
    assert!((450..850).contains(&ten_s), "{ten_s}");
    assert_eq!(count(&["--count", "0"]), 0);
}

#[test]
fn text_is_one_aligned_line_for_each_event_and_has_no_colours_in_a_pipe() {
    let text = dump(&["--count", "300", "--format", "text", "--start", START]);
    let json = dump(&["--count", "300", "--format", "json", "--start", START]);
    assert_eq!(text.lines().count(), 300);
    for (line, json) in text.lines().zip(json.lines()) {
        let event: serde_json::Value = serde_json::from_str(json).unwrap();
        assert!(line.starts_with("10:30:") && !line.contains('\x1b'), "{line}");
        let words: Vec<_> = line.split_whitespace().collect();
        for (word, key) in words[1..].iter().zip(["user_id", "session_id", "event_type"]) {
            assert_eq!(event[key].as_str(), Some(*word), "{line}");
        }
        assert_eq!(event["page_url"].as_str(), Some(words[4]), "{line}");
    }
}

/// Endless for the purposes of a test.
const ENDLESS: [&str; 4] = ["--rate", "1000000", "--duration", "1d"];

#[test]
fn a_reader_that_has_seen_enough_ends_it_quietly() {
    let mut child = kbench(&ENDLESS).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let status = child.wait().unwrap();
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!((status.code(), stderr.as_str()), (Some(0), ""));
    assert!(line.ends_with("}}\n"), "{line}");
}

#[test]
fn a_full_disk_is_one_line_and_a_failure() {
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let output = kbench(&ENDLESS).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(stderr.contains("standard output") && stderr.contains("space"), "{stderr}");
}

#[test]
fn an_interrupt_ends_it_even_when_nobody_reads() {
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        let mut child = kbench(&ENDLESS).spawn().unwrap();
        let mut first = [0; 1];
        child.stdout.as_mut().unwrap().read_exact(&mut first).unwrap();
        // By then the pipe is full, and it waits for room.
        std::thread::sleep(Duration::from_millis(200));
        let id = child.id().to_string();
        assert!(Command::new("kill").args([signal, id.as_str()]).status().unwrap().success());
        let began = Instant::now();
        assert_eq!(child.wait().unwrap().code(), Some(code));
        assert!(began.elapsed() < Duration::from_secs(2));
    }
}

#[test]
fn what_is_wrong_is_said_in_one_line_before_the_first_event() {
    for (args, words) in [
        (&["--rate", "0"][..], "above 0"),
        (&["--rate", "fast"], "or max"),
        (&["--duration", "30"], "no unit"),
        (&["--start", "yesterday"], "RFC 3339"),
        (&["--count", "1.5"], "--count"),
        (&["no-such-file.toml"], "no-such-file.toml"),
        (&["--set", "load.rate=1"], "load.rate"),
    ] {
        let output = kbench(args).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {stderr}");
        assert!(stderr.contains(words) && output.stdout.is_empty(), "{args:?}: {stderr}");
    }
}

/// Ten million users, and a pool of a hundred thousand sessions.
const MANY: &str = "seed = 1\n[load]\nrate_per_s = 500_000\nduration = \"1d\"\n\
                    [population]\nusers = 10_000_000\nsessions_max = 100_000\n";

/// The most memory that a process had in use, in KiB.
fn peak_kib(child: &Child) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
#[cfg(target_os = "linux")]
fn ten_million_users_and_a_hundred_thousand_sessions_take_less_than_300_mb() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = kbench(&[&scenario(&folder, MANY)]).spawn().unwrap();
    let mut lines = BufReader::with_capacity(1 << 16, child.stdout.take().unwrap());
    let mut line = Vec::new();
    // The pool is full after 0.2 s of the schedule, and turned over a few times here.
    for _ in 0..1_500_000 {
        line.clear();
        assert!(lines.read_until(b'\n', &mut line).unwrap() > 0);
    }
    let peak_kib = peak_kib(&child);
    drop(lines);
    assert!(child.wait().unwrap().success());
    println!("peak resident memory: {:.1} MB", peak_kib as f64 * 1.024e-3);
    assert!(peak_kib < 300_000_000 / 1_024, "{peak_kib} KiB");
}

#[test]
fn the_first_of_ten_million_users_shows_up_within_100_ms() {
    let folder = tempfile::tempdir().unwrap();
    let file = scenario(&folder, MANY);
    // The best of some: what else the machine does is not this program's.
    let best = (0..5).map(|_| {
        let began = Instant::now();
        let mut child = kbench(&[&file]).spawn().unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        let took = began.elapsed();
        drop(stdout);
        child.wait().unwrap();
        assert!(line.ends_with("}}\n"));
        took
    });
    let best = best.min().unwrap();
    println!("first event: {best:?} after the start");
    assert!(best < Duration::from_millis(100), "{best:?}");
}

#[test]
#[allow(clippy::zombie_processes, reason = "`cpu_of` waits for it")]
fn a_plan_of_any_shipped_scenario_and_of_ten_million_users_takes_less_than_a_second() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios");
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_none_or(|ending| ending != "toml") {
            continue;
        }
        let (path, users) = (path.to_str().unwrap(), "population.users=10_000_000");
        for args in [&["plan", path][..], &["plan", path, "--set", users]] {
            let best = (0..2).map(|_| {
                let mut child = crate::kbench().args(args).stdout(Stdio::piped()).spawn().unwrap();
                let mut stdout = String::new();
                child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
                assert_eq!(stdout.matches("'s visit: ").count(), 3, "{args:?}: {stdout}");
                cpu_of(&child)
            });
            let best = best.min().unwrap();
            println!("{}: {best:?}", args.join(" "));
            assert!(best < Duration::from_secs(1), "{args:?}: {best:?}");
        }
    }
}

/// CPU that a program took until it ended well: unlike its time, none of it is anybody else's.
fn cpu_of(child: &Child) -> Duration {
    // SAFETY: an all-zero rusage is a valid value; the call waits for a child of ours that nobody
    // else waits for, and only writes into the two.
    let (status, usage) = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        let mut status = 0;
        let pid = libc::pid_t::try_from(child.id()).unwrap();
        assert_eq!(libc::wait4(pid, &raw mut status, 0, &raw mut usage), pid);
        (status, usage)
    };
    assert_eq!(status, 0);
    let time = |of: libc::timeval| {
        Duration::new(of.tv_sec.unsigned_abs(), u32::try_from(of.tv_usec).unwrap() * 1_000)
    };
    time(usage.ru_utime) + time(usage.ru_stime)
}
