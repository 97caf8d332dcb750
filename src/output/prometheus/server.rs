//! As much HTTP as a scrape needs. A web framework would bring more code than kbench has.
//!
//! Anybody who reaches the port may connect, say nothing, or say it a byte a second. All
//! connections are served at the same time, each for so long at most; where there are too many,
//! the one goes that has been saying nothing for longest. A scrape asks at once, and gets its
//! answer.

use std::collections::VecDeque;
use std::io::{Error as IoError, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio::task::{AbortHandle, yield_now};
use tokio::time::{sleep, timeout};

use super::metrics::Metrics;
use crate::base::error::{Error, Result};

/// Most time for a request to arrive as a whole.
const REQUEST: Duration = Duration::from_secs(2);

/// Most time for an answer to be taken.
const ANSWER: Duration = Duration::from_secs(5);

/// Longest request head that is read, in bytes.
const HEAD_MAX: usize = 16 * 1_024;

/// How much of a request that is too long is read and thrown away, in bytes: closing with
/// something unread would destroy the answer.
const REST_MAX: usize = 4 * 1_024 * 1_024;

/// Most connections at a time.
const CONNECTIONS_MAX: usize = 64;

/// What OpenMetrics text is called.
const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Answers scrapes until it is dropped.
#[derive(Debug)]
pub struct Exporter {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Exporter {
    /// Listens at the address, `127.0.0.1:9464` say; port 0 takes a free one. A port alone is one
    /// of 127.0.0.1: what others shall reach has to be said.
    ///
    /// # Errors
    /// [`Error::Usage`] in one line when it can't.
    pub fn start(address: &str, metrics: Arc<Metrics>) -> Result<Self> {
        let refuse = |error: IoError| {
            let expected = "expected an address of this host with a free port, as 127.0.0.1:9464";
            Error::usage(format!("--metrics-addr {address}: {error}; {expected}"))
        };
        let failed = |error| Error::io("starting the metrics thread", error);
        let listener = match address.parse() {
            Ok(port) => std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)),
            Err(_) => std::net::TcpListener::bind(address),
        };
        let listener = listener.map_err(refuse)?;
        listener.set_nonblocking(true).map_err(refuse)?;
        let address = listener.local_addr().map_err(refuse)?;
        let runtime = Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let (stop, stopped) = oneshot::channel();
        let run = move || {
            runtime.block_on(async {
                let Ok(listener) = TcpListener::from_std(listener) else {
                    return;
                };
                tokio::select! {
                    () = serve(&listener, &metrics) => {}
                    _ = stopped => {}
                }
            });
        };
        let thread = thread::Builder::new().name("metrics".to_owned()).spawn(run);
        Ok(Self { address, stop: Some(stop), thread: Some(thread.map_err(failed)?) })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it listens, and for whom.
    #[must_use]
    pub fn announcement(&self) -> String {
        let whom = if self.address.ip().is_loopback() {
            ""
        } else {
            "; everybody who reaches this host can read them"
        };
        format!("metrics at http://{}/metrics{whom}", self.address)
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A connection: its task, and whether its request has arrived.
#[derive(Debug)]
struct Guest {
    task: AbortHandle,
    has_asked: Arc<AtomicBool>,
}

async fn serve(listener: &TcpListener, metrics: &Arc<Metrics>) {
    let mut guests: VecDeque<Guest> = VecDeque::new();
    loop {
        let accepted = listener.accept().await;
        guests.retain(|guest| !guest.task.is_finished());
        if guests.len() >= CONNECTIONS_MAX || accepted.is_err() {
            let silent = guests.iter().position(|guest| !guest.has_asked.load(Ordering::Relaxed));
            if let Some(guest) = guests.remove(silent.unwrap_or(0)) {
                guest.task.abort();
            }
        }
        let Ok((stream, _)) = accepted else {
            // Out of file descriptors, mostly: the newcomer waits until one is free.
            sleep(Duration::from_millis(5)).await;
            continue;
        };
        let (metrics, has_asked) = (Arc::clone(metrics), Arc::<AtomicBool>::default());
        let asked = Arc::clone(&has_asked);
        // One scraper's broken connection is nothing to the run.
        let task = tokio::spawn(async move {
            let _ = answer(stream, &metrics, &asked).await;
        });
        guests.push_back(Guest { task: task.abort_handle(), has_asked });
        // So that a request which is there already is seen before room is made again.
        yield_now().await;
    }
}

/// What came instead of a request head.
#[derive(Debug)]
enum NoHead {
    TooLong,
    Broken(IoError),
}

/// Reads a request's head, to its end: closing with something unread would reset the connection.
async fn head(stream: &mut TcpStream) -> std::result::Result<Vec<u8>, NoHead> {
    let mut head = Vec::with_capacity(1_024);
    loop {
        let before = head.len().saturating_sub(3);
        match stream.read_buf(&mut head).await {
            // A client that has closed its side has said all that it wants to.
            Ok(0) => return Ok(head),
            Ok(_) => {}
            Err(error) => return Err(NoHead::Broken(error)),
        }
        let fresh = &head[before..];
        if fresh.windows(4).any(|end| end == b"\r\n\r\n") || fresh.windows(2).any(|e| e == b"\n\n")
        {
            return Ok(head);
        }
        if head.len() >= HEAD_MAX {
            return Err(NoHead::TooLong);
        }
    }
}

async fn answer(
    mut stream: TcpStream,
    metrics: &Arc<Metrics>,
    has_asked: &AtomicBool,
) -> std::io::Result<()> {
    let head = timeout(REQUEST, head(&mut stream)).await;
    let (status, kind, body, has_body) = match head {
        Err(_) => return Err(ErrorKind::TimedOut.into()),
        Ok(Err(NoHead::Broken(error))) => return Err(error),
        Ok(Err(NoHead::TooLong)) => {
            let body = format!("expected a request of at most {HEAD_MAX} bytes\n");
            ("431 Request Header Fields Too Large", "text/plain", body, true)
        }
        Ok(Ok(head)) => {
            let request =
                String::from_utf8_lossy(head.split(|byte| *byte == b'\n').next().unwrap_or(&[]));
            let mut words = request.split_whitespace();
            let (method, path) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
            let path = path.split('?').next().unwrap_or("");
            let (status, kind, body) = match (method, path) {
                ("GET" | "HEAD", "/metrics") => ("200 OK", CONTENT_TYPE, metrics.text()),
                ("GET" | "HEAD", _) => ("404 Not Found", "text/plain", "see /metrics\n".to_owned()),
                _ => ("405 Method Not Allowed", "text/plain", "GET /metrics\n".to_owned()),
            };
            (status, kind, body, method != "HEAD")
        }
    };
    has_asked.store(true, Ordering::Relaxed);
    let length = body.len();
    let mut text = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n"
    );
    if has_body {
        text.push_str(&body);
    }
    timeout(ANSWER, take_leave(stream, text.as_bytes())).await?
}

/// Writes the answer, and reads what is still on its way.
async fn take_leave(mut stream: TcpStream, answer: &[u8]) -> std::io::Result<()> {
    stream.write_all(answer).await?;
    stream.shutdown().await?;
    let (mut rest, mut bytes) = (vec![0; 4_096], 0);
    while bytes < REST_MAX {
        match stream.read(&mut rest).await? {
            0 => break,
            more => bytes += more,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpStream;
    use std::time::Instant;

    use super::*;

    fn start() -> Exporter {
        Exporter::start("127.0.0.1:0", Arc::default()).unwrap()
    }

    fn connect(exporter: &Exporter) -> TcpStream {
        let stream = TcpStream::connect(exporter.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }

    fn ask(exporter: &Exporter, request: &[u8]) -> std::io::Result<String> {
        let mut stream = connect(exporter);
        stream.write_all(request)?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).map(|_| answer)
    }

    /// Sooner than what waits for a guest who says nothing; a busy host takes a second by itself.
    const AT_ONCE: Duration = REQUEST.saturating_sub(Duration::from_millis(100));

    /// A scrape is answered, in full and at once.
    fn assert_answers(exporter: &Exporter) {
        let started = Instant::now();
        let answer = ask(exporter, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("# EOF\n"), "{answer}");
        assert!(started.elapsed() < AT_ONCE, "took {:?}", started.elapsed());
    }

    #[test]
    fn a_scrape_is_answered_among_any_number_of_idle_connections() {
        let exporter = start();
        let started = Instant::now();
        let mut idle: Vec<_> = (0..100).map(|_| connect(&exporter)).collect();
        assert_answers(&exporter);
        assert_answers(&exporter);
        // Those that came first had to go, before their time.
        assert_eq!(idle[0].read(&mut [0]).unwrap_or(0), 0);
        assert!(started.elapsed() < REQUEST, "took {:?}", started.elapsed());
    }

    #[test]
    fn a_request_a_byte_at_a_time_ends_in_time_and_holds_nobody_up() {
        let exporter = start();
        let mut slow = connect(&exporter);
        let started = Instant::now();
        let dripping = std::thread::spawn(move || {
            while slow.write_all(b"G").is_ok() && started.elapsed() < REQUEST * 5 {
                std::thread::sleep(Duration::from_millis(50));
            }
            started.elapsed()
        });
        let mut silent = connect(&exporter);
        assert_answers(&exporter);
        assert_eq!(silent.read(&mut [0]).unwrap_or(0), 0);
        let took = [dripping.join().unwrap(), started.elapsed()];
        assert!(took.iter().all(|took| (REQUEST..REQUEST * 2).contains(took)), "{took:?}");
    }

    #[test]
    fn a_request_line_without_end_is_refused_and_the_client_can_read_that() {
        let exporter = start();
        let line = [b"GET /".as_slice(), &vec![b'x'; 3 << 20], b" HTTP/1.1\r\n\r\n"].concat();
        let answer = ask(&exporter, &line).unwrap();
        assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
        assert_answers(&exporter);
    }

    #[test]
    fn who_does_not_read_the_answer_is_left_in_time_and_the_address_is_free_again() {
        let exporter = start();
        let address = exporter.address();
        let mut deaf = connect(&exporter);
        deaf.write_all(b"GET /metrics HTTP/1.1\r\n\r\n").unwrap();
        let idle = connect(&exporter);
        assert_answers(&exporter);
        let started = Instant::now();
        drop(exporter);
        assert!(started.elapsed() < AT_ONCE, "waits for its guests");
        assert!(TcpStream::connect(address).is_err());
        drop(idle);
    }

    #[test]
    fn a_port_alone_is_one_of_this_host_only() {
        let exporter = Exporter::start("0", Arc::default()).unwrap();
        assert!(exporter.address().ip().is_loopback());
        assert!(exporter.announcement().ends_with("/metrics"));
        assert_answers(&exporter);
        let open = Exporter::start("0.0.0.0:0", Arc::default()).unwrap();
        assert!(open.announcement().ends_with("; everybody who reaches this host can read them"));
    }
}
