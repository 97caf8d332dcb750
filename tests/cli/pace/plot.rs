//! Small plots as SVG.

use std::fmt::Write;

/// The picture, and the part of it in which the points are.
const SIZE: (f64, f64) = (640.0, 400.0);
const LEFT: f64 = 70.0;
const RIGHT: f64 = 620.0;
const TOP: f64 = 62.0;
const BOTTOM: f64 = 345.0;

/// One of the two directions.
pub(super) struct Axis<'a> {
    /// With the unit.
    pub(super) title: &'a str,
    pub(super) range: (f64, f64),
    pub(super) is_log: bool,
    pub(super) ticks: &'a [(f64, &'a str)],
}

/// How points are drawn.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    Line,
    Dots,
}

pub(super) struct Series<'a> {
    pub(super) name: &'a str,
    pub(super) color: &'a str,
    pub(super) mark: Mark,
    pub(super) points: Vec<(f64, f64)>,
}

pub(super) const MEASURED: &str = "#1f6fb2";
pub(super) const EXPECTED: &str = "#d1495b";
pub(super) const OTHER: &str = "#5f8a3c";

impl Axis<'_> {
    /// Where a value is, from 0 to 1; `None` outside.
    fn place(&self, value: f64) -> Option<f64> {
        let of = |x: f64| if self.is_log { libm::log(x) } else { x };
        let place = (of(value) - of(self.range.0)) / (of(self.range.1) - of(self.range.0));
        (0.0..=1.0).contains(&place).then_some(place)
    }
}

/// A plot of some series over two axes.
pub(super) fn plot(title: &str, x: &Axis<'_>, y: &Axis<'_>, all: &[Series<'_>]) -> String {
    let (width, height) = SIZE;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <title>{title}</title>\n<rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>\n\
         <text x=\"{LEFT}\" y=\"22\" font-size=\"15\" font-weight=\"bold\">{title}</text>\n"
    );
    axes(x, y, &mut out);
    let mut from = LEFT;
    for series in all {
        draw(series, x, y, &mut out);
        // One without a name goes with another.
        if series.name.is_empty() {
            continue;
        }
        let Series { name, color, mark, .. } = series;
        let sign = match mark {
            Mark::Line => format!(
                "<path d=\"M{from} 42h22\" stroke=\"{color}\" stroke-width=\"2\" fill=\"none\"/>"
            ),
            Mark::Dots => {
                format!("<circle cx=\"{}\" cy=\"42\" r=\"3\" fill=\"{color}\"/>", from + 14.0)
            }
        };
        let _ = writeln!(out, "{sign}<text x=\"{}\" y=\"46\">{name}</text>", from + 28.0);
        from += 44.0 + 6.4 * name.chars().count() as f64;
    }
    out.push_str("</svg>\n");
    out
}

fn axes(x: &Axis<'_>, y: &Axis<'_>, out: &mut String) {
    for (value, label) in x.ticks {
        let Some(place) = x.place(*value) else { continue };
        let at = LEFT + place * (RIGHT - LEFT);
        let _ = writeln!(
            out,
            "<path d=\"M{at:.1} {TOP}V{BOTTOM}\" stroke=\"#ddd\"/>\
             <text x=\"{at:.1}\" y=\"{}\" text-anchor=\"middle\">{label}</text>",
            BOTTOM + 18.0
        );
    }
    for (value, label) in y.ticks {
        let Some(place) = y.place(*value) else { continue };
        let at = BOTTOM - place * (BOTTOM - TOP);
        let _ = writeln!(
            out,
            "<path d=\"M{LEFT} {at:.1}H{RIGHT}\" stroke=\"#ddd\"/>\
             <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>",
            LEFT - 6.0,
            at + 4.0
        );
    }
    let _ = writeln!(
        out,
        "<path d=\"M{LEFT} {TOP}V{BOTTOM}H{RIGHT}\" stroke=\"#333\" fill=\"none\"/>\n\
         <text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>\n\
         <text transform=\"translate(16 {}) rotate(-90)\" text-anchor=\"middle\">{}</text>",
        LEFT.midpoint(RIGHT),
        BOTTOM + 40.0,
        x.title,
        TOP.midpoint(BOTTOM),
        y.title
    );
}

/// Points outside the axes are left out.
fn draw(series: &Series<'_>, x: &Axis<'_>, y: &Axis<'_>, out: &mut String) {
    let places = series.points.iter().filter_map(|(one, other)| {
        let (right, up) = (x.place(*one)?, y.place(*other)?);
        Some((LEFT + right * (RIGHT - LEFT), BOTTOM - up * (BOTTOM - TOP)))
    });
    let color = series.color;
    if series.mark == Mark::Dots {
        let _ = writeln!(out, "<g fill=\"{color}\">");
        for (right, down) in places {
            let _ = writeln!(out, "<circle cx=\"{right:.1}\" cy=\"{down:.1}\" r=\"2.2\"/>");
        }
        out.push_str("</g>\n");
        return;
    }
    let mut path = String::new();
    for (place, (right, down)) in places.enumerate() {
        let _ = write!(path, "{}{right:.1} {down:.1}", if place == 0 { 'M' } else { 'L' });
    }
    let _ =
        writeln!(out, "<path d=\"{path}\" stroke=\"{color}\" stroke-width=\"1.6\" fill=\"none\"/>");
}
