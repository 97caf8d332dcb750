//! What the clients say of themselves: librdkafka's errors and the lines of its log that tell why
//! something fails. They are kept, so that whoever gives up says why; nothing of them goes to
//! stderr by itself.

use std::collections::BTreeSet;
use std::ffi::c_char;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::client::Client;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::producer::{DeliveryResult, ProducerContext};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{ClientContext, bindings as native};

/// Most different words that are kept; the oldest go first.
const KEPT: usize = 64;

/// Most of them that are quoted at once.
const QUOTED: usize = 2;

/// What was said longer ago explains nothing any more.
const FRESH: Duration = Duration::from_secs(30);

/// The facilities of librdkafka's log (the third column of its lines) that tell why a connection,
/// a session or a request came to nothing.
const TELLING: [&str; 9] =
    ["FAIL", "ERROR", "SESSTMOUT", "MAXPOLL", "REQTMOUT", "CONNECT", "SASL", "SSL", "BRKPIPE"];

/// What no waiting mends: the broker has understood, and refuses.
const REFUSALS: [RDKafkaErrorCode; 14] = [
    RDKafkaErrorCode::Authentication,
    RDKafkaErrorCode::ClusterAuthorizationFailed,
    RDKafkaErrorCode::GroupAuthorizationFailed,
    RDKafkaErrorCode::GroupMaxSizeReached,
    RDKafkaErrorCode::InconsistentGroupProtocol,
    RDKafkaErrorCode::InvalidGroupId,
    RDKafkaErrorCode::InvalidRecord,
    RDKafkaErrorCode::InvalidSessionTimeout,
    RDKafkaErrorCode::PolicyViolation,
    RDKafkaErrorCode::SaslAuthenticationFailed,
    RDKafkaErrorCode::TopicAuthorizationFailed,
    RDKafkaErrorCode::UnsupportedForMessageFormat,
    RDKafkaErrorCode::UnsupportedSASLMechanism,
    RDKafkaErrorCode::UnsupportedVersion,
];

/// What the clients of one run said, and who they are among the members of their groups.
#[derive(Debug, Clone, Default)]
pub struct ClientLog(Arc<ClientLogState>);

#[derive(Debug, Default)]
struct ClientLogState {
    said: Mutex<Vec<Saying>>,
    members: Mutex<BTreeSet<String>>,
}

/// The same words, whoever said them.
#[derive(Debug)]
struct Saying {
    words: String,
    clients: BTreeSet<Arc<str>>,
    code: Option<RDKafkaErrorCode>,
    last: Instant,
}

/// One client's way into the log.
#[derive(Debug, Clone)]
pub(super) struct Reporter {
    log: ClientLog,
    client: Arc<str>,
}

impl ClientLog {
    /// For the client of this name: an application, `the producer`, `the probe`.
    pub(super) fn reporter(&self, client: &str) -> Reporter {
        Reporter { log: self.clone(), client: client.into() }
    }

    fn note(&self, client: &Arc<str>, words: &str, code: Option<RDKafkaErrorCode>) {
        let words = tidy(words);
        if words.is_empty() {
            return;
        }
        let mut said = self.0.said.lock().unwrap_or_else(PoisonError::into_inner);
        let mut saying = match said.iter().position(|saying| saying.words == words) {
            Some(place) => said.remove(place),
            None => {
                let clients = BTreeSet::new();
                Saying { words: words.to_owned(), clients, code: None, last: Instant::now() }
            }
        };
        saying.clients.insert(client.clone());
        saying.code = code.or(saying.code);
        saying.last = Instant::now();
        if said.len() >= KEPT {
            said.remove(0);
        }
        said.push(saying);
    }

    /// The newest of what was said lately and explains most, in one line; `None` where nobody has
    /// complained.
    #[must_use]
    pub fn why(&self) -> Option<String> {
        let said = self.0.said.lock().unwrap_or_else(PoisonError::into_inner);
        let mut fresh: Vec<&Saying> =
            said.iter().rev().filter(|saying| saying.last.elapsed() < FRESH).collect();
        fresh.sort_by_key(|saying| saying.rank());
        let words: Vec<String> = fresh.into_iter().take(QUOTED).map(Saying::told).collect();
        (!words.is_empty()).then(|| words.join("; "))
    }

    /// What a broker refuses for good, in one line.
    #[must_use]
    pub fn refusal(&self) -> Option<String> {
        let said = self.0.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.iter().rfind(|saying| saying.is_refusal()).map(Saying::told)
    }

    /// Whether a member of a group is one of these clients.
    #[must_use]
    pub fn has_member(&self, id: &str) -> bool {
        self.0.members.lock().unwrap_or_else(PoisonError::into_inner).contains(id)
    }
}

impl Saying {
    fn is_refusal(&self) -> bool {
        self.code.is_some_and(|code| REFUSALS.contains(&code))
    }

    /// The lower, the more it explains.
    fn rank(&self) -> u8 {
        match self.code {
            _ if self.words.contains("Too many open files") => 0,
            _ if self.is_refusal() => 1,
            Some(RDKafkaErrorCode::AllBrokersDown) => 3,
            _ => 2,
        }
    }

    fn told(&self) -> String {
        let clients: Vec<&str> = self.clients.iter().map(|client| &**client).collect();
        format!("{}: {}", clients.join(", "), self.words)
    }
}

impl Reporter {
    /// Takes an error of the client's, with librdkafka's reason.
    pub(super) fn error(&self, error: &KafkaError, reason: &str) {
        let text = error.to_string();
        let words = if reason.is_empty() { &text } else { reason };
        self.log.note(&self.client, words, error.rdkafka_error_code());
    }

    /// Takes words of the caller's own.
    pub(super) fn words(&self, words: &str, code: Option<RDKafkaErrorCode>) {
        self.log.note(&self.client, words, code);
    }

    /// Takes a line of the client's log, if it tells why something failed.
    pub(super) fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        let is_grave = (level as i32) <= (RDKafkaLogLevel::Error as i32);
        if is_grave || TELLING.contains(&facility) {
            self.log.note(&self.client, line, None);
        }
    }

    /// Notes who this client is in its group, as the coordinator calls it.
    pub(super) fn member<C: ClientContext>(&self, client: &Client<C>) {
        // SAFETY: the client is alive; the text is ours, and given back below.
        let id = unsafe { native::rd_kafka_memberid(client.native_ptr()) };
        if id.is_null() {
            return;
        }
        // SAFETY: librdkafka ends it with a NUL.
        let text = unsafe { std::ffi::CStr::from_ptr(id) }.to_string_lossy().into_owned();
        // SAFETY: given back once, and not used after.
        unsafe { native::rd_kafka_mem_free(client.native_ptr(), id.cast()) };
        if !text.is_empty() {
            self.log.0.members.lock().unwrap_or_else(PoisonError::into_inner).insert(text);
        }
    }
}

/// Of a client whose calls give their errors to the caller.
impl ClientContext for Reporter {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        Self::log(self, level, facility, line);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        Self::error(self, &error, reason);
    }
}

impl ProducerContext for Reporter {
    type DeliveryOpaque = ();

    /// Of a probe.
    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, message)) = result {
            let words = format!("no record gets into partition {}: {error}", message.partition());
            self.words(&words, error.rdkafka_error_code());
        }
    }
}

/// The words without the thread before them and the state behind them, which differ each time
/// that the same is said.
fn tidy(line: &str) -> &str {
    let line = line.trim();
    let words = match line.strip_prefix("[thrd:") {
        Some(rest) => rest.split_once("]: ").map_or(line, |(_, words)| words),
        None => line,
    };
    words.rfind(" (after ").map_or(words, |at| &words[..at])
}

/// Lets nothing of a client's go to stderr by itself. Its log comes by a queue, and what serves
/// that queue without us (a client that closes) hands the lines to librdkafka's own printer.
pub(super) fn hush<C: ClientContext>(client: &Client<C>) {
    unsafe extern "C" fn nothing(
        _: *const native::rd_kafka_t,
        _: i32,
        _: *const c_char,
        _: *const c_char,
    ) {
    }
    // SAFETY: the client is alive, and the function does nothing.
    unsafe { native::rd_kafka_set_logger(client.native_ptr(), Some(nothing)) };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log_of(lines: &[(&str, &str, Option<RDKafkaErrorCode>)]) -> ClientLog {
        let log = ClientLog::default();
        for (client, words, code) in lines {
            log.reporter(client).words(words, *code);
        }
        log
    }

    #[test]
    fn the_same_words_are_kept_once_with_all_who_said_them() {
        let log = log_of(&[
            ("fraud", "[thrd:a:1/bootstrap]: a:1: refused (after 0ms in state CONNECT)", None),
            ("fraud", "a:1: refused (after 7ms in state CONNECT, 3 identical error(s))", None),
            ("dashboard", "a:1: refused", None),
        ]);
        assert_eq!(log.why().as_deref(), Some("dashboard, fraud: a:1: refused"));
        assert_eq!(ClientLog::default().why(), None);
    }

    #[test]
    fn what_explains_most_stands_first_and_then_the_newest() {
        let down = Some(RDKafkaErrorCode::AllBrokersDown);
        let refused = Some(RDKafkaErrorCode::InvalidSessionTimeout);
        let log = log_of(&[
            ("x", "JoinGroup failed: Broker: Invalid session timeout", refused),
            ("x", "old", None),
            ("x", "new", None),
            ("x", "1/1 brokers are down", down),
        ]);
        let refusal = "x: JoinGroup failed: Broker: Invalid session timeout";
        assert_eq!(log.why().unwrap(), format!("{refusal}; x: new"));
        assert_eq!(log.refusal().as_deref(), Some(refusal));
        log.reporter("y").words("Failed to create socket: Too many open files", None);
        assert!(log.why().unwrap().starts_with("y: Failed to create socket: Too many"));
        assert_eq!(log_of(&[("x", "1/1 brokers are down", down)]).refusal(), None);
    }

    #[test]
    fn no_more_is_kept_than_can_be_of_use() {
        let log = ClientLog::default();
        for number in 0..1_000 {
            log.reporter("x").words(&format!("line {number}"), None);
        }
        assert_eq!(log.0.said.lock().unwrap().len(), KEPT);
        assert_eq!(log.why().as_deref(), Some("x: line 999; x: line 998"));
    }

    #[test]
    fn of_the_log_only_what_tells_of_failures_is_kept() {
        let log = ClientLog::default();
        let reporter = log.reporter("x");
        reporter.log(RDKafkaLogLevel::Info, "GROUP", "joined");
        reporter.log(RDKafkaLogLevel::Warning, "CONFWARN", "no such thing");
        assert_eq!(log.why(), None);
        reporter.log(RDKafkaLogLevel::Info, "FAIL", "Disconnected");
        assert_eq!(log.why().as_deref(), Some("x: Disconnected"));
        reporter.log(RDKafkaLogLevel::Error, "WHATEVER", "worse");
        assert_eq!(log.why().as_deref(), Some("x: worse; x: Disconnected"));
    }

    /// Whatever serves a client's queues without us hands its log to a printer.
    #[test]
    fn what_serves_the_log_without_us_prints_nothing() {
        use rdkafka::consumer::{BaseConsumer, Consumer};
        use std::io::{Read, Seek};
        use std::os::fd::AsRawFd;
        let mut config = rdkafka::ClientConfig::new();
        config.set("bootstrap.servers", "127.0.0.1:1").set("client.id", "hushed");
        let consumer: BaseConsumer = config.create().unwrap();
        hush(consumer.client());
        assert!(consumer.fetch_metadata(None, Duration::from_millis(300)).is_err());
        let mut file = tempfile::tempfile().unwrap();
        // SAFETY: the descriptors are open; what stood in 2 is put back.
        unsafe {
            let stderr = libc::dup(2);
            libc::dup2(file.as_raw_fd(), 2);
            for _ in 0..20 {
                native::rd_kafka_poll(consumer.client().native_ptr(), 10);
            }
            libc::dup2(stderr, 2);
            libc::close(stderr);
        }
        let mut printed = String::new();
        file.rewind().unwrap();
        file.read_to_string(&mut printed).unwrap();
        assert!(!printed.contains("hushed"), "{printed}");
    }
}
