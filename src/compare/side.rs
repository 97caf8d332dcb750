//! One side of a comparison: the runs that were named, and those of one point of a sweep.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::conditions::worthless;
use crate::error::{Error, Result};
use crate::plan::sweep::Settings;
use crate::result::{Saved, limited, load_all};

/// Runs of one point, or of one scenario as it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Side {
    /// As the user named it.
    pub name: String,
    /// By point of a sweep; runs outside of a sweep have none.
    pub points: BTreeMap<Settings, Vec<Saved>>,
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
        let saved = load_all(&path).map_err(|error| Error::Refused(lines(&error)))?;
        let mut points: BTreeMap<Settings, Vec<Saved>> = BTreeMap::new();
        for saved in saved {
            let point = saved.result.trial.as_ref().map(|trial| trial.point.clone());
            points.entry(point.unwrap_or_default()).or_default().push(saved);
        }
        if !wanted.is_empty() {
            check_keys(name, &wanted, &points)?;
            points
                .retain(|point, _| wanted.iter().all(|(key, value)| point.get(key) == Some(value)));
        }
        Ok(Self { name: name.to_owned(), points })
    }

    /// Of runs that are at hand.
    #[must_use]
    pub fn of(name: &str, runs: Vec<Saved>) -> Self {
        let mut points: BTreeMap<Settings, Vec<Saved>> = BTreeMap::new();
        for saved in runs {
            let point = saved.result.trial.as_ref().map(|trial| trial.point.clone());
            points.entry(point.unwrap_or_default()).or_default().push(saved);
        }
        Self { name: name.to_owned(), points }
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
                    Some(why) => left_out.push(format!("{}: {why}", run.folder.display())),
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
fn split(name: &str) -> Result<(PathBuf, Settings)> {
    let whole = Path::new(name);
    let cut = name.rsplit_once(':').filter(|_| !whole.exists());
    // The values may have colons of their own, keys and folders rather not.
    let Some((_, _)) = cut else {
        return Ok((whole.to_owned(), Settings::new()));
    };
    let (path, point) = name.split_once(':').unwrap_or((name, ""));
    let mut wanted = Settings::new();
    for pair in point.split(',') {
        match pair.split_once('=') {
            Some((key, value)) if !key.trim().is_empty() => {
                wanted.insert(key.trim().to_owned(), value.trim().to_owned());
            }
            _ => {
                let expected = "expected DIR:KEY=VALUE,KEY=VALUE for a point of a sweep";
                return Err(Error::usage(format!("{name}: {pair:?} is no setting; {expected}")));
            }
        }
    }
    Ok((PathBuf::from(path), wanted))
}

fn check_keys(
    name: &str,
    wanted: &Settings,
    points: &BTreeMap<Settings, Vec<Saved>>,
) -> Result<()> {
    let fits = |point: &Settings| wanted.iter().all(|(key, value)| point.get(key) == Some(value));
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
        "it is no sweep".to_owned()
    } else {
        format!("there are {}", there.join(", "))
    };
    Err(Error::usage(format!("{name}: no run at this point; {there}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_stands_behind_a_colon() {
        let (path, wanted) = split("results/sweep:linger.ms=5,acks=all").unwrap();
        assert_eq!(path, Path::new("results/sweep"));
        assert_eq!(wanted["linger.ms"], "5");
        assert_eq!(wanted["acks"], "all");
        assert!(split("results/sweep:linger").unwrap_err().to_string().contains("DIR:KEY=VALUE"));
    }

    #[test]
    fn a_folder_with_a_colon_in_its_name_is_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a:b=c");
        std::fs::create_dir(&path).unwrap();
        assert_eq!(split(path.to_str().unwrap()).unwrap(), (path, Settings::new()));
    }
}
