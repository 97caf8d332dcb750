//! The way to one broker: a connection that comes back, and what is spoken on it.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Instant;

use kafka_protocol::messages::ApiVersionsRequest;
use kafka_protocol::protocol::StrBytes;
use mio::{Interest, Registry, Token};

use super::answer::{Answer, FieldReader};
use super::backoff::Backoff;
use super::connection::Connection;
use super::metadata::BrokerAddress;
use super::settings::ConnectionSettings;
use super::versions::SpokenVersions;

/// The first version of `ApiVersions` with the client's name; an older broker answers it with
/// `UNSUPPORTED_VERSION` in the form of version 0.
const GREETING: i16 = 3;

/// `UNSUPPORTED_VERSION` of Kafka's protocol.
const UNSUPPORTED_VERSION: i16 = 35;

/// How far the way is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LinkState {
    /// No connection; not tried before this.
    Down(Instant),
    /// A connection is being made; given up then.
    Connecting(Instant),
    /// Connected, and asked what the broker speaks.
    Greeting,
    /// Requests may go.
    Ready,
}

/// The way to one broker.
#[derive(Debug)]
pub(super) struct Link {
    /// The broker's id; `None` for an address of the bootstrap list.
    pub(super) broker: Option<i32>,
    pub(super) state: LinkState,
    /// Whether somebody has something for it.
    pub(super) is_wanted: bool,
    /// The socket takes nothing more, and tells when it does.
    pub(super) is_blocked: bool,
    /// The broker asked for silence until then.
    pub(super) muted_until: Option<Instant>,
    pub(super) versions: SpokenVersions,
    pub(super) connection: Option<Connection>,
    /// What the connections before took.
    pub(super) written_before: u64,
    address: BrokerAddress,
    backoff: Backoff,
    /// Addresses of the host that are still to be tried, the next one last.
    untried: Vec<SocketAddr>,
}

impl Link {
    pub(super) fn new(broker: Option<i32>, address: BrokerAddress, backoff: Backoff) -> Self {
        Self {
            broker,
            state: LinkState::Down(Instant::now()),
            is_wanted: false,
            is_blocked: false,
            muted_until: None,
            versions: SpokenVersions::default(),
            connection: None,
            written_before: 0,
            address,
            backoff,
            untried: Vec::new(),
        }
    }

    /// Who it is, for people.
    pub(super) fn who(&self) -> String {
        let BrokerAddress { host, port } = &self.address;
        match self.broker {
            Some(id) => format!("broker {id} at {host}:{port}"),
            None => format!("{host}:{port}"),
        }
    }

    /// Whether the broker is said to be there.
    pub(super) fn is_at(&self, address: &BrokerAddress) -> bool {
        self.address == *address
    }

    /// The broker is somewhere else from now on.
    pub(super) fn move_to(&mut self, address: &BrokerAddress) {
        self.address = address.clone();
        self.untried.clear();
    }

    /// Begins to connect.
    ///
    /// # Errors
    /// The system's, where it refuses at once, or does not know the host.
    pub(super) fn connect(
        &mut self,
        settings: &ConnectionSettings,
        (registry, token): (&Registry, Token),
        now: Instant,
    ) -> io::Result<()> {
        if self.untried.is_empty() {
            let BrokerAddress { host, port } = &self.address;
            let found = (host.as_str(), *port).to_socket_addrs()?;
            self.untried = found.collect();
            self.untried.reverse();
        }
        let Some(address) = self.untried.pop() else {
            return Err(io::Error::new(io::ErrorKind::NotFound, "no such host"));
        };
        let client_id = Some(StrBytes::from_string(settings.client_id.clone()));
        let mut connection = Connection::connect(address, client_id, settings.answer_bytes_max)?;
        let both = Interest::READABLE | Interest::WRITABLE;
        registry.register(connection.stream(), token, both)?;
        self.connection = Some(connection);
        self.is_blocked = false;
        self.muted_until = None;
        self.state = LinkState::Connecting(now + settings.connect_timeout);
        Ok(())
    }

    /// The socket has something to say: reads and writes. Whole answers go to `answers`; true when
    /// the link has just become ready. The broker `closes` where the socket says so.
    ///
    /// # Errors
    /// Why the connection is lost.
    pub(super) fn serve(
        &mut self,
        settings: &ConnectionSettings,
        answers: &mut Vec<Answer>,
        closes: bool,
        now: Instant,
    ) -> io::Result<bool> {
        let Some(connection) = &mut self.connection else { return Ok(false) };
        if let LinkState::Connecting(_) = self.state {
            if !connection.is_connected()? {
                return Ok(false);
            }
            self.state = LinkState::Greeting;
            greet(connection, GREETING, now + settings.request_timeout)?;
        }
        self.is_blocked = !connection.write_some()?;
        let from = answers.len();
        connection.read_some(answers, closes)?;
        if self.state != LinkState::Greeting || answers.len() == from {
            return Ok(false);
        }
        let answer = answers.remove(from);
        self.greeted(&answer, now + settings.request_timeout)?;
        Ok(self.state == LinkState::Ready)
    }

    fn greeted(&mut self, answer: &Answer, deadline: Instant) -> io::Result<()> {
        let body = answer.body().unwrap_or_default();
        let foreign = |what: String| io::Error::new(io::ErrorKind::InvalidData, what);
        // Version 0 and 3 both begin with the error.
        let error = FieldReader::new(body, false).i16();
        match (error, &mut self.connection) {
            (Some(0), _) => {
                let spoken = SpokenVersions::read(body, answer.version);
                let cut = || foreign("its answer to ApiVersions is cut".to_owned());
                self.versions = spoken.ok_or_else(cut)?;
                self.state = LinkState::Ready;
                self.backoff.reset();
                self.untried.clear();
                Ok(())
            }
            (Some(UNSUPPORTED_VERSION), Some(connection)) if answer.version > 0 => {
                greet(connection, 0, deadline)?;
                self.is_blocked = !connection.write_some()?;
                Ok(())
            }
            (error, _) => {
                let code = error.unwrap_or(-1);
                Err(foreign(format!("it refuses to tell what it speaks: error {code}")))
            }
        }
    }

    /// Writes what is queued.
    ///
    /// # Errors
    /// Why the connection is lost.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        if let Some(connection) = &mut self.connection
            && self.state == LinkState::Ready
            && !self.is_blocked
        {
            self.is_blocked = !connection.write_some()?;
        }
        Ok(())
    }

    /// The connection is given up: it is gone when this returns, and comes back after a while, or
    /// at once by another address of the host.
    pub(super) fn close(&mut self, registry: &Registry, now: Instant) -> Option<Connection> {
        let was_connecting = matches!(self.state, LinkState::Connecting(_));
        let is_other_left = was_connecting && !self.untried.is_empty();
        let wait = if is_other_left { std::time::Duration::ZERO } else { self.backoff.next() };
        self.state = LinkState::Down(now + wait);
        let mut connection = self.connection.take()?;
        // Fails only where it was never registered.
        let _ = registry.deregister(connection.stream());
        self.written_before += connection.written();
        Some(connection)
    }

    /// When it gives up what it waits for, by itself.
    pub(super) fn deadline(&self) -> Option<Instant> {
        match self.state {
            LinkState::Connecting(until) => Some(until),
            LinkState::Down(at) => self.is_wanted.then_some(at),
            LinkState::Greeting | LinkState::Ready => {
                let awaited = self.connection.as_ref()?.awaited();
                awaited.iter().map(|request| request.deadline).min()
            }
        }
    }
}

fn greet(connection: &mut Connection, version: i16, deadline: Instant) -> io::Result<()> {
    let request = match version {
        0 => ApiVersionsRequest::default(),
        _ => ApiVersionsRequest::default()
            .with_client_software_name(StrBytes::from_static_str("kbench"))
            .with_client_software_version(StrBytes::from_static_str(env!("CARGO_PKG_VERSION"))),
    };
    connection.send(version, &request, deadline).map(|_| ())
}
