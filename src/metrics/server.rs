//! As much HTTP as a scrape needs. A web framework would bring more code than kbench has.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::Metrics;
use crate::error::{Error, Result};

/// Most time for one request: a scraper that hangs must not keep the next one out.
const REQUEST: Duration = Duration::from_secs(2);

/// Longest request head that is read, in bytes.
const HEAD_MAX: u64 = 16 * 1024;

/// What OpenMetrics text is called.
const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Answers scrapes until it is dropped.
#[derive(Debug)]
pub struct Exporter {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Exporter {
    /// Listens at the address, `127.0.0.1:9464` say; port 0 takes a free one.
    ///
    /// # Errors
    /// [`Error::Usage`] in one line when it can't.
    pub fn start(address: &str, metrics: Arc<Metrics>) -> Result<Self> {
        let refuse = |error: std::io::Error| {
            let expected = "expected an address of this host with a free port, as 127.0.0.1:9464";
            Error::usage(format!("--metrics-addr {address}: {error}; {expected}"))
        };
        let listener = TcpListener::bind(address).map_err(refuse)?;
        let address = listener.local_addr().map_err(refuse)?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let serve = move || {
            for connection in listener.incoming() {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                // One scraper's broken connection is nothing to the run.
                let _ = connection.and_then(|stream| answer(stream, &metrics));
            }
        };
        let thread = thread::Builder::new().name("metrics".to_owned()).spawn(serve);
        let thread = thread.map_err(|error| Error::io("starting the metrics thread", error))?;
        Ok(Self { address, stop, thread: Some(thread) })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // Wakes the thread, which waits for a connection.
        let woken = TcpStream::connect_timeout(&self.address, REQUEST);
        if let (Ok(_), Some(thread)) = (woken, self.thread.take()) {
            let _ = thread.join();
        }
    }
}

fn answer(mut stream: TcpStream, metrics: &Arc<Metrics>) -> std::io::Result<()> {
    stream.set_read_timeout(Some(REQUEST))?;
    stream.set_write_timeout(Some(REQUEST))?;
    let mut head = BufReader::new(stream.try_clone()?.take(HEAD_MAX));
    let mut request = String::new();
    head.read_line(&mut request)?;
    let mut line = String::new();
    // To its end: closing with something unread would reset the connection.
    while head.read_line(&mut line)? > 2 {
        line.clear();
    }
    let mut words = request.split_whitespace();
    let (method, path) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
    let path = path.split('?').next().unwrap_or("");
    let (status, kind, body) = match (method, path) {
        ("GET" | "HEAD", "/metrics") => ("200 OK", CONTENT_TYPE, metrics.text()),
        ("GET" | "HEAD", _) => ("404 Not Found", "text/plain", "see /metrics\n".to_owned()),
        _ => ("405 Method Not Allowed", "text/plain", "GET /metrics\n".to_owned()),
    };
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes())?;
    if method != "HEAD" {
        stream.write_all(body.as_bytes())?;
    }
    stream.flush()
}
