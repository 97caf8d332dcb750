//! Files that somebody else may have written: plain ones only, and of each no more than its kind
//! may have.
//!
//! | what | most |
//! |---|--:|
//! | scenarios, properties, curves | 10 MiB |
//! | `sweep.json`, `race.json`, `begun.json` | 64 MiB |
//! | `result.json`, and the texts beside it | 256 MiB |
//! | parts of `--record` | 2 GiB |

pub mod json;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Scenarios, properties and curves, in bytes.
pub const SCENARIO_BYTES_MAX: u64 = 10 << 20;
/// What a sweep or a race writes of itself, in bytes: 100,000 trials take 30 MB.
pub const BOOK_BYTES_MAX: u64 = 64 << 20;
/// A result and what lies beside it, in bytes: a row of four applications takes 1 kB, and a month
/// of quarter minutes has 170,000.
pub const RESULT_BYTES_MAX: u64 = 256 << 20;
/// A part that a process has recorded, in bytes: a day of seconds of four applications.
pub const PART_BYTES_MAX: u64 = 2 << 30;

/// Reads a plain file, or one of the process's own open descriptors (`/dev/stdin`, what a shell
/// makes of `<(...)`), of at most so many bytes.
///
/// A named pipe, a device or a socket is refused without being waited for.
///
/// # Errors
/// What is wrong, in words that follow the path: `is a folder`, `is not a plain file`, `is larger
/// than 10 MiB`, `can't be read: …`.
pub fn bytes(path: &Path, most: u64) -> Result<Vec<u8>, String> {
    let fault = |error: io::Error| match error.kind() {
        io::ErrorKind::IsADirectory => "is a folder".to_owned(),
        _ => format!("can't be read: {error}"),
    };
    let file = open(path).map_err(fault)?;
    let kind = file.metadata().map_err(fault)?;
    if kind.is_dir() {
        return Err("is a folder".to_owned());
    }
    if !kind.is_file() && !is_own(path) {
        return Err("is not a plain file".to_owned());
    }
    let too_large = || format!("is larger than {}", size(most));
    if kind.len() > most {
        return Err(too_large());
    }
    let bytes = limited(file, most).map_err(fault)?;
    if bytes.len() as u64 > most { Err(too_large()) } else { Ok(bytes) }
}

/// The same as text.
///
/// # Errors
/// As [`bytes()`], and `is not UTF-8 at byte …`.
pub fn text(path: &Path, most: u64) -> Result<String, String> {
    String::from_utf8(bytes(path, most)?)
        .map_err(|error| format!("is not UTF-8 at byte {}", error.utf8_error().valid_up_to()))
}

/// As much of what is open as may be there, and one byte more where there is more.
///
/// # Errors
/// The system's own.
pub fn limited(reader: impl Read, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Whether there is a plain file: neither a folder, nor a pipe that would be waited for.
#[must_use]
pub fn is_plain(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|kind| kind.is_file())
}

fn open(path: &Path) -> io::Result<File> {
    if is_own(path) {
        return File::open(path);
    }
    // Opening a named pipe waits for a writer unless told not to.
    OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path)
}

/// What the user's shell has opened for this process.
fn is_own(path: &Path) -> bool {
    path == Path::new("/dev/stdin")
        || path.starts_with("/dev/fd")
        || path.starts_with("/proc/self/fd")
}

fn size(bytes: u64) -> String {
    if bytes >= 1 << 30 { format!("{} GiB", bytes >> 30) } else { format!("{} MiB", bytes >> 20) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;
    use std::process::Command;

    #[test]
    fn only_a_plain_file_of_a_legal_size_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let says = |name: &str| text(&at(name), 1 << 20).unwrap_err();
        fs::write(at("good"), "x".repeat(1 << 20)).unwrap();
        symlink(at("good"), at("link")).unwrap();
        assert_eq!(text(&at("link"), 1 << 20).unwrap().len(), 1 << 20);
        fs::write(at("large"), "x".repeat((1 << 20) + 1)).unwrap();
        assert_eq!(says("large"), "is larger than 1 MiB");
        fs::write(at("latin"), b"ab\xff").unwrap();
        assert_eq!(says("latin"), "is not UTF-8 at byte 2");
        assert_eq!(says("."), "is a folder");
        assert!(says("nowhere").starts_with("can't be read: No such file"));
        // None of these is waited for, and none fills the memory.
        symlink("/dev/zero", at("endless")).unwrap();
        assert!(Command::new("mkfifo").arg(at("pipe")).status().unwrap().success());
        for name in ["endless", "pipe"] {
            assert_eq!(says(name), "is not a plain file");
            assert!(!is_plain(&at(name)));
        }
        assert!(is_plain(&at("link")) && !is_plain(folder.path()));
    }

    /// A size that the system does not tell beforehand is limited all the same.
    #[test]
    fn what_grows_while_it_is_read_is_limited() {
        assert_eq!(limited(io::repeat(7), 1_000).unwrap().len(), 1_001);
        let status = Path::new("/proc/self/status");
        assert_eq!(bytes(status, 8).unwrap_err(), "is larger than 0 MiB");
        assert!(bytes(status, 1 << 20).unwrap().len() > 100);
    }
}
