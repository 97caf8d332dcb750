//! `report.html`: a run or a sweep as one page that opens without a network.
//!
//! The page holds everything: its figures as JSON, Apache ECharts to draw them, and its own style
//! and script. A policy in its head forbids it to ask anybody for anything.

mod answers;
pub mod chart;
mod charts;
mod facts;
mod page;
mod people;
mod spectrum;
mod sweep;
mod tables;
mod timeline;

use maud::html;

use crate::base::visible;
use crate::result::sweep::manifest::SweepManifest;
use crate::result::{RunResult, Saved};

/// One run as a page.
#[must_use]
pub fn html(result: &RunResult) -> String {
    let result = &*visible::shown(result);
    let (measured, found) = (charts::of_run(result), answers::charts(result));
    let body = html! {
        (page::verdict(result))
        (page::tiles(result))
        (tables::applications(result))
        (page::charts("Charts", &measured))
        (page::charts("What the applications found", &found))
        (people::sessions(result))
        (tables::answers(result))
        (tables::accounts(result))
        (tables::conditions(result))
    };
    let charts = [measured, found].concat();
    page::page(&format!("{}: {}", result.scenario, page::word(result).0), &body, &charts)
}

/// A sweep as a page: its trials together, then each by itself in words.
#[must_use]
pub fn sweep_html(book: &SweepManifest, results: &[Saved]) -> String {
    let book = &*visible::shown(book);
    let charts = sweep::charts(book);
    let body = sweep::body(book, results, &charts);
    page::page(&format!("sweep {}", book.scenario), &body, &charts)
}
