//! `report.html` in a real Chromium: of a run, of a sweep, and of a run that went wrong.
//!
//! Screenshots stay in `target/report-shots`. Without Chromium the test is skipped, loudly;
//! `KBENCH_REQUIRE_ALL=1` makes that a failure.

// Helpers outside `#[test]` functions are tests all the same: they fail loudly, and they tell
// on stderr what was skipped.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)]
// Nothing outside this binary sees it.
#![allow(unreachable_pub)]

#[path = "page/browser.rs"]
mod browser;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use browser::Browser;
use kbench::apps::schemas;
use kbench::harness::{self, Options};
use kbench::loopback::{Faults, WriteFault};
use kbench::progress::Progress;
use kbench::scenario::{self, Environment, Overrides, Source};
use serde_json::Value;

/// A load that plants fraud and lasts long enough for a few intervals.
const RUN: &str = "seed = 5\ndescription = \"A <small> run & its \\\"report\\\".\"\n[load]\n\
    rate_per_s = 2000\nduration = \"4s\"\nwarmup = \"1s\"\n[population]\nusers = 500\n\
    [population.fraud]\ncard_testing = 0.5\n";

const SWEEP: &str = "seed = 5\n[load]\nrate_per_s = 500\nduration = \"1s\"\nwarmup = \"0s\"\n\
    [sweep]\nrepeats = 2\n[sweep.axes]\npartitions = [1, 3]\nworkers = [1, 2]\n";

/// Runs a scenario with the real program; the folder that it left.
fn ran(folder: &Path, name: &str, text: &str) -> PathBuf {
    let (scenario, out) = (folder.join(format!("{name}.toml")), folder.join(name));
    std::fs::write(&scenario, text).unwrap();
    let status = Command::new(env!("CARGO_BIN_EXE_kbench"))
        .args(["run", "--quiet", scenario.to_str().unwrap(), "--out", out.to_str().unwrap()])
        .env_remove("KAFKA_BOOTSTRAP_SERVERS")
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
    only(&out)
}

fn only(folder: &Path) -> PathBuf {
    let mut entries = std::fs::read_dir(folder).unwrap();
    entries.next().unwrap().unwrap().path()
}

/// A run in which events get lost, twice and out of order.
fn broken(folder: &Path) -> PathBuf {
    let environment = Environment::from_pairs::<String, String>([]);
    let source = Source::new("broken.toml", RUN.replace("4s", "2s"));
    let plan = scenario::plan(&source, &Overrides::default(), &environment, &schemas()).unwrap();
    let faults = [WriteFault::Drop, WriteFault::Double, WriteFault::Swap, WriteFault::Fail];
    let write: HashMap<(u16, u64), WriteFault> =
        faults.into_iter().zip(100..).map(|(fault, seq)| ((0, seq * 10), fault)).collect();
    let options = Options {
        results_dir: folder.join("broken"),
        loopback: Some(Faults { write, ..Faults::default() }),
        ..Options::default()
    };
    let finished = harness::run(&plan, &source.text, options, &mut Progress::Quiet).unwrap();
    assert!(!finished.result.verdict.valid);
    finished.folder.unwrap()
}

/// What every chart must have, whatever it shows.
fn check_charts(browser: &mut Browser, page: &str, least: usize) {
    let charts = browser.eval(
        "[...document.querySelectorAll('figure')].map(figure => ({
            id: figure.id,
            marks: [...figure.querySelectorAll('.chart svg path')].filter(path => {
                const box = path.getBBox();
                return box.width > 1 && (path.getAttribute('stroke') || path.getAttribute('fill'))
                    && path.getAttribute('fill') !== 'transparent';
            }).length,
            words: figure.querySelectorAll('.chart svg text').length,
            label: figure.querySelector('.chart').getAttribute('aria-label'),
        }))",
    );
    let charts = charts.as_array().unwrap();
    assert!(charts.len() >= least, "{page}: {} charts", charts.len());
    for chart in charts {
        assert!(chart["marks"].as_u64().unwrap() >= 3, "{page}: nothing is drawn: {chart}");
        assert!(chart["words"].as_u64().unwrap() >= 4, "{page}: no axis has words: {chart}");
        assert!(chart["label"].as_str().unwrap().len() > 20, "{page}: {chart}");
    }
    let wider = browser.eval("document.documentElement.scrollWidth - window.innerWidth");
    assert!(wider.as_i64().unwrap() <= 0, "{page}: scrolls sideways by {wider} px");
    assert_eq!(browser.complaints, Vec::<String>::new(), "{page}");
}

/// Hovering shows values, a series can be switched off, figures unfold as a table, and the page
/// can be made dark.
fn check_handling(browser: &mut Browser) {
    let place = browser.eval(
        "(() => { const box = document.querySelector('#chart-throughput .chart');
            box.scrollIntoView({ block: 'center' });
            const at = box.getBoundingClientRect();
            return [at.x + at.width / 2, at.y + at.height / 2]; })()",
    );
    browser.hover(place[0].as_f64().unwrap(), place[1].as_f64().unwrap());
    let shown = |browser: &mut Browser| -> Value {
        browser.eval("document.querySelector('#chart-throughput .chart').innerText")
    };
    let tip = shown(browser);
    assert!(tip.as_str().unwrap().contains("acknowledged"), "hovering shows nothing: {tip}");
    assert!(tip.as_str().unwrap().contains("events/s"), "values have a unit: {tip}");
    let key = "document.querySelector('#chart-throughput .keys button:nth-child(3)')";
    // Away from the chart, so that no pointer is drawn.
    browser.hover(1.0, 1.0);
    let paths = "[...document.querySelectorAll('#chart-throughput .chart svg path')]
        .filter(path => path.getAttribute('stroke-width') === '2' && path.getTotalLength() > 50)
        .length";
    let before = browser.eval(paths).as_u64().unwrap();
    browser.eval(&format!("{key}.click()"));
    assert_eq!(browser.eval(&format!("{key}.getAttribute('aria-pressed')")), "false");
    let without = browser.eval(paths).as_u64().unwrap();
    assert!(without < before, "the series is still there");
    browser.eval(&format!("{key}.focus(); {key}.click()"));
    assert!(browser.eval(paths).as_u64().unwrap() > without, "it comes back");
    browser.eval("document.querySelector('#chart-throughput summary').click()");
    std::thread::sleep(std::time::Duration::from_millis(200));
    let rows = browser.eval("document.querySelectorAll('#chart-throughput table tr').length");
    assert!(rows.as_u64().unwrap() >= 5, "{rows} rows");
    let paper = "getComputedStyle(document.body).backgroundColor";
    let light = browser.eval(paper);
    browser.eval("document.getElementById('theme').click()");
    assert_ne!(browser.eval(paper), light);
    browser.eval("document.getElementById('theme').click()");
    assert_eq!(browser.eval(paper), light);
}

/// Every text of the page stands out from what is behind it: WCAG 2.2's 4.5 to 1.
const CONTRASTS: &str = "(() => {
    const light = (text) => {
        const [r, g, b] = text.match(/[\\d.]+/g).slice(0, 3).map(v => v / 255)
            .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = (node) => {
        for (; node; node = node.parentElement) {
            const color = getComputedStyle(node).backgroundColor;
            if (!/, 0\\)$/.test(color)) return color;
        }
        return 'rgb(255, 255, 255)';
    };
    const bad = [];
    for (const node of document.querySelectorAll(
            'h1,h2,h3,p,li,td,th,figcaption,button,summary,b')) {
        if (!node.innerText) continue;
        const [one, other] = [light(getComputedStyle(node).color), light(behind(node))];
        const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
        if (ratio < 4.5) bad.push(node.tagName + ' ' + node.innerText.slice(0, 30) + ' ' + ratio);
    }
    return bad;
})()";

#[test]
fn reports_open_in_a_real_browser_and_show_what_they_should() {
    let Some(name) = browser::installed() else {
        let asked = std::env::var_os("KBENCH_REQUIRE_ALL").is_some();
        assert!(!asked, "no chromium here: install Debian's package chromium");
        eprintln!("SKIPPED: no chromium here, so no report was looked at");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let pages = [
        ("run", ran(folder.path(), "run", RUN), 8),
        ("sweep", ran(folder.path(), "sweep", SWEEP), 7),
        ("broken", broken(folder.path()), 5),
    ];
    let shots = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("report-shots");
    std::fs::create_dir_all(&shots).unwrap();
    for (kind, folder, least) in &pages {
        let page = folder.join("report.html");
        let bytes = std::fs::metadata(&page).unwrap().len();
        assert!(bytes < 2_000_000, "{kind}: {bytes} bytes");
        let mut browser = Browser::start(name);
        for (width, theme) in [(1280, "light"), (1280, "dark"), (390, "light")] {
            browser.open(&page, width, theme);
            check_charts(&mut browser, &format!("{kind}, {width} px, {theme}"), *least);
            let faint = browser.eval(CONTRASTS);
            assert_eq!(faint, serde_json::json!([]), "{kind}, {theme}: too faint");
            browser.shoot(&shots.join(format!("{kind}-{width}-{theme}.png")));
        }
        let text = browser.eval("document.body.innerText");
        let text = text.as_str().unwrap();
        match *kind {
            "run" => {
                assert!(text.contains("A <small> run & its \"report\"."), "words stay words");
                assert!(text.contains("Planted fraud against the alerts"), "{text}");
                for part in ["Where the time goes: fraud", "CPU of the harness", "funnel"] {
                    assert!(text.contains(part), "{part} is missing");
                }
                browser.open(&page, 1280, "light");
                check_handling(&mut browser);
            }
            "sweep" => {
                assert!(text.contains("The answer") && text.contains("8 of 8 runs"), "{text}");
            }
            _ => {
                assert!(text.contains("INVALID"), "{text}");
                assert!(text.contains("missing") && text.contains("doubled"), "{text}");
            }
        }
        assert_eq!(browser.complaints, Vec::<String>::new(), "{kind}");
    }
}
