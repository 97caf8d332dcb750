//! `kind = "curve"`: a rate over time from a CSV file.

use std::path::Path;
use std::time::Duration;

use super::phase::{RATE, linear};
use super::{Segment, phase};
use crate::scenario::reader::{Table, range};

/// Most rows: a day of seconds.
const ROWS_MAX: usize = 86_401;

/// Largest file, in bytes.
const BYTES_MAX: u64 = 10 << 20;

/// What the first line has to say.
const HEADER: [&str; 2] = ["at_s", "rate_per_s"];

/// Longest time in a file, in seconds: that of the longest phase.
const AT_MAX_S: f64 = 30.0 * 86_400.0;

/// One row: seconds since the phase began, events per second.
type Point = (f64, f64);

/// The segments of a curve: straight lines between the file's points. `duration` stretches or
/// squeezes the time, `scale` multiplies the rates.
pub(crate) fn resolve(table: &Table<'_>, duration: Option<Duration>) -> Option<Vec<Segment>> {
    let file = table.text("file");
    let file = table.require("file", file, "expected a CSV file with at_s,rate_per_s");
    let scale = table.number("scale", range(1e-6, 1e6, "")).unwrap_or(1.0);
    let points = points(table, &file?)?;
    let end_s = points.last()?.0;
    let stretch = duration.map_or(1.0, |duration| duration.as_secs_f64() / end_s);
    if let Some((_, peak)) = points.iter().find(|(_, rate)| rate * scale > RATE.most) {
        let what = format!("{peak} times {scale} is above {} events/s; expected less", RATE.most);
        table.fault("scale", &what);
        return None;
    }
    // The edges are rounded to whole microseconds, so that the pieces sum to the whole.
    let edge_ns = |at_s: f64| (at_s * stretch * 1e6).round() as u64 * 1_000;
    let pieces = points.windows(2).map(|pair| {
        let (from, to) = (pair[0], pair[1]);
        linear(edge_ns(to.0) - edge_ns(from.0), from.1 * scale, to.1 * scale)
    });
    let pieces: Vec<_> = pieces.filter(|piece| piece.duration_ns > 0).collect();
    let total_ns: u64 = pieces.iter().map(|piece| piece.duration_ns).sum();
    if total_ns < phase::ns(phase::DURATION_MIN) {
        table.fault("file", "the curve lasts less than a millisecond; expected longer");
        return None;
    }
    Some(pieces)
}

/// The file's rows; each fault has its line in the file.
fn points(table: &Table<'_>, file: &str) -> Option<Vec<Point>> {
    let path = table.faults().folder().join(file);
    let text = match read(&path) {
        Ok(text) => text,
        Err(what) => {
            table.fault("file", &format!("{}: {what}", path.display()));
            return None;
        }
    };
    let mut faults = Vec::new();
    let points = parse(&text, &mut faults);
    let (place, path) = (table.place("file"), path.display());
    for (line, what) in &faults {
        table.faults().add(place, format!("{path}:{line}: {what}"));
    }
    faults.is_empty().then_some(points)
}

fn read(path: &Path) -> Result<String, String> {
    let metadata = std::fs::metadata(path).map_err(|error| format!("can't be read: {error}"))?;
    if metadata.is_dir() {
        return Err("is a folder; expected a CSV file".to_owned());
    }
    if metadata.len() > BYTES_MAX {
        return Err("is larger than 10 MiB; expected a CSV file of points".to_owned());
    }
    let bytes = std::fs::read(path).map_err(|error| format!("can't be read: {error}"))?;
    String::from_utf8(bytes).map_err(|_| "is not UTF-8; expected a CSV file".to_owned())
}

/// Rows, and faults by line. After twenty faults the rest is left alone.
fn parse(text: &str, faults: &mut Vec<(u64, String)>) -> Vec<Point> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .comment(Some(b'#'))
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes());
    let mut points: Vec<Point> = Vec::new();
    let mut headed = false;
    for record in reader.records() {
        let Ok(record) = record else { continue };
        let line = record.position().map_or(0, csv::Position::line);
        let mut fault = |what: String| faults.push((line, what));
        if !headed {
            headed = true;
            if !record.iter().eq(HEADER) {
                fault(format!("{:?} is no header; expected {}", shown(&record), HEADER.join(",")));
            }
            continue;
        }
        match point(&record, points.last()) {
            Ok(point) => points.push(point),
            Err(what) => fault(what),
        }
        if points.len() > ROWS_MAX {
            fault(format!("more than {ROWS_MAX} rows; expected fewer"));
        }
        if faults.len() >= 20 {
            break;
        }
    }
    if points.len() < 2 && faults.is_empty() {
        faults.push((1, format!("{} points; expected at least two", points.len())));
    }
    points
}

fn point(record: &csv::StringRecord, before: Option<&Point>) -> Result<Point, String> {
    let (Some(at), Some(rate), 2) = (record.get(0), record.get(1), record.len()) else {
        return Err(format!("{:?} is no point; expected a time and a rate", shown(record)));
    };
    let number = |text: &str| text.parse::<f64>().ok().filter(|number| number.is_finite());
    let at_s = number(at).filter(|at_s| (0.0..=AT_MAX_S).contains(at_s));
    let at_s = at_s.ok_or_else(|| format!("{at:?} is no time; expected seconds such as 1.5"))?;
    let rate_per_s = number(rate).filter(|rate| (RATE.least..=RATE.most).contains(rate));
    let rate_per_s = rate_per_s
        .ok_or_else(|| format!("{rate:?} is no rate; expected {} to {}", RATE.least, RATE.most))?;
    match before {
        None if at_s > 0.0 => Err(format!("begins at {at_s} s; expected 0")),
        Some((before_s, _)) if at_s <= *before_s => {
            Err(format!("{at_s} s is not after {before_s} s; expected rising times"))
        }
        _ => Ok((at_s, rate_per_s)),
    }
}

fn shown(record: &csv::StringRecord) -> String {
    record.iter().collect::<Vec<_>>().join(",")
}
