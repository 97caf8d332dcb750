//! A real Chromium, driven over its own DevTools protocol through a pipe: no driver, no port.
//!
//! <https://chromedevtools.github.io/devtools-protocol/>: messages are JSON, each ended by a zero
//! byte; the browser reads descriptor 3 and writes descriptor 4.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use base64::Engine;
use serde_json::{Value, json};

/// Names under which Debian and others install it.
const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// The most time that one answer may take.
const ANSWER: Duration = Duration::from_secs(30);

/// Where it is, if it is installed.
pub fn installed() -> Option<&'static str> {
    let runs = |name: &&&str| {
        let mut command = Command::new(name);
        command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    NAMES.iter().find(runs).copied()
}

/// A browser with one page.
pub struct Browser {
    child: Child,
    to: File,
    from: Receiver<Value>,
    session: String,
    number: u64,
    /// What went wrong on the page, and what it asked the network for.
    pub complaints: Vec<String>,
    _profile: tempfile::TempDir,
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Browser {
    pub fn start(name: &str) -> Self {
        let profile = tempfile::tempdir().unwrap();
        let (their_in, to) = pipe();
        let (from, their_out) = pipe();
        let (read, write) = (their_in.as_raw_fd(), their_out.as_raw_fd());
        let mut command = Command::new(name);
        command
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"])
            .args(["--remote-debugging-pipe", "--no-first-run", "--disable-dev-shm-usage"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        // SAFETY: dup2 only, between fork and exec, on descriptors that are open then. The pair is
        // moved out of the way first, for one of them may be 3 or 4 itself.
        unsafe {
            command.pre_exec(move || {
                let (read, write) =
                    (libc::fcntl(read, libc::F_DUPFD, 10), libc::fcntl(write, libc::F_DUPFD, 10));
                if libc::dup2(read, 3) < 0 || libc::dup2(write, 4) < 0 {
                    return Err(std::io::Error::last_os_error());
                }
                Ok(())
            });
        }
        let child = command.spawn().unwrap();
        drop((their_in, their_out));
        let (send, receive) = channel();
        std::thread::spawn(move || {
            let mut from = BufReader::new(File::from(from));
            let mut bytes = Vec::new();
            while from.read_until(0, &mut bytes).is_ok_and(|count| count > 0) {
                bytes.pop();
                if let Ok(message) = serde_json::from_slice(&bytes)
                    && send.send(message).is_err()
                {
                    return;
                }
                bytes.clear();
            }
        });
        let mut browser = Self {
            child,
            to: File::from(to),
            from: receive,
            session: String::new(),
            number: 0,
            complaints: Vec::new(),
            _profile: profile,
        };
        let target = browser.ask("Target.createTarget", &json!({ "url": "about:blank" }));
        let target = target["targetId"].clone();
        let attached =
            browser.ask("Target.attachToTarget", &json!({ "targetId": target, "flatten": true }));
        browser.session = attached["sessionId"].as_str().unwrap().to_owned();
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.ask(&format!("{domain}.enable"), &json!({}));
        }
        browser
    }

    /// A command and its answer.
    pub fn ask(&mut self, method: &str, params: &Value) -> Value {
        self.number += 1;
        let number = self.number;
        let mut message = json!({ "id": number, "method": method, "params": params });
        if !self.session.is_empty() {
            message["sessionId"] = json!(self.session);
        }
        let mut bytes = serde_json::to_vec(&message).unwrap();
        bytes.push(0);
        self.to.write_all(&bytes).unwrap();
        let until = Instant::now() + ANSWER;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let answer = self.from.recv_timeout(left);
            let answer = answer.unwrap_or_else(|_| panic!("no answer to {method}"));
            if answer["id"] == json!(number) {
                assert!(answer["error"].is_null(), "{method}: {}", answer["error"]);
                return answer["result"].clone();
            }
            self.note(&answer);
        }
    }

    fn note(&mut self, event: &Value) {
        let params = &event["params"];
        match event["method"].as_str().unwrap_or("") {
            "Runtime.exceptionThrown" => {
                self.complaints.push(format!("exception: {}", params["exceptionDetails"]));
            }
            "Runtime.consoleAPICalled" if params["type"] == "error" => {
                self.complaints.push(format!("console: {}", params["args"]));
            }
            "Log.entryAdded" if params["entry"]["level"] == "error" => {
                self.complaints.push(format!("log: {}", params["entry"]["text"]));
            }
            "Network.requestWillBeSent" => {
                let url = params["request"]["url"].as_str().unwrap_or("");
                if !url.starts_with("file:") && !url.starts_with("data:") {
                    self.complaints.push(format!("asked the network for {url}"));
                }
            }
            _ => {}
        }
    }

    /// Opens a page as a window of this size would show it, and waits until its script is done.
    pub fn open(&mut self, page: &Path, width: u32, theme: &str) {
        let size = json!({ "width": width, "height": 900, "deviceScaleFactor": 1,
                           "mobile": width < 600 });
        self.ask("Emulation.setDeviceMetricsOverride", &size);
        let theme = json!({ "features": [{ "name": "prefers-color-scheme", "value": theme }] });
        self.ask("Emulation.setEmulatedMedia", &theme);
        self.eval("document.documentElement?.removeAttribute('data-ready')");
        self.ask("Page.navigate", &json!({ "url": format!("file://{}", page.display()) }));
        let began = Instant::now();
        // There is a moment with no document at all between two pages.
        while self.eval("document.documentElement?.dataset.ready || ''") != json!("true") {
            assert!(began.elapsed() < ANSWER, "{}: {:?}", page.display(), self.complaints);
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The value of an expression on the page.
    pub fn eval(&mut self, expression: &str) -> Value {
        let answer = self.ask(
            "Runtime.evaluate",
            &json!({ "expression": expression, "returnByValue": true,
                                              "awaitPromise": true }),
        );
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {answer}");
        answer["result"]["value"].clone()
    }

    /// Moves the mouse to a place of the window.
    pub fn hover(&mut self, x: f64, y: f64) {
        for step in 0..3 {
            let at = json!({ "type": "mouseMoved", "x": x + f64::from(step), "y": y });
            self.ask("Input.dispatchMouseEvent", &at);
        }
    }

    /// Lays the page out as on paper of A4, between its margins.
    pub fn lay_out_on_paper(&mut self) {
        let size = json!({ "width": 718, "height": 1000, "deviceScaleFactor": 1, "mobile": false });
        self.ask("Emulation.setDeviceMetricsOverride", &size);
        self.ask("Emulation.setEmulatedMedia", &json!({ "media": "print" }));
        self.eval("window.dispatchEvent(new Event('beforeprint'))");
    }

    /// Prints the page to a file.
    pub fn print(&mut self, file: &Path) {
        let a4 = json!({ "paperWidth": 8.27, "paperHeight": 11.69, "printBackground": false });
        let paper = self.ask("Page.printToPDF", &a4);
        let data = paper["data"].as_str().unwrap();
        std::fs::write(file, base64::engine::general_purpose::STANDARD.decode(data).unwrap())
            .unwrap();
    }

    /// A picture of the whole page.
    pub fn shoot(&mut self, file: &Path) {
        let all = json!({ "format": "png", "captureBeyondViewport": true });
        let shot = self.ask("Page.captureScreenshot", &all);
        let bytes = base64::engine::general_purpose::STANDARD
            .decode(shot["data"].as_str().unwrap())
            .unwrap();
        std::fs::write(file, bytes).unwrap();
    }
}

/// Both ends of a pipe that a child does not inherit by itself: what is read, what is written.
fn pipe() -> (OwnedFd, OwnedFd) {
    let mut ends = [0; 2];
    // SAFETY: the call fills an array of two, and both descriptors are ours alone.
    unsafe {
        assert_eq!(libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC), 0);
        (OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1]))
    }
}
