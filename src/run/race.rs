//! A race: one load under two configurations, in turns, so that the runs are pairs.
//!
//! A pair is a run of each side, one after the other; of every two pairs the second turns the
//! order round (A B B A, or B A A B, as a seed decides anew each time). What drifts over the hours
//! of a race is nearly the same for both runs of a pair, and falls out of their ratio.

pub mod manifest;
pub mod side;

use std::path::{Path, PathBuf};

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use super::RunOptions;
use super::sweep::set_aside;
use crate::base::error::{Error, Result};
use crate::result::run_event::{Listener, RaceEvent, RunEvent};
use crate::result::run_outcome::RunOutcome;
use crate::result::{self, Lap, Saved};
use crate::run;

pub use manifest::RaceManifest;
use side::{Laps, RaceSide, SIDES};

/// How a race ended.
#[derive(Debug)]
pub enum Ended {
    /// All pairs have run, or the look said that it is enough.
    Done(Laps),
    /// A signal came; whole pairs are kept.
    Interrupted,
    /// A run that can't be believed: its folder, and why.
    Invalid(PathBuf, String),
}

/// Which side runs at a place, 0 for the baseline.
fn side_at(seed: u64, place: u32) -> usize {
    let mut rng = Pcg64Mcg::seed_from_u64(seed.wrapping_add(u64::from(place / 4)));
    let is_inner = matches!(place % 4, 1 | 2);
    usize::from(is_inner != rng.random_bool(0.5))
}

/// Runs pairs until there are as many as the book says, or until `look`, which gets all whole
/// pairs after each of them, says that it is enough.
///
/// `options` are made anew for each run, with the folder that its result goes to.
///
/// # Errors
/// As [`run::run`], and those of `look`; whole pairs are saved.
pub fn run(
    sides: &[RaceSide; 2],
    folder: &Path,
    book: &RaceManifest,
    options: &dyn Fn(PathBuf) -> RunOptions,
    look: &mut dyn FnMut(&Laps, &mut dyn Listener) -> Result<bool>,
    listener: &mut dyn Listener,
) -> Result<Ended> {
    let mut laps = book.whole_pairs(folder)?;
    let had = laps[0].len() as u32;
    if had > 0 {
        listener.on(&RunEvent::Race(RaceEvent::Resumed { pairs: had }));
        if look(&laps, listener)? {
            return Ok(Ended::Done(laps));
        }
    }
    for pair in had..book.pairs {
        let mut both = [None, None];
        for place in [2 * pair, 2 * pair + 1] {
            let number = side_at(book.seed, place);
            let (side, letter) = (&sides[number], SIDES[number]);
            listener.on(&RunEvent::Race(RaceEvent::LapBegan {
                pair,
                pairs: book.pairs,
                at_most: book.until_decided,
                side: letter,
            }));
            let lap = Lap {
                race: book.race.clone(),
                side: letter.to_owned(),
                pair,
                place,
                until_decided: book.until_decided,
            };
            match one(side, lap, options(folder.join(letter)), listener)? {
                LapEnd::Valid(saved) => both[number] = Some(*saved),
                LapEnd::Interrupted => {
                    book.drop_half(folder, pair)?;
                    return Ok(Ended::Interrupted);
                }
                LapEnd::Invalid(folder, why) => return Ok(Ended::Invalid(folder, why)),
            }
        }
        for (side, saved) in laps.iter_mut().zip(both) {
            side.extend(saved);
        }
        if look(&laps, listener)? {
            break;
        }
    }
    Ok(Ended::Done(laps))
}

/// How one run ended.
enum LapEnd {
    Valid(Box<Saved>),
    Interrupted,
    Invalid(PathBuf, String),
}

fn one(
    side: &RaceSide,
    lap: Lap,
    mut options: RunOptions,
    listener: &mut dyn Listener,
) -> Result<LapEnd> {
    options.race = Some(lap);
    let finished = match run::run(&side.plan, &side.text, options, listener) {
        Err(Error::Signal(_)) => return Ok(LapEnd::Interrupted),
        finished => finished?,
    };
    let (result, folder) = (finished.result, finished.folder?);
    if let Some(error) = &finished.unsaved {
        let (folder, why) = (folder.clone(), error.to_string());
        listener.on(&RunEvent::NotWhole { folder, why });
    }
    if result.verdict.interrupted_by.is_some() {
        // Half a run is none: it stays beside the others, and counts for nothing.
        set_aside(&folder);
        return Ok(LapEnd::Interrupted);
    }
    listener.on(&RunEvent::Race(RaceEvent::LapEnded(RunOutcome::of(&result))));
    if !result.verdict.valid {
        let why = result.verdict.reasons.first().cloned().unwrap_or_default();
        return Ok(LapEnd::Invalid(folder, why));
    }
    Ok(LapEnd::Valid(Box::new(Saved { folder, result })))
}

/// Makes sure that both folders can be written to.
///
/// # Errors
/// [`Error::Usage`] with the folder and the system's words.
pub fn check_writable(folder: &Path) -> Result<()> {
    SIDES.iter().try_for_each(|side| result::check_writable(&folder.join(side)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_take_turns_and_every_second_pair_is_turned_round() {
        let mut firsts = [0, 0];
        for seed in 0..50 {
            for block in 0..4 {
                let order: Vec<usize> = (0..4).map(|n| side_at(seed, 4 * block + n)).collect();
                assert!(order == [0, 1, 1, 0] || order == [1, 0, 0, 1], "{order:?}");
                firsts[order[0]] += 1;
            }
        }
        assert!(firsts.iter().all(|count| *count > 60), "by chance: {firsts:?}");
    }
}
