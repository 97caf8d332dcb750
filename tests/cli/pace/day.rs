//! `scenarios/day.csv`: a day of a shop whose customers live in many time zones. What it is made of
//! stands in docs/load.md: how busy a shop is over a local day, and where its customers live.

use super::page::table;

/// Events per second in the mean of the day.
const MEAN_PER_S: f64 = 4_000.0;

/// How long the warm-up of `scenarios/day.toml` takes, and its day.
pub(super) const WARMUP_S: f64 = 5.0;
pub(super) const LASTS_S: f64 = 300.0;

/// Points of an hour.
const POINTS: usize = 4;

/// The file as the tables of the page make it.
fn made() -> String {
    let hours: Vec<f64> = table("| hour |").iter().map(|row| row[1].parse().unwrap()).collect();
    assert_eq!(hours.len(), 24);
    let places: Vec<(f64, f64)> = table("| city |")
        .iter()
        .map(|row| (row[3].parse().unwrap(), row[4].parse().unwrap()))
        .collect();
    let busy = |at_h: f64| -> f64 {
        let of = |(from_utc_h, share): &(f64, f64)| share * local(&hours, at_h + from_utc_h);
        places.iter().map(of).sum()
    };
    let day: Vec<f64> = (0..=24 * POINTS).map(|at| busy(at as f64 / POINTS as f64)).collect();
    let mean = day[1..].iter().sum::<f64>() / (day.len() - 1) as f64;
    let mut out =
        "# Made by the test `cli pace::day`, from the tables in docs/load.md: see there.\n\
                   # Seconds since midnight UTC, events/s.\nat_s,rate_per_s\n"
            .to_owned();
    for (at, busy) in day.iter().enumerate() {
        out += &format!("{},{:.0}\n", at * 3_600 / POINTS, busy / mean * MEAN_PER_S);
    }
    out
}

/// How busy it is at a local time, by a straight line between two hours.
fn local(hours: &[f64], at_h: f64) -> f64 {
    let at_h = at_h.rem_euclid(24.0);
    let (hour, part) = (at_h as usize, at_h.fract());
    hours[hour] * (1.0 - part) + hours[(hour + 1) % 24] * part
}

/// The curve's points: seconds of the day, events per second.
pub(super) fn points() -> Vec<(f64, f64)> {
    let text = std::fs::read_to_string(super::root().join("scenarios/day.csv")).unwrap();
    let rows = text.lines().filter_map(|line| line.split_once(','));
    rows.filter_map(|(at, rate)| Some((at.parse().ok()?, rate.parse().ok()?))).collect()
}

/// Writes the file anew, once and before anybody reads it, if that is what is asked for.
pub(super) fn rewrite() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| super::page::rewrite("scenarios/day.csv", &made()));
}

#[test]
fn the_day_s_curve_is_what_its_tables_make() {
    rewrite();
    super::page::assert_fresh("scenarios/day.csv", &made());
    let points = points();
    assert_eq!(points.len(), 97);
    let least = points.iter().map(|point| point.1).fold(f64::MAX, f64::min);
    let most = points.iter().map(|point| point.1).fold(0.0, f64::max);
    // A laptop's embedded broker takes it, and a night is not an evening.
    assert!(least > 1_000.0 && most < 8_000.0 && most / least > 1.7, "{least} {most}");
    assert!((points[0].1 - points[96].1).abs() < 0.5, "a day ends as the next one begins");
}
