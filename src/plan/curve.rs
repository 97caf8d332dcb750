//! `kind = "curve"`: a rate over time from a CSV file.

use std::time::Duration;

use super::RateSegment;
use super::rates;
use super::rates::{RATE, linear};
use super::toml::reader::{TomlTable, range};
use super::toml::source::ScenarioSource;

/// Most points: more than a day has seconds.
const ROWS_MAX: usize = 100_000;

/// A file with so many faults is read no further: it is surely the wrong one.
const FAULTS_MAX: usize = 20;

/// Most characters that a message quotes of the file.
const QUOTED_CHARS_MAX: usize = 20;

/// What a line begins with that says nothing.
const COMMENT: u8 = b'#';

/// What the first line has to say.
const HEADER: [&str; 2] = ["at_s", "rate_per_s"];

/// Longest time in a file, in seconds: that of the longest phase.
const AT_MAX_S: f64 = 30.0 * 86_400.0;

/// One row: seconds since the phase began, events per second.
type CurvePoint = (f64, f64);

/// The segments of a curve: straight lines between the file's points. `duration` stretches or
/// squeezes the time, `scale` multiplies the rates.
pub(crate) fn resolve(
    table: &TomlTable<'_>,
    duration: Option<Duration>,
) -> Option<Vec<RateSegment>> {
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
    if total_ns < rates::ns(crate::plan::rates::DURATION_MIN) {
        table.fault("file", "the curve lasts less than a millisecond; expected longer");
        return None;
    }
    Some(pieces)
}

/// The file's rows; each fault has its line in the file.
fn points(table: &TomlTable<'_>, file: &str) -> Option<Vec<CurvePoint>> {
    let path = table.faults().folder().join(file);
    let source = match ScenarioSource::read_named(&path, "expected a CSV file with at_s,rate_per_s")
    {
        Ok(source) => source,
        Err(error) => {
            table.fault("file", &error.to_string());
            return None;
        }
    };
    let mut faults = Vec::new();
    let points = parse(&source.text, &mut faults);
    let (place, path) = (table.place("file"), path.display());
    for (line, what) in &faults {
        table.faults().add(place, format!("{path}:{line}: {what}"));
    }
    faults.is_empty().then_some(points)
}

/// Rows, and faults by line.
fn parse(text: &str, faults: &mut Vec<(usize, String)>) -> Vec<CurvePoint> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .comment(Some(COMMENT))
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes());
    let mut points: Vec<CurvePoint> = Vec::new();
    let mut before_s = None;
    for (index, record) in reader.records().flatten().enumerate() {
        let mut found = Vec::new();
        let is_header = index == 0 && record.iter().eq(HEADER);
        // A first line of numbers is a point whose header was forgotten; any other file is surely
        // none of ours, and not for us to show.
        let is_other = index == 0 && !is_header && number(record.get(0)).is_none();
        if index == 0 && !is_header {
            let header = HEADER.join(",");
            let what = if is_other {
                "no header".into()
            } else {
                format!("{:?} is not a header", shown(&record))
            };
            found.push(format!("{what}; expected {header}"));
        }
        if !is_header && !is_other {
            points.extend(point(&record, &mut before_s, &mut found));
        }
        let too_long = points.len() > ROWS_MAX;
        if too_long {
            found.push(format!("more than {ROWS_MAX} points; expected fewer"));
        }
        if !found.is_empty() {
            let line = line_of(text, record.position());
            faults.extend(found.into_iter().map(|what| (line, what)));
            if faults.len() >= FAULTS_MAX && !too_long {
                faults.push((line, "the lines after this one were not looked at".to_owned()));
            }
        }
        if too_long || is_other || faults.len() >= FAULTS_MAX {
            break;
        }
    }
    if points.len() < 2 && faults.is_empty() {
        faults.push((1, format!("{} points; expected at least two", points.len())));
    }
    points
}

/// The line of a record. The reader's own count begins before the comments and empty lines that
/// it passed over on the way.
fn line_of(text: &str, position: Option<&csv::Position>) -> usize {
    let mut start = position.map_or(0, |position| position.byte() as usize);
    while let Some((line, _)) = text.get(start..).and_then(|rest| rest.split_once('\n')) {
        if !line.trim_end_matches('\r').is_empty() && !line.as_bytes().starts_with(&[COMMENT]) {
            break;
        }
        start += line.len() + 1;
    }
    1 + text.get(..start).unwrap_or(text).matches('\n').count()
}

/// Reads a row that comes after the time `before_s`; a time that can't be read counts as any.
fn point(
    record: &csv::StringRecord,
    before_s: &mut Option<f64>,
    faults: &mut Vec<String>,
) -> Option<CurvePoint> {
    let (Some(at), Some(rate), 2) = (record.get(0), record.get(1), record.len()) else {
        faults.push(format!("{:?} is not a point; expected a time and a rate", shown(record)));
        return None;
    };
    let at_s = number(Some(at)).filter(|at_s| (0.0..=AT_MAX_S).contains(at_s));
    match (at_s, *before_s) {
        (None, _) => {
            faults.push(format!("{:?} is not a time; expected seconds such as 1.5", short(at)));
        }
        (Some(at_s), None) if at_s > 0.0 => {
            faults.push(format!("begins at {at_s} s; expected 0"));
        }
        (Some(at_s), Some(before_s)) if at_s <= before_s => {
            faults.push(format!("{at_s} s is not after {before_s} s; expected rising times"));
        }
        _ => {}
    }
    *before_s = at_s.or(*before_s).or(Some(f64::NEG_INFINITY));
    let rate_per_s = number(Some(rate)).filter(|rate| (RATE.least..=RATE.most).contains(rate));
    if rate_per_s.is_none() {
        let (least, most) = (RATE.least, RATE.most);
        faults.push(format!("{:?} is not a rate; expected {least} to {most}", short(rate)));
    }
    Some((at_s?, rate_per_s?))
}

fn number(text: Option<&str>) -> Option<f64> {
    text?.parse::<f64>().ok().filter(|number| number.is_finite())
}

fn shown(record: &csv::StringRecord) -> String {
    short(&record.iter().collect::<Vec<_>>().join(","))
}

/// As much of a text as a number may be long.
fn short(text: &str) -> String {
    text.chars().take(QUOTED_CHARS_MAX).collect()
}
