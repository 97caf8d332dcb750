//! `sweep.json`: which trials a sweep has, and which of them have run. Written anew after each.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::conclude::conclusions;
use super::points::{PointSummary, summarize};
use crate::base::clock::wall_clock_us;
use crate::base::error::{Error, Result};
use crate::base::fingerprint::Fingerprint;
use crate::base::{date, files, json, random};
use crate::plan::sweep::{Excluded, PointSettings, Sweep};
use crate::result::place::common_place;
use crate::result::{self, Saved, entry};

/// The file's name.
const FILE: &str = "sweep.json";

/// Raised whenever a reader of an older one would misread the new one.
const FORMAT_VERSION: u32 = 1;

/// A sweep's trials and what they say together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SweepManifest {
    /// Of the program that wrote it.
    pub format_version: u32,
    /// The sweep's number in hexadecimal; its trials carry it.
    #[serde(deserialize_with = "entry::number")]
    pub sweep: String,
    /// The scenario's name.
    #[serde(deserialize_with = "entry::name")]
    pub scenario: String,
    /// When it began: RFC 3339, UTC.
    #[serde(deserialize_with = "entry::date")]
    pub started: String,
    /// Of all its plans and their order: a sweep goes on only as the one that it was.
    pub fingerprint: String,
    /// Whole runs of each point.
    pub repeats: u32,
    /// The values of each axis, by its key, as the scenario writes them.
    pub axes: Vec<(String, Vec<String>)>,
    /// Points that no run can have, and why.
    pub excluded: Vec<(PointSettings, Vec<String>)>,
    /// Every trial in the order of running.
    pub trials: Vec<TrialEntry>,
    /// What the trials ran against, in words; empty until one has run.
    pub broker: String,
    /// What the trials say, by point.
    pub points: Vec<PointSummary>,
    /// The same in words.
    pub conclusions: Vec<String>,
}

/// One trial.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrialEntry {
    /// Its point.
    pub point: PointSettings,
    /// Which repeat of the point, from 0.
    pub repeat: u32,
    /// How far it is.
    pub state: TrialState,
}

/// How far a trial is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum TrialState {
    /// Not run yet.
    Planned,
    /// Ended by a signal; runs again on resuming.
    Interrupted,
    /// Could not be run; runs again on resuming.
    Failed {
        /// The error.
        why: String,
    },
    /// Run and saved.
    Done {
        /// The result's folder within the sweep's.
        #[serde(deserialize_with = "entry::folder")]
        folder: String,
        /// Whether its figures can be believed.
        valid: bool,
    },
}

impl SweepManifest {
    /// Makes the folder of a new sweep.
    pub(crate) fn open(
        sweep: &Sweep,
        scenario_text: &str,
        results_dir: &Path,
    ) -> Result<(PathBuf, Self)> {
        let wall_us = wall_clock_us();
        let id = format!("{:08x}", random::fresh() as u32);
        let name = format!("{}-{}-{id}", sweep.name, date::in_name(wall_us));
        let folder = results_dir.join(name);
        fs::create_dir(&folder)
            .map_err(|error| Error::io(format!("making {}", folder.display()), error))?;
        let trials = sweep.turns().into_iter().map(|turn| TrialEntry {
            point: sweep.points[turn.point].settings.clone(),
            repeat: turn.repeat,
            state: TrialState::Planned,
        });
        let excluded = |Excluded { settings, why }: &Excluded| (settings.clone(), why.clone());
        let book = Self {
            format_version: FORMAT_VERSION,
            sweep: id,
            scenario: sweep.name.clone(),
            started: date::seconds(wall_us),
            fingerprint: fingerprint(sweep)?,
            repeats: sweep.repeats,
            axes: sweep.axes.iter().map(|axis| (axis.key.clone(), axis.values.clone())).collect(),
            excluded: sweep.excluded.iter().map(excluded).collect(),
            trials: trials.collect(),
            broker: String::new(),
            points: Vec::new(),
            conclusions: Vec::new(),
        };
        result::write_file(&folder.join("scenario.toml"), &result::mask_toml(scenario_text))?;
        book.write(&folder)?;
        Ok((folder, book))
    }

    /// Reads a sweep's book.
    ///
    /// # Errors
    /// [`Error::Usage`] in one line when there is none, or none that this program can read.
    pub fn load(folder: &Path) -> Result<Self> {
        let file = folder.join(FILE);
        let refuse = |what: String| Error::usage(format!("{}: {what}", file.display()));
        let text = files::text(&file, files::BOOK_BYTES_MAX)
            .map_err(|what| refuse(format!("{what}; expected the folder of a sweep")))?;
        let no_whole = |what: String| refuse(format!("no whole sweep: {what}"));
        let book: Self =
            serde_json::from_str(&text).map_err(|error| no_whole(error.to_string()))?;
        serde_json::from_str(&text)
            .map_err(|error| error.to_string())
            .and_then(|value| files::json::check(&value))
            .map_err(no_whole)?;
        if book.format_version > FORMAT_VERSION {
            let what = format!("is of version {}; expected a newer kbench", book.format_version);
            return Err(refuse(what));
        }
        Ok(book)
    }

    /// Reads a sweep and sums up what has run.
    ///
    /// # Errors
    /// As [`SweepManifest::load`]; and when a trial's result can't be read.
    pub fn sum_up(folder: &Path) -> Result<(Self, Vec<Saved>)> {
        let mut book = Self::load(folder)?;
        let results = book.results(folder)?;
        book.conclude(&results);
        Ok((book, results))
    }

    /// Whether a folder is that of a sweep.
    #[must_use]
    pub fn is_in(folder: &Path) -> bool {
        folder.join(FILE).exists()
    }

    /// The book of a sweep that was cut short and is to go on.
    pub(crate) fn resume(folder: &Path, sweep: &Sweep) -> Result<Self> {
        let book = Self::load(folder)?;
        if book.fingerprint != fingerprint(sweep)? {
            return Err(Error::usage(format!(
                "{}: is a sweep of another plan; expected the scenario, flags and kbench that it \
                 began with, or a run without --resume",
                folder.display()
            )));
        }
        Ok(book)
    }

    pub(crate) fn has_run(&self, place: u32) -> bool {
        let entry = self.trials.get(place as usize);
        entry.is_some_and(|entry| matches!(entry.state, TrialState::Done { .. }))
    }

    /// Notes how a trial ended.
    pub(crate) fn note(&mut self, folder: &Path, place: u32, state: TrialState) -> Result<()> {
        if let Some(entry) = self.trials.get_mut(place as usize) {
            entry.state = state;
        }
        self.write(folder)
    }

    /// How many trials have run.
    #[must_use]
    pub fn done(&self) -> usize {
        self.trials.iter().filter(|entry| matches!(entry.state, TrialState::Done { .. })).count()
    }

    /// Whether all have.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.done() == self.trials.len()
    }

    /// Reads the results of the trials that have run.
    pub(crate) fn results(&self, folder: &Path) -> Result<Vec<Saved>> {
        let done = self.trials.iter().filter_map(|entry| match &entry.state {
            TrialState::Done { folder, .. } => Some(folder),
            _ => None,
        });
        done.map(|name| result::load_verified(&folder.join(name))).collect()
    }

    /// Sums the trials up, and saves that.
    pub(crate) fn close(&mut self, folder: &Path, results: &[Saved]) -> Result<()> {
        self.conclude(results);
        self.write(folder)
    }

    fn conclude(&mut self, results: &[Saved]) {
        let place = common_place(results.iter().map(|saved| &saved.result));
        self.broker = if results.is_empty() { "no broker yet".to_owned() } else { place };
        self.points = summarize(results);
        self.conclusions = conclusions(&self.points);
    }

    fn write(&self, folder: &Path) -> Result<()> {
        let text = json::pretty(self, "sweep")?;
        // Whole or not at all: a sweep that is killed while it writes must stay readable.
        result::write_file(&folder.join(FILE), &text)
    }
}

/// The plans as a result shows them, without the words that change nothing.
fn fingerprint(sweep: &Sweep) -> Result<String> {
    let plans: Vec<_> = sweep.points.iter().map(|point| (&point.settings, &point.plan)).collect();
    let text = json::line(&(sweep.seed, sweep.repeats, plans), "plans")?;
    Ok(Fingerprint::of(&text))
}
