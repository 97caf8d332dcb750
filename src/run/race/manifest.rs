//! `race.json`: what a race is. Which pairs have run is told by the results themselves.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::side::{Laps, RaceSide, SIDES};
use crate::base::clock::wall_clock_us;
use crate::base::error::{Error, Result};
use crate::base::{date, files, json, random};
use crate::load::preview::fingerprint::plan_hash;
use crate::result::{self, Saved};
use crate::run::sweep::set_aside;

/// The file's name.
const FILE: &str = "race.json";

/// Raised whenever a reader of an older one would misread the new one.
const FORMAT_VERSION: u32 = 1;

/// What a race is, so that it can go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RaceManifest {
    /// Of the program that wrote it.
    pub format_version: u32,
    /// The race's number in hexadecimal; its runs carry it.
    pub race: String,
    /// When it began: RFC 3339, UTC.
    pub started: String,
    /// Decides which side is first in each two pairs.
    pub seed: u64,
    /// How many pairs; where it goes on until it is decided, the most.
    pub pairs: u32,
    /// Whether it is looked at after each pair.
    pub until_decided: bool,
    /// The numbers of both plans: it goes on only as the race that it was.
    pub plans: [String; 2],
}

impl RaceManifest {
    /// A new race, in a folder of its own below `results_dir`.
    ///
    /// # Errors
    /// [`Error::Io`] with the path.
    pub fn open(
        sides: &[RaceSide; 2],
        (pairs, until_decided): (u32, bool),
        seed: Option<u64>,
        results_dir: &Path,
    ) -> Result<(PathBuf, Self)> {
        let wall_us = wall_clock_us();
        let number = random::fresh();
        let book = Self {
            format_version: FORMAT_VERSION,
            race: format!("{:08x}", number as u32),
            started: date::seconds(wall_us),
            seed: seed.unwrap_or(number >> 32),
            pairs,
            until_decided,
            plans: plans(sides),
        };
        let name = &sides[0].plan.name;
        let name = format!("race-{name}-{}-{}", date::in_name(wall_us), book.race);
        let folder = results_dir.join(name);
        fs::create_dir(&folder)
            .map_err(|error| Error::io(format!("making {}", folder.display()), error))?;
        let text = json::pretty(&book, "race")?;
        result::write_file(&folder.join(FILE), &text)?;
        Ok((folder, book))
    }

    /// The book of a race that was cut short and is to go on, with another most number of pairs
    /// where it goes on until it is decided.
    ///
    /// # Errors
    /// [`Error::Usage`] in one line when there is none, or that of another race.
    pub fn resume(folder: &Path, sides: &[RaceSide; 2], pairs: Option<u32>) -> Result<Self> {
        let file = folder.join(FILE);
        let refuse = |what: String| Error::usage(format!("{}: {what}", file.display()));
        let text = files::text(&file, files::BOOK_BYTES_MAX)
            .map_err(|what| refuse(format!("{what}; expected the folder of a race")))?;
        let mut book: Self = serde_json::from_str(&text)
            .map_err(|error| refuse(format!("no whole race: {error}")))?;
        if book.format_version > FORMAT_VERSION {
            let what = format!("is of version {}; expected a newer kbench", book.format_version);
            return Err(refuse(what));
        }
        if book.plans != plans(sides) {
            return Err(refuse(
                "is a race of other plans; expected the scenarios, flags and kbench that it began \
                 with"
                    .to_owned(),
            ));
        }
        match pairs {
            Some(most) if book.until_decided => book.pairs = most,
            Some(other) if other != book.pairs => {
                return Err(refuse(format!(
                    "is a race of {} pairs; expected no other number: more of them after a look at \
                     the first would be a race until decided, which has to begin as one",
                    book.pairs
                )));
            }
            _ => {}
        }
        Ok(book)
    }

    /// The runs of the pairs that are whole. What is of a pair that is not, is set aside: a pair
    /// is run in one go.
    pub(super) fn whole_pairs(&self, folder: &Path) -> Result<Laps> {
        let [base, other] = [self.runs(folder, SIDES[0])?, self.runs(folder, SIDES[1])?];
        let pair_of = |saved: &Saved| saved.result.race.as_ref().map(|lap| lap.pair);
        let is_there = |runs: &[Saved], pair: u32| {
            runs.iter().any(|saved| pair_of(saved) == Some(pair) && saved.result.verdict.valid)
        };
        let whole = (0..self.pairs).find(|&n| !is_there(&base, n) || !is_there(&other, n));
        let whole = whole.unwrap_or(self.pairs);
        let keep = |runs: Vec<Saved>| {
            let (mut kept, rest): (Vec<Saved>, Vec<Saved>) = runs.into_iter().partition(|saved| {
                saved.result.verdict.valid && pair_of(saved).is_some_and(|pair| pair < whole)
            });
            rest.iter().for_each(|saved| drop(set_aside(&saved.folder)));
            kept.sort_by_key(pair_of);
            kept
        };
        Ok([keep(base), keep(other)])
    }

    /// Sets aside what has run of a pair that is not whole.
    pub(super) fn drop_half(&self, folder: &Path, pair: u32) -> Result<()> {
        for side in SIDES {
            for saved in self.runs(folder, side)? {
                if saved.result.race.as_ref().is_some_and(|lap| lap.pair == pair) {
                    set_aside(&saved.folder);
                }
            }
        }
        Ok(())
    }

    /// This race's runs of a side.
    fn runs(&self, folder: &Path, side: &str) -> Result<Vec<Saved>> {
        let folder = folder.join(side);
        let entries = fs::read_dir(&folder)
            .map_err(|error| Error::io(format!("reading {}", folder.display()), error))?;
        let mut runs = Vec::new();
        for entry in entries.flatten().filter(|entry| entry.path().join("result.json").exists()) {
            let saved = result::load(&entry.path())?;
            if saved.result.race.as_ref().is_some_and(|lap| lap.race == self.race) {
                runs.push(saved);
            }
        }
        Ok(runs)
    }
}

fn plans(sides: &[RaceSide; 2]) -> [String; 2] {
    sides.each_ref().map(|side| plan_hash(&side.plan))
}
