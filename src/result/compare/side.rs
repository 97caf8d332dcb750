//! One side of a comparison: the runs that were named, and those of one point of a sweep.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::conditions::worthless;
use crate::base::error::{Error, Result};
use crate::base::visible::{self, visible};
use crate::plan::sweep::PointSettings;
use crate::result::limited::limited;
use crate::result::{Saved, load_all_verified};

/// Runs of one point, or of one scenario as it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Side {
    /// As the user named it.
    pub name: String,
    /// By point of a sweep; runs outside of a sweep have none.
    pub points: BTreeMap<PointSettings, Vec<Saved>>,
}

impl Side {
    /// Reads what `DIR` or `DIR:linger.ms=5,acks=all` names.
    ///
    /// # Errors
    /// [`Error::Usage`] when nothing is there, or no such point; [`Error::Refused`] when what is
    /// there can't be read: cut short, or written by a newer version.
    pub fn read(name: &str) -> Result<Self> {
        let (path, wanted) = split(name)?;
        if !path.exists() {
            let shown = path.display();
            return Err(Error::usage(format!("{shown}: not there; expected a result folder")));
        }
        let saved = load_all_verified(&path).map_err(|error| Error::Refused(lines(&error)))?;
        let Self { name: shown, mut points } = Self::of(name, saved);
        if !wanted.is_empty() {
            check_keys(name, &wanted, &points)?;
            points
                .retain(|point, _| wanted.iter().all(|(key, value)| point.get(key) == Some(value)));
        }
        Ok(Self { name: shown, points })
    }

    /// Of runs that are at hand; nothing hidden is left in what they say.
    #[must_use]
    pub fn of(name: &str, runs: Vec<Saved>) -> Self {
        let mut points: BTreeMap<PointSettings, Vec<Saved>> = BTreeMap::new();
        for Saved { folder, result } in runs {
            let shown = match visible::shown(&result) {
                Cow::Borrowed(_) => None,
                Cow::Owned(shown) => Some(shown),
            };
            let result = shown.unwrap_or(result);
            let point = result.trial.as_ref().map(|trial| trial.point.clone());
            points.entry(point.unwrap_or_default()).or_default().push(Saved { folder, result });
        }
        Self { name: visible(name).into_owned(), points }
    }

    /// Its runs that the harness or its machine did not limit, and a line on each of the others;
    /// a point without any such run is left out whole.
    #[must_use]
    pub fn counted(&self) -> (Self, Vec<String>) {
        let (mut points, mut left_out) = (BTreeMap::new(), Vec::new());
        for (point, runs) in &self.points {
            let mut counted = Vec::new();
            for run in runs {
                // What can't be compared at all is refused, and not left out.
                match limited(&run.result).filter(|_| worthless(&run.result).is_none()) {
                    Some(why) => {
                        let folder = run.folder.display().to_string();
                        left_out.push(format!("{}: {why}", visible(&folder)));
                    }
                    None => counted.push(run.clone()),
                }
            }
            if !counted.is_empty() {
                points.insert(point.clone(), counted);
            }
        }
        (Self { name: self.name.clone(), points }, left_out)
    }

    /// The applications of its runs.
    #[must_use]
    pub fn apps(&self) -> Vec<String> {
        let first = self.points.values().flatten().next();
        first.map_or_else(Vec::new, |saved| {
            saved.result.apps.iter().map(|app| app.name.clone()).collect()
        })
    }
}

fn lines(error: &Error) -> Vec<String> {
    error.to_string().lines().map(str::to_owned).collect()
}

/// A folder, and the point behind a colon. A folder whose own name has a colon is a folder.
fn split(name: &str) -> Result<(PathBuf, PointSettings)> {
    let whole = Path::new(name);
    let cut = name.rsplit_once(':').filter(|_| !whole.exists());
    // The values may have colons of their own, keys and folders rather not.
    let Some((_, _)) = cut else {
        return Ok((whole.to_owned(), PointSettings::new()));
    };
    let (path, point) = name.split_once(':').unwrap_or((name, ""));
    let mut wanted = PointSettings::new();
    for pair in point.split(',') {
        match pair.split_once('=') {
            Some((key, value)) if !key.trim().is_empty() => {
                wanted.insert(key.trim().to_owned(), value.trim().to_owned());
            }
            _ => {
                let expected = "expected DIR:KEY=VALUE,KEY=VALUE for a point of a sweep";
                return Err(Error::usage(format!("{name}: {pair:?} is not a setting; {expected}")));
            }
        }
    }
    Ok((PathBuf::from(path), wanted))
}

fn check_keys(
    name: &str,
    wanted: &PointSettings,
    points: &BTreeMap<PointSettings, Vec<Saved>>,
) -> Result<()> {
    let fits =
        |point: &PointSettings| wanted.iter().all(|(key, value)| point.get(key) == Some(value));
    if points.keys().any(fits) {
        return Ok(());
    }
    let mut there: Vec<String> = points
        .keys()
        .flat_map(|point| point.iter().map(|(key, value)| format!("{key}={value}")))
        .collect();
    there.sort();
    there.dedup();
    let there = if there.is_empty() {
        "it is not a sweep".to_owned()
    } else {
        format!("there are {}", there.join(", "))
    };
    Err(Error::usage(format!("{name}: no run at this point; {there}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::result::Trial;
    use crate::result::compare::tests::saved;

    #[test]
    fn a_point_stands_behind_a_colon() {
        let (path, wanted) = split("results/sweep:linger.ms=5,acks=all").unwrap();
        assert_eq!(path, Path::new("results/sweep"));
        assert_eq!(wanted["linger.ms"], "5");
        assert_eq!(wanted["acks"], "all");
        assert!(split("results/sweep:linger").unwrap_err().to_string().contains("DIR:KEY=VALUE"));
    }

    fn refused(side: Result<Side>) -> String {
        side.unwrap_err().to_string()
    }

    #[test]
    fn a_setting_has_a_key() {
        assert_eq!(split("d: acks = all ").unwrap().1, [("acks".into(), "all".into())].into());
        let expected = "d: =all: \" =all\" is not a setting; expected DIR:KEY=VALUE,KEY=VALUE for \
                        a point of a sweep";
        assert_eq!(split("d: =all").unwrap_err().to_string(), expected);
    }

    #[test]
    fn a_side_is_read_with_the_point_that_is_asked_for_or_says_which_there_are() {
        let recorded = Path::new(env!("CARGO_MANIFEST_DIR")).join("results/recorded/formats");
        let sweep = recorded.join("sweep-partitions-consumers-quick-20261123T162130Z-e4d38545");
        let sweep = sweep.to_str().unwrap();
        let side = Side::read(sweep).unwrap();
        assert_eq!((side.name.as_str(), side.points.len()), (sweep, 4));
        assert_eq!(side.apps(), ["analytics", "fraud", "dashboard", "behavior"]);
        let name = format!("{sweep}:partitions=3");
        let side = Side::read(&name).unwrap();
        assert_eq!((side.name, side.points.len()), (name, 2));
        assert!(side.points.keys().all(|point| point["partitions"] == "3"));
        let none = format!("{sweep}:partitions=99");
        let error = refused(Side::read(&none));
        assert!(error.starts_with(&format!("{none}: no run at this point; there are ")), "{error}");
        assert!(error.ends_with(" partitions=1, partitions=3, workers=1, workers=2"), "{error}");
        let alone = recorded.join("smoke-20261123T162120Z-0d194178");
        let alone = format!("{}:acks=all", alone.display());
        let error = refused(Side::read(&alone));
        assert!(error.ends_with("no run at this point; it is not a sweep"), "{error}");
    }

    #[test]
    fn what_is_not_there_is_a_wrong_call_and_what_can_not_be_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cut");
        let missing = Side::read(path.to_str().unwrap()).unwrap_err();
        assert!(matches!(&missing, Error::Usage(lines) if lines.len() == 1), "{missing:?}");
        assert!(missing.to_string().ends_with("cut: not there; expected a result folder"));
        std::fs::create_dir(&path).unwrap();
        std::fs::write(path.join("result.json"), "{").unwrap();
        match Side::read(path.to_str().unwrap()).unwrap_err() {
            Error::Refused(lines) => {
                assert!(lines.len() == 1 && lines[0].contains("no whole result"), "{lines:?}");
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn limited_runs_are_left_out_and_a_point_of_none_but_those_whole() {
        let limited = |name: &str, n: usize, point: &str| {
            saved(name, n, |run| {
                let point = [("acks".to_owned(), point.to_owned())].into();
                run.trial = Some(Trial { point, ..Trial::default() });
                run.watch.slip_p99_ns = Some(if n > 0 { 5_000_000 } else { 1 });
            })
        };
        let side =
            Side::of("s", vec![limited("s", 0, "1"), limited("s", 1, "1"), limited("s", 2, "all")]);
        assert_eq!((side.name.as_str(), side.points.len()), ("s", 2));
        let (counted, left_out) = side.counted();
        let kept: Vec<usize> = counted.points.values().map(Vec::len).collect();
        assert_eq!((counted.name.as_str(), kept), ("s", vec![1]));
        let begin = ["results/s-1: harness limited: ", "results/s-2: harness limited: "];
        assert_eq!(left_out.len(), 2);
        assert!(left_out.iter().zip(begin).all(|(line, begin)| line.starts_with(begin)));
        // What is worth nothing is not left out: it is refused later.
        let mut invalid = side;
        for run in invalid.points.values_mut().flatten() {
            run.result.verdict.valid = false;
        }
        assert_eq!(invalid.counted(), (invalid.clone(), Vec::new()));
    }

    #[test]
    fn a_folder_with_a_colon_in_its_name_is_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a:b=c");
        std::fs::create_dir(&path).unwrap();
        assert_eq!(split(path.to_str().unwrap()).unwrap(), (path, PointSettings::new()));
    }
}
