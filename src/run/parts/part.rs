//! What one process records of a run that several make together: a folder each, put together
//! afterwards.

mod check;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::apps::Summary;
use crate::base::clock::anchor::Anchor;
use crate::base::clock::wall_clock_us;
use crate::base::error::{Error, Result};
use crate::base::{date, files};
use crate::event::FraudKind;
use crate::measure::ledger::{Observations, Outcomes};
use crate::plan::AppPlan;
use crate::result::{Build, RunResult, check_writable, entry, sync};
use crate::workers::consume::{AssignmentHistory, ReadCounts};

/// Raised whenever a reader of an older one would misread the new one.
pub const VERSION: u32 = 2;

/// The file of a producer's part.
pub const PRODUCER: &str = "producer.json";
/// The file of a consumer's part.
pub const CONSUMER: &str = "consumer.json";
/// The file of a part that has begun, and is not finished.
const BEGUN: &str = "begun.json";

/// An application as it was planned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AppName {
    /// Its name.
    #[serde(deserialize_with = "entry::name")]
    pub name: String,
    /// Its consumer group.
    #[serde(deserialize_with = "entry::group")]
    pub group: String,
    /// Its options.
    pub options: BTreeMap<String, f64>,
}

impl AppName {
    /// Of a plan.
    #[must_use]
    pub fn of(app: &AppPlan) -> Self {
        let (name, group, options) = (app.name.clone(), app.group.clone(), app.options.clone());
        Self { name, group, options }
    }
}

/// The producer's part of a run.
#[derive(Debug, Serialize, Deserialize)]
pub struct ProducerPart {
    /// The file that it was read from; empty before.
    #[serde(skip)]
    pub file: PathBuf,
    /// [`VERSION`] of the program that wrote it.
    pub part_version: u32,
    /// The process.
    pub pid: u32,
    /// Its clock.
    pub anchor: Anchor,
    /// The interval of slot time 0, counted since 1970.
    pub start_interval: u64,
    /// The width of an interval, in ns.
    pub interval_ns: u64,
    /// The intervals that are measured, counted from the start; as far as the schedule came.
    pub measured: Range<u64>,
    /// How many intervals the schedule has, as far as it came.
    pub intervals: u64,
    /// How long an event that was never delivered would have been waited for, in ns.
    pub waited_ns: i64,
    /// The stretches of the measured part with one rate, in ns since the schedule's start.
    pub steady: Vec<Range<u64>>,
    /// The longest stall of its host in each interval of the schedule, in ns.
    pub stalls_ns: BTreeMap<u64, u64>,
    /// The applications of the scenario.
    pub apps: Vec<AppName>,
    /// The planted sessions, which a result does not keep.
    pub planted: Vec<(SessionNumber, FraudKind)>,
    /// The producer's half of the ledger.
    pub outcomes: Outcomes,
    /// The scenario's text, without its secrets.
    pub scenario: String,
    /// `latency.hlog` of the producer.
    pub log: String,
    /// All else that a producer knows of a run; its verdict holds only what went wrong.
    pub result: RunResult,
}

/// One consumer process's part, of every run whose events it has read.
#[derive(Debug, Serialize, Deserialize)]
pub struct ConsumerPart {
    /// The file that it was read from; empty before.
    #[serde(skip)]
    pub file: PathBuf,
    /// [`VERSION`] of the program that wrote it.
    pub part_version: u32,
    /// The process.
    pub pid: u32,
    /// How it was called.
    pub command_line: Vec<String>,
    /// What ran.
    pub build: Build,
    /// Its clock.
    pub anchor: Anchor,
    /// How far the wall clock moved against the monotonic one meanwhile, in µs.
    pub wall_step_us: i64,
    /// The width of an interval, in ns.
    pub interval_ns: u64,
    /// The topic it read.
    pub topic: String,
    /// User and system CPU, in seconds.
    pub cpu_s: f64,
    /// Most memory that it held, in bytes.
    pub memory_peak_bytes: Option<u64>,
    /// The longest time that a core of its host gave a sleeping thread of it nothing, in ns, by
    /// interval since 1970.
    #[serde(default)]
    pub stalls_ns: BTreeMap<u64, u64>,
    /// The CPU that it had used, without its hiccup meter, when an interval since 1970 began, in
    /// seconds.
    #[serde(default)]
    pub cpu_s_at: BTreeMap<u64, f64>,
    /// What ended it before its time.
    pub fault: Option<String>,
    /// Its applications.
    pub apps: Vec<AppPart>,
}

/// One application of a consumer's part.
#[derive(Debug, Serialize, Deserialize)]
pub struct AppPart {
    /// Which.
    pub app: AppName,
    /// Its half of the ledger.
    pub notes: Observations,
    /// By run: pages of [`crate::measure::latency::SampleCell`], still as text, since each takes a
    /// megabyte.
    pub pages: BTreeMap<u32, Vec<Box<RawValue>>>,
    /// What it found at its end; `None` when it did not come to that.
    pub summary: Option<Summary>,
    /// What it read, likewise.
    pub read: Option<ReadCounts>,
    /// How its partitions changed, in ns since 1970 by its process's clock.
    #[serde(default)]
    pub assignments: AssignmentHistory,
}

/// A part that somebody has begun.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Begun {
    /// `producer` or `consumer`.
    pub role: String,
    /// The process.
    pub pid: u32,
    /// RFC 3339, UTC.
    pub since: String,
    /// Its applications.
    pub apps: Vec<String>,
    /// How it was called.
    pub command_line: Vec<String>,
}

/// A part's folder, from the moment that its process starts: so that one that is killed can be
/// told from one that never was.
#[derive(Debug)]
pub struct Started {
    folder: PathBuf,
    /// Whether there was anything to save.
    ended: bool,
}

impl Drop for Started {
    /// One that comes to nothing by itself, with an error that is told, leaves nothing.
    fn drop(&mut self) {
        if !self.ended {
            let _ = fs::remove_file(self.folder.join(BEGUN));
            let _ = fs::remove_dir(&self.folder);
        }
    }
}

impl Started {
    /// Makes the folder, below `records`.
    ///
    /// # Errors
    /// [`Error::Usage`] when nothing can be written there.
    pub fn begin(
        records: &Path,
        role: &str,
        apps: Vec<String>,
        command_line: Vec<String>,
    ) -> Result<Self> {
        check_writable(records)?;
        let (now_us, pid) = (wall_clock_us(), std::process::id());
        let folder = records.join(format!("{role}-{now_us}-{pid}"));
        fs::create_dir(&folder)
            .map_err(|error| Error::io(format!("making {}", folder.display()), error))?;
        let role = role.to_owned();
        let begun = Begun { role, pid, since: date::millis(now_us), apps, command_line };
        let started = Self { folder, ended: false };
        write(&started.folder, BEGUN, &begun)?;
        Ok(started)
    }

    /// Saves the part, whole or not at all; a second one takes the place of the first.
    ///
    /// # Errors
    /// [`Error::Io`] with the path.
    pub fn save(&mut self, name: &str, part: &impl Serialize) -> Result<PathBuf> {
        self.ended = true;
        write(&self.folder, name, part)?;
        // The part says it all.
        let _ = fs::remove_file(self.folder.join(BEGUN));
        Ok(self.folder.clone())
    }
}

fn write(folder: &Path, name: &str, part: &impl Serialize) -> Result<()> {
    let path = folder.join(name);
    let fault = |error| Error::io(format!("writing {}", path.display()), error);
    let text = serde_json::to_vec(part)
        .map_err(|error| Error::Internal(format!("writing a part: {error}")))?;
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(fault)?;
    file.write_all(&text).map_err(fault)?;
    file.as_file().try_clone().and_then(|file| sync(vec![file])).map_err(fault)?;
    file.persist(&path).map_err(|error| fault(error.error))?;
    set_readable(&path).map_err(fault)
}

/// Temporary files are for their owner only; parts are for everybody.
fn set_readable(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o644))
}

/// All parts below a folder, each with the folder that it lies in.
#[derive(Debug, Default)]
pub struct PartsFound {
    /// One for each run.
    pub producers: Vec<(PathBuf, ProducerPart)>,
    /// Of any run.
    pub consumers: Vec<(PathBuf, ConsumerPart)>,
    /// Those that were never finished.
    pub begun: Vec<(PathBuf, Begun)>,
}

impl PartsFound {
    /// Whether there is any part, finished or not.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.producers.is_empty() && self.consumers.is_empty() && self.begun.is_empty()
    }

    /// Reads the parts below `records`, in the order of their names. What is no part is left
    /// alone; a part that is damaged is an error, since without it the rest would look wrong.
    ///
    /// # Errors
    /// [`Error::Usage`] in a line with the file: can't be read, cut short, of a newer version.
    pub fn load(records: &Path) -> Result<Self> {
        let entries = fs::read_dir(records)
            .map_err(|error| Error::usage(format!("{}: {error}", records.display())))?;
        let mut folders: Vec<PathBuf> =
            entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        folders.sort();
        let mut parts = Self::default();
        for folder in folders {
            let file = |name: &str| Some(folder.join(name)).filter(|file| is_there(file));
            if let Some(file) = file(PRODUCER) {
                let part: ProducerPart = read(&file)?;
                part.check().map_err(|what| refuse(&file, &format!("no part of a run: {what}")))?;
                parts.producers.push((folder.clone(), ProducerPart { file, ..part }));
            } else if let Some(file) = file(CONSUMER) {
                let part: ConsumerPart = read(&file)?;
                part.check().map_err(|what| refuse(&file, &format!("no part of a run: {what}")))?;
                parts.consumers.push((folder.clone(), ConsumerPart { file, ..part }));
            } else if file(BEGUN).is_some() {
                // Cut while it was written, it says as much by being there.
                if let Ok(begun) = read_begun(&folder.join(BEGUN)) {
                    parts.begun.push((folder, begun));
                }
            }
        }
        Ok(parts)
    }
}

#[derive(Deserialize)]
struct VersionedPart {
    part_version: u32,
}

/// Whether a part is there: one that is not a plain file is there, too, and refused.
fn is_there(file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|kind| !kind.is_dir())
}

fn refuse(path: &Path, what: &str) -> Error {
    Error::usage(format!("{}: {what}", path.display()))
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let text = files::text(path, files::PART_BYTES_MAX).map_err(|what| refuse(path, &what))?;
    let no_whole = |error| refuse(path, &format!("no whole part of a run: {error}"));
    let value: Value = serde_json::from_str(&text).map_err(no_whole)?;
    let VersionedPart { part_version } = VersionedPart::deserialize(&value).map_err(no_whole)?;
    if part_version > VERSION {
        return Err(refuse(
            path,
            &format!("is of version {part_version}; expected {VERSION} at most, or a newer kbench"),
        ));
    }
    if part_version < VERSION {
        return Err(refuse(
            path,
            &format!("is of version {part_version}; expected {VERSION}, which this kbench records"),
        ));
    }
    files::json::check(&value)
        .map_err(|what| refuse(path, &format!("no part of a run: {what}")))?;
    drop(value);
    serde_json::from_str(&text).map_err(|error| refuse(path, &format!("no part of a run: {error}")))
}

fn read_begun(path: &Path) -> Result<Begun> {
    let text = files::text(path, files::BOOK_BYTES_MAX).map_err(|what| refuse(path, &what))?;
    serde_json::from_str(&text).map_err(|error| refuse(path, &error.to_string()))
}
/// The number of a session, which takes all 64 bits: as text of 16 hexadecimal digits, since not
/// every reader of JSON has whole numbers of that size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SessionNumber(pub u64);

impl From<SessionNumber> for String {
    fn from(number: SessionNumber) -> Self {
        format!("{:016x}", number.0)
    }
}

impl TryFrom<String> for SessionNumber {
    type Error = String;

    fn try_from(text: String) -> std::result::Result<Self, String> {
        let is_legal = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = is_legal.then(|| u64::from_str_radix(&text, 16).ok()).flatten();
        number.map(Self).ok_or_else(|| {
            "a session's number is out of place; expected 16 hexadecimal digits".to_owned()
        })
    }
}

/// Most intervals that a consumer may have gone on beyond the schedule: a day of seconds.
pub(super) const ROWS_MORE_MAX: u64 = 100_000;
