//! A chart as the page gets it.

use serde::Serialize;
use serde_json::Value;

/// One chart.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Chart {
    /// Its name in the page.
    pub(super) id: String,
    /// Its heading.
    pub(super) title: String,
    /// What one sees, in a sentence.
    pub(super) note: String,
    /// Whether it has a row of its own.
    pub(super) wide: bool,
    /// Whether its bars lie: their names are words.
    pub(super) flat: bool,
    /// The axis to the right: name, unit, type, form.
    pub(super) x: Value,
    /// The axis upwards.
    pub(super) y: Value,
    /// A second one, on the right.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) y2: Option<Value>,
    /// The lines or bars.
    pub(super) series: Vec<ChartSeries>,
    /// Or a map of cells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) heat: Option<Value>,
    /// Stretches of the axis to the right that have a name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) areas: Vec<Area>,
}

/// A stretch of an axis.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Area {
    pub(super) from: f64,
    pub(super) to: f64,
    pub(super) name: &'static str,
}

/// One line, or one colour of bars.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct ChartSeries {
    pub(super) name: String,
    pub(super) kind: &'static str,
    /// Pairs; for bars one value for each name of the axis.
    pub(super) points: Vec<Value>,
    /// A few letters at the end of each bar.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) labels: Vec<String>,
    /// What each bar says when asked; its value and unit where there is none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) texts: Vec<String>,
    pub(super) shown: bool,
    /// The place of the series with which it is shown and hidden.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) of: Option<usize>,
    /// Series of one group stand behind its name in the legend.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) group: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) stack: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) axis: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) color: Option<usize>,
    pub(super) dash: bool,
    pub(super) area: bool,
    pub(super) symbols: bool,
}

impl ChartSeries {
    pub(super) fn line(name: impl Into<String>, points: Vec<Value>) -> Self {
        Self { name: name.into(), kind: "line", points, shown: true, ..Self::default() }
    }

    pub(super) fn bars(name: impl Into<String>, points: Vec<Value>) -> Self {
        Self { name: name.into(), kind: "bar", points, shown: true, ..Self::default() }
    }
}
