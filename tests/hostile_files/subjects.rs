//! What is tried: everything that reads a result, a sweep, or parts, and everything that shows it.

use std::fs;
use std::path::{Path, PathBuf};

use comfy_table::presets;
use serde_json::{Value, json};

use crate::changes::Change;
use crate::recording::Recording;
use kbench::base::error::{Error, ExitCode};
use kbench::base::visible::{is_hidden, page};
use kbench::output::draw::drawn;
use kbench::output::html;
use kbench::result::compare;
use kbench::result::compare::Side;
use kbench::result::compare::options::CompareOptions;
use kbench::result::sweep::manifest::SweepManifest;
use kbench::result::{self, RunResult, Saved, verify};
use kbench::run::parts::merge::merge;
use kbench::run::parts::part::{ConsumerPart, PartsFound as Recorded};

/// Files, one value of which is changed.
pub(crate) trait Subject {
    /// The files' values.
    fn documents(&self) -> Vec<&Value>;

    /// The files as they are give what they say.
    fn accepts_what_was_not_changed(&mut self);

    /// Reads and shows the files with a change: whether they were refused in a clear line, or what
    /// is wrong with the answer.
    fn tried(&mut self, change: &Change, number: usize) -> Result<bool, String>;
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("results/recorded/formats")
}

fn read(file: &Path) -> Value {
    serde_json::from_slice(&fs::read(file).unwrap()).unwrap()
}

fn holding(name: &str) -> PathBuf {
    let entries = fs::read_dir(root()).unwrap().map(|entry| entry.unwrap().path());
    entries.into_iter().find(|folder| folder.join(name).exists()).unwrap()
}

/// A refusal is a few short lines that name the file, with the exit code of one.
fn refusal(error: &Error, file: &str) -> Result<bool, String> {
    let text = error.to_string();
    let code = error.exit_code();
    if !matches!(code, ExitCode::Usage | ExitCode::Refused) {
        return Err(format!("exit code {}: {text}", code as u8));
    }
    let is_short = text.lines().count() == 1 && text.chars().count() < 700;
    if !is_short || !text.contains(file) || text.contains(is_hidden) {
        return Err(format!("is told as {text:?}"));
    }
    Ok(true)
}

/// A page that a terminal shows as it is: nothing hidden has been left to the last defence.
fn plain(what: &str, text: &str) -> Result<(), String> {
    let seen = page(text);
    if seen == text {
        return Ok(());
    }
    let at = seen.lines().zip(text.lines()).find(|(seen, text)| seen != text);
    Err(format!("{what} has something hidden: {:?}", at.map(|(seen, _)| seen)))
}

/// A line that begins so was forged: every line of ours that does has the run's name in it.
fn no_forgery(text: &str) -> Result<(), String> {
    match text.lines().skip(1).find(|line| line.starts_with("VALID")) {
        Some(line) => Err(format!("a forged line: {line}")),
        None => Ok(()),
    }
}

/// All that is shown of a result.
fn shown(result: &RunResult, all: bool) -> Result<(), String> {
    let terminal = kbench::output::table::terminal(result, false);
    plain("the terminal", &terminal)?;
    no_forgery(&terminal)?;
    let ledger = &result.ledger;
    let ended = [ledger.acked, ledger.failed, ledger.unknown, ledger.unsent];
    let ended: u128 = ended.iter().map(|count| u128::from(*count)).sum();
    if terminal.starts_with("VALID") && u128::from(ledger.offered) != ended {
        return Err(format!("VALID: {} offered and {ended} ended", ledger.offered));
    }
    let name = result::folder_name(result);
    if Path::new(&name).components().count() != 1 || name.starts_with('.') || name.len() > 255 {
        return Err(format!("its folder would be {name:?}"));
    }
    let markdown = kbench::output::summary::markdown(result);
    plain("the Markdown", &markdown)?;
    if markdown.contains(" <img") || markdown.starts_with("<img") {
        return Err("the Markdown has a tag".to_owned());
    }
    plain("the CSV", &kbench::output::csv::csv([result]).map_err(|error| error.to_string())?)?;
    if all {
        let html = html::html(result);
        if html.contains("<img src=x") || html.contains("\u{202e}") {
            return Err("the page has a tag, or turns text around".to_owned());
        }
    }
    Ok(())
}

/// One result.
pub(crate) struct Results {
    folder: tempfile::TempDir,
    value: Value,
    base: Saved,
}

impl Results {
    pub(crate) fn recorded() -> Self {
        let from = holding("result.json");
        Self {
            folder: tempfile::tempdir().unwrap(),
            value: read(&from.join("result.json")),
            base: result::load(&from).unwrap(),
        }
    }

    fn at(&self) -> PathBuf {
        self.folder.path().join("run")
    }

    fn write(&self, value: &Value) {
        fs::create_dir_all(self.at()).unwrap();
        fs::write(self.at().join("result.json"), value.to_string()).unwrap();
    }

    fn beside_others(&self, changed: &Saved) -> Result<(), String> {
        let listed = result::list(self.folder.path()).map_err(|error| error.to_string())?;
        for style in [presets::NOTHING, presets::ASCII_MARKDOWN] {
            plain("the list", &kbench::output::list::list_table(&listed, style))?;
        }
        let [base, other] = [("base", &self.base), ("other", changed)]
            .map(|(name, saved)| Side::of(name, vec![saved.clone()]));
        // Whether they can be compared is another question.
        if let Ok(comparison) = compare::compare(&base, &other, &CompareOptions::default()) {
            plain("the comparison", &kbench::output::compare_text::text(&comparison))?;
            plain(
                "the comparison in Markdown",
                &kbench::output::compare_markdown::markdown(&comparison),
            )?;
            plain(
                "the annotations",
                &kbench::output::compare_markdown::annotations(&comparison).join("\n"),
            )?;
        }
        Ok(())
    }
}

impl Subject for Results {
    fn documents(&self) -> Vec<&Value> {
        vec![&self.value]
    }

    fn accepts_what_was_not_changed(&mut self) {
        self.write(&self.value);
        let saved = result::load_verified(&self.at()).unwrap();
        assert!(saved.result.verdict.valid);
        shown(&saved.result, true).unwrap();
        self.beside_others(&saved).unwrap();
    }

    fn tried(&mut self, change: &Change, number: usize) -> Result<bool, String> {
        let mut value = change.on(&self.value);
        // Mostly an enemy who makes the digest anew; else it tells everything.
        if !number.is_multiple_of(16) && value.get("digest").is_some_and(Value::is_string) {
            value["digest"] = json!(verify::digest_of(&value));
        }
        self.write(&value);
        let at = self.at();
        // Whoever judges by it looks first; and who does not must not fall over it.
        if number.is_multiple_of(8)
            && let Ok(saved) = result::load(&at)
        {
            plain("the terminal", &kbench::output::table::terminal(&saved.result, true))?;
            plain("the Markdown", &kbench::output::summary::markdown(&saved.result))?;
            kbench::output::csv::csv([&saved.result]).map_err(|error| error.to_string())?;
            self.beside_others(&saved)?;
        }
        if number % 16 == 1
            && let Ok((saved, value)) = result::open(&at)
        {
            let audit =
                verify::everything(&verify::SavedFiles::beside(&at, value), &saved.result, drawn);
            if audit.recomputed == 0 {
                return Err("nothing was recomputed".to_owned());
            }
        }
        match result::load_verified(&at) {
            Err(error) => refusal(&error, at.to_str().unwrap()),
            Ok(saved) => shown(&saved.result, number.is_multiple_of(3)).map(|()| false),
        }
    }
}

/// One sweep, whose trials are as they were.
pub(crate) struct Sweeps {
    folder: tempfile::TempDir,
    value: Value,
    trials: Vec<Saved>,
}

impl Sweeps {
    pub(crate) fn recorded() -> Self {
        let from = holding("sweep.json");
        let folder = tempfile::tempdir().unwrap();
        let value = read(&from.join("sweep.json"));
        let trials = result::load_all(&from).unwrap();
        for trial in &trials {
            let name = trial.folder.file_name().unwrap();
            fs::create_dir(folder.path().join(name)).unwrap();
            let file = Path::new(name).join("result.json");
            fs::copy(from.join(&file), folder.path().join(&file)).unwrap();
        }
        Self { folder, value, trials }
    }

    fn shown(&self, book: &SweepManifest) -> Result<(), String> {
        for text in [kbench::output::sweep::terminal(book), kbench::output::sweep::markdown(book)] {
            plain("the sweep", &text)?;
            no_forgery(&text)?;
        }
        let html = html::sweep_html(book, &self.trials);
        let is_clean = !html.contains("<img src=x") && !html.contains('\u{202e}');
        is_clean.then_some(()).ok_or_else(|| "the sweep's page has a tag".to_owned())
    }
}

impl Subject for Sweeps {
    fn documents(&self) -> Vec<&Value> {
        vec![&self.value]
    }

    fn accepts_what_was_not_changed(&mut self) {
        fs::write(self.folder.path().join("sweep.json"), self.value.to_string()).unwrap();
        let (book, trials) = SweepManifest::sum_up(self.folder.path()).unwrap();
        assert_eq!(trials.len(), 4);
        self.shown(&book).unwrap();
    }

    fn tried(&mut self, change: &Change, number: usize) -> Result<bool, String> {
        let at = self.folder.path();
        fs::write(at.join("sweep.json"), change.on(&self.value).to_string()).unwrap();
        let book = match SweepManifest::load(at) {
            Err(error) => return refusal(&error, at.join("sweep.json").to_str().unwrap()),
            Ok(book) => book,
        };
        self.shown(&book)?;
        if !number.is_multiple_of(8) {
            return Ok(false);
        }
        match SweepManifest::sum_up(at) {
            Err(error) => refusal(&error, at.to_str().unwrap()),
            Ok((book, _)) => self.shown(&book).map(|()| false),
        }
    }
}

/// The parts of a producer and a consumer.
pub(crate) struct Parts {
    folder: tempfile::TempDir,
    values: [Value; 2],
}

/// The files of the parts, in the order of their values.
const FILES: [&str; 2] = ["producer-1/producer.json", "consumer-1/consumer.json"];

impl Parts {
    pub(crate) fn of(recording: &Recording) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in FILES {
            fs::create_dir(folder.path().join(name).parent().unwrap()).unwrap();
        }
        Self { folder, values: recording.files().map(|file| read(&file)) }
    }

    fn write(&self, place: usize, value: &Value) {
        fs::write(self.folder.path().join(FILES[place]), value.to_string()).unwrap();
    }

    fn merged(&self) -> Result<Vec<RunResult>, Error> {
        let parts = Recorded::load(self.folder.path())?;
        let consumers: Vec<&ConsumerPart> = parts.consumers.iter().map(|(_, part)| part).collect();
        let merged = parts.producers.iter().map(|(_, part)| merge(part, &consumers, &[]));
        merged.map(|merged| merged.map(|(result, _)| result)).collect()
    }
}

impl Subject for Parts {
    fn documents(&self) -> Vec<&Value> {
        self.values.iter().collect()
    }

    fn accepts_what_was_not_changed(&mut self) {
        for (place, value) in self.values.iter().enumerate() {
            self.write(place, value);
        }
        let [result] = self.merged().unwrap().try_into().unwrap();
        assert!(result.verdict.valid, "{:?}", result.verdict.reasons);
        assert!(result.ledger.apps[0].seen > 200, "{:?}", result.ledger);
        shown(&result, true).unwrap();
    }

    fn tried(&mut self, change: &Change, number: usize) -> Result<bool, String> {
        self.write(change.document, &change.on(&self.values[change.document]));
        let outcome = match self.merged() {
            Err(error) => refusal(&error, self.folder.path().to_str().unwrap()),
            Ok(results) => {
                let mut shown = results.iter().map(|it| shown(it, number.is_multiple_of(8)));
                shown.find(Result::is_err).unwrap_or(Ok(())).map(|()| false)
            }
        };
        self.write(change.document, &self.values[change.document]);
        outcome
    }
}
