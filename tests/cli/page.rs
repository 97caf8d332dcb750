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
use std::process::Stdio;

use kbench::apps::schemas;
use kbench::client::loopback::hooks::{LoopbackHooks, WriteHook};
use kbench::output::progress::Progress;
use kbench::plan::scenario;
use kbench::plan::toml::environment::Environment;
use kbench::plan::toml::overrides::Overrides;
use kbench::plan::toml::source::ScenarioSource;
use kbench::run;
use kbench::run::RunOptions;

use browser::Browser;

/// A load that plants fraud and lasts long enough for a few intervals.
const RUN: &str = "seed = 5\ndescription = \"A <small> run & its \\\"report\\\".\"\n[load]\n\
    rate_per_s = 2000\nduration = \"4500ms\"\nwarmup = \"1s\"\n[population]\nusers = 500\n\
    think_median = \"300ms\"\n[population.fraud]\ncard_testing = 1\nbot_velocity = 2\n\
    [apps.dashboard]\nframe = \"1s\"\n";

/// The applications' answers that a run has a chart of: how its name begins.
const ANSWERS: [&str; 7] = [
    "funnel-analytics-",
    "revenue",
    "pages",
    "detection",
    "segments",
    "confusion-behavior",
    "frames-dashboard",
];

const SWEEP: &str = "seed = 5\n[load]\nrate_per_s = 500\nduration = \"1s\"\nwarmup = \"0s\"\n\
    [sweep]\nrepeats = 2\n[sweep.axes]\npartitions = [1, 3]\nworkers = [1, 2]\n";

/// Runs a scenario with the real program; the folder that it left.
fn ran(folder: &Path, name: &str, text: &str) -> PathBuf {
    let (scenario, out) = (folder.join(format!("{name}.toml")), folder.join(name));
    std::fs::write(&scenario, text).unwrap();
    let status = crate::kbench()
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
    let source = ScenarioSource::new("broken.toml", RUN.replace("4500ms", "2s"));
    let plan = scenario::plan(
        &source,
        &Overrides::default(),
        &environment,
        &schemas(),
        kbench::client::CHECKERS,
    )
    .unwrap();
    let faults = [WriteHook::Drop, WriteHook::Double, WriteHook::Swap, WriteHook::Fail];
    let write: HashMap<(u16, u64), WriteHook> =
        faults.into_iter().zip(100..).map(|(fault, seq)| ((0, seq * 10), fault)).collect();
    let options = RunOptions {
        results_dir: folder.join("broken"),
        loopback: Some(LoopbackHooks { write, ..LoopbackHooks::default() }),
        ..RunOptions::default()
    };
    let finished = run::run(&plan, &source.text, options, &mut Progress::Quiet).unwrap();
    assert!(!finished.result.verdict.valid);
    finished.folder.unwrap()
}

/// Each chart with its marks: paths in a colour, which axes, grids and backgrounds have not.
const CHARTS: &str = "(() => {
    const vivid = (color) => {
        const hex = /^#(..)(..)(..)$/.exec(color || '');
        const rgb = hex ? hex.slice(1).map(two => parseInt(two, 16))
            : (/^rgb/.test(color || '') ? color.match(/\\d+/g).slice(0, 3).map(Number) : [0]);
        return Math.max(...rgb) - Math.min(...rgb) > 20;
    };
    return [...document.querySelectorAll('figure')].map(figure => ({
        id: figure.id,
        marks: [...figure.querySelectorAll('.chart svg path')].filter(path => {
            const box = path.getBBox();
            return box.width + box.height > 2
                && (vivid(path.getAttribute('fill')) || vivid(path.getAttribute('stroke')));
        }).length,
        words: figure.querySelectorAll('.chart svg text').length,
        cut: [...figure.querySelectorAll('.chart svg text')].filter(text => {
            const [own, all] = [text, text.closest('svg')].map(one => one.getBoundingClientRect());
            return own.left < all.left - 2 || own.right > all.right + 2;
        }).map(text => text.textContent),
        label: figure.querySelector('.chart').getAttribute('aria-label'),
    }));
})()";

/// What every chart must have, whatever it shows; their names.
fn check_charts(browser: &mut Browser, page: &str, least: usize) -> Vec<String> {
    let charts = browser.eval(CHARTS);
    let charts = charts.as_array().unwrap();
    assert!(charts.len() >= least, "{page}: {} charts", charts.len());
    for chart in charts {
        assert!(chart["marks"].as_u64().unwrap() >= 1, "{page}: nothing is drawn: {chart}");
        assert!(chart["words"].as_u64().unwrap() >= 4, "{page}: no axis has words: {chart}");
        assert_eq!(chart["cut"], serde_json::json!([]), "{page}: words are cut off: {chart}");
        assert!(chart["label"].as_str().unwrap().len() > 20, "{page}: {chart}");
    }
    let wider = browser.eval("document.documentElement.scrollWidth - window.innerWidth");
    assert!(wider.as_i64().unwrap() <= 0, "{page}: scrolls sideways by {wider} px");
    assert_eq!(browser.complaints, Vec::<String>::new(), "{page}");
    charts.iter().map(|chart| chart["id"].as_str().unwrap().to_owned()).collect()
}

/// The applications' answers are charts, say what they show, and are tables as well.
fn check_answers(browser: &mut Browser, charts: &[String]) {
    for name in ANSWERS {
        let found = charts.iter().find(|id| id.starts_with(&format!("chart-{name}")));
        let id = found.unwrap_or_else(|| panic!("no chart of {name}: {charts:?}"));
        let rows = browser.eval(&format!(
            "(() => {{ document.querySelector('#{id} summary').click();
                return new Promise(done => setTimeout(() => done(
                    document.querySelectorAll('#{id} details tr').length), 50)); }})()"
        ));
        assert!(rows.as_u64().unwrap() >= 3, "{id}: {rows} rows");
    }
    let tip = tip(browser, "chart-funnel-analytics-", 0.35);
    assert!(tip.contains("page view") && tip.contains("of the step before"), "{tip}");
    let tip = self::tip(browser, "chart-confusion-", 0.2);
    assert!(tip.contains("users planted as browsers and taken for"), "{tip}");
}

/// What a chart says when the mouse is in its middle, so far down.
fn tip(browser: &mut Browser, id: &str, down: f64) -> String {
    let chart = format!("document.querySelector('figure[id^=\"{id}\"] .chart')");
    let place = browser.eval(&format!(
        "(() => {{ const box = {chart}; box.scrollIntoView({{ block: 'center' }});
            const at = box.getBoundingClientRect();
            return [at.x + at.width / 2, at.y + at.height * {down}]; }})()"
    ));
    browser.hover(place[0].as_f64().unwrap(), place[1].as_f64().unwrap());
    browser.eval(&format!("{chart}.innerText")).as_str().unwrap().to_owned()
}

/// A run of 5.5 s by intervals of a second: what is half an interval is no fall by half, and
/// the drain is no fall to nothing.
fn check_ends(browser: &mut Browser) {
    let charts = browser.eval("JSON.parse(document.getElementById('charts').textContent)");
    let chart = |id: &str| {
        let mut all = charts.as_array().unwrap().iter();
        all.find(|chart| chart["id"] == id).unwrap_or_else(|| panic!("no chart {id}")).clone()
    };
    let throughput = chart("throughput");
    for series in throughput["series"].as_array().unwrap() {
        let points = series["points"].as_array().unwrap();
        assert!(points.len() >= 6, "{series}");
        for point in points {
            let rate = point[1].as_f64().unwrap();
            assert!((1_200.0..3_000.0).contains(&rate), "{}: {point}", series["name"]);
        }
    }
    let last = throughput["x"]["spans"][5].clone();
    assert_eq!(last[1], 5.0, "{throughput}");
    assert!(last[2].as_f64().unwrap() < 6.0, "the last interval ends with the run: {last}");
    assert_eq!(throughput["areas"][0]["name"], "warm-up");
    assert_eq!(throughput["areas"][0]["to"], 1.0);
}

/// Hovering shows values, a series can be switched off, figures unfold as a table, and the page
/// can be made dark.
fn check_handling(browser: &mut Browser) {
    let tip = tip(browser, "chart-throughput", 0.5);
    assert!(tip.contains("acknowledged"), "hovering shows nothing: {tip}");
    assert!(tip.contains("events/s") && tip.contains(" to "), "values have a unit: {tip}");
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

/// On paper: the charts that do not fit their frames, the keys of what is not drawn, and the
/// charts of several series without any key.
const ON_PAPER: &str = "(() => {
    const bad = [];
    for (const figure of document.querySelectorAll('figure')) {
        const [frame, svg] = [figure, figure.querySelector('.chart svg')]
            .map(one => one.getBoundingClientRect());
        if (svg.height < 100 || svg.left < frame.left || svg.right > frame.right
            || svg.top < frame.top || svg.bottom > frame.bottom) bad.push(figure.id + ' overlaps');
        const keys = [...figure.querySelectorAll('.keys button')];
        const seen = keys.filter(key => key.getBoundingClientRect().width > 0);
        if (keys.length && !seen.length) bad.push(figure.id + ' has no keys');
        if (seen.some(key => key.getAttribute('aria-pressed') === 'false'))
            bad.push(figure.id + ' has the key of nothing');
    }
    return bad;
})()";

/// Printed, even from a dark page, it is light, whole and as wide as the paper; and afterwards it
/// is what it was.
fn check_paper(browser: &mut Browser, page: &Path, kind: &str, least: usize, pdf: &Path) {
    let widths = "[...document.querySelectorAll('.chart svg')]
        .map(svg => Math.round(svg.getBoundingClientRect().width))";
    browser.open(page, 1280, "dark");
    let before = browser.eval(widths);
    browser.lay_out_on_paper();
    check_charts(browser, &format!("{kind}, on paper"), least);
    assert_eq!(browser.eval(ON_PAPER), serde_json::json!([]), "{kind}");
    let paper = browser.eval("getComputedStyle(document.body).backgroundColor");
    assert_eq!(paper, "rgb(255, 255, 255)", "{kind}");
    browser.eval("window.dispatchEvent(new Event('afterprint'))");
    browser.open(page, 1280, "dark");
    browser.print(pdf);
    std::thread::sleep(std::time::Duration::from_millis(200));
    assert_eq!(browser.eval(widths), before, "{kind}: it is not what it was");
}

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
        ("run", ran(folder.path(), "run", RUN), 18),
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
        let mut charts = Vec::new();
        for (width, theme) in [(1280, "light"), (1280, "dark"), (390, "light")] {
            browser.open(&page, width, theme);
            charts = check_charts(&mut browser, &format!("{kind}, {width} px, {theme}"), *least);
            let faint = browser.eval(CONTRASTS);
            assert_eq!(faint, serde_json::json!([]), "{kind}, {theme}: too faint");
            browser.shoot(&shots.join(format!("{kind}-{width}-{theme}.png")));
        }
        let text = browser.eval("document.body.innerText");
        let text = text.as_str().unwrap();
        check_paper(&mut browser, &page, kind, *least, &shots.join(format!("{kind}.pdf")));
        match *kind {
            "run" => {
                assert!(text.contains("A <small> run & its \"report\"."), "words stay words");
                assert!(text.contains("Planted fraud against the alerts"), "{text}");
                for part in ["Where the time goes: fraud", "CPU of the harness", "funnel"] {
                    assert!(text.contains(part), "{part} is missing");
                }
                browser.open(&page, 1280, "light");
                check_ends(&mut browser);
                check_answers(&mut browser, &charts);
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
