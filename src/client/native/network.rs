//! All connections of one client, its metadata, and the wait for whatever happens next, on one
//! thread.
//!
//! The wait is mio's: it is in the tree through tokio, wakes from other threads by its `Waker`, and
//! tells each readiness once, which saves a system call for each request over the re-arming that
//! `polling` needs.

mod upkeep;

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kafka_protocol::messages::ApiKey;
use kafka_protocol::protocol::Request;
use mio::{Events, Poll, Token, Waker};

use super::answer::Answer;
use super::backoff::Backoff;
use super::connection::Connection;
use super::link::{Link, LinkState};
use super::metadata::{BrokerAddress, ClusterView};
use super::settings::ConnectionSettings;
use crate::base::error::{Error, Result};
use crate::base::random::fresh;

/// The waker's token; links have their numbers.
const WAKER: Token = Token(usize::MAX);

/// How many sockets one wait tells of.
const EVENTS_AT_ONCE: usize = 256;

/// The way to one broker, by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct LinkId(usize);

#[cfg(test)]
impl LinkId {
    /// A link by its number.
    pub(super) const fn numbered(number: usize) -> Self {
        Self(number)
    }
}

/// A request that will have no answer: its connection is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LostRequest {
    /// Its correlation id.
    pub(crate) id: i32,
    /// What was asked.
    pub(crate) api: ApiKey,
    /// Whether all of it left for the socket; of less, no broker makes anything.
    pub(crate) is_whole: bool,
}

/// What happened on the network.
#[derive(Debug)]
pub(crate) enum NetworkEvent {
    /// Requests may go there now.
    #[cfg_attr(not(test), expect(dead_code, reason = "which one, only tests want to know"))]
    Ready(LinkId),
    /// A broker answered.
    Answer(LinkId, Answer),
    /// A connection is lost, or did not come about: what will have no answer, and why.
    Lost(LinkId, Vec<LostRequest>, String),
    /// The metadata were asked for and have come.
    Metadata,
}

/// All connections of one client.
#[derive(Debug)]
pub(crate) struct Network {
    settings: ConnectionSettings,
    poll: Poll,
    events: Events,
    waker: Arc<Waker>,
    links: Vec<Link>,
    by_broker: HashMap<i32, LinkId>,
    view: ClusterView,
    /// Which answer brings metadata.
    metadata_asked: Option<(LinkId, i32)>,
    happened: VecDeque<NetworkEvent>,
    answers: Vec<Answer>,
    seed: u64,
}

impl Network {
    /// Nothing is connected yet; [`Self::turn`] begins with the metadata of the topic.
    ///
    /// # Errors
    /// [`Error::Usage`] for an address that is none, [`Error::Io`] where the system has no poll.
    pub(crate) fn new(settings: ConnectionSettings, topic: &str) -> Result<Self> {
        let io = |source| Error::io("waiting for sockets", source);
        let poll = Poll::new().map_err(io)?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKER).map_err(io)?);
        let seed = fresh();
        let retry = Backoff::new(settings.retry_first, settings.retry_most, seed);
        let view = ClusterView::new(topic, settings.metadata_age, retry);
        let mut network = Self {
            poll,
            events: Events::with_capacity(EVENTS_AT_ONCE),
            waker,
            links: Vec::new(),
            by_broker: HashMap::new(),
            view,
            metadata_asked: None,
            happened: VecDeque::new(),
            answers: Vec::new(),
            seed,
            settings,
        };
        for address in network.settings.bootstrap.clone() {
            let address = parsed(&address).ok_or_else(|| {
                Error::usage(format!("bootstrap server {address:?}; expected host:port"))
            })?;
            network.add_link(None, address);
        }
        Ok(network)
    }

    fn add_link(&mut self, broker: Option<i32>, address: BrokerAddress) -> LinkId {
        let id = LinkId(self.links.len());
        let (first, most) = (self.settings.reconnect_first, self.settings.reconnect_most);
        let backoff = Backoff::new(first, most, self.seed.wrapping_add(1 + id.0 as u64));
        self.links.push(Link::new(broker, address, backoff));
        id
    }

    /// Wakes [`Self::turn`] from another thread.
    pub(crate) fn waker(&self) -> Arc<Waker> {
        self.waker.clone()
    }

    /// What is known of the cluster.
    pub(crate) fn view(&self) -> &ClusterView {
        &self.view
    }

    /// Metadata are to be asked for as soon as the back-off allows.
    pub(crate) fn refresh(&mut self) {
        self.view.refresh();
    }

    /// The way to a broker; `None` for one that the metadata don't name.
    pub(crate) fn link_of(&self, broker: i32) -> Option<LinkId> {
        self.by_broker.get(&broker).copied()
    }

    /// A way to a broker beside that of [`Self::link_of`], for questions whose answers may not wait
    /// behind others.
    pub(crate) fn link_beside(&mut self, broker: i32, host: &str, port: u16) -> LinkId {
        self.add_link(Some(broker), BrokerAddress { host: host.to_owned(), port })
    }

    /// A link is of no use any more: it stays closed once it is lost.
    pub(crate) fn abandon(&mut self, link: LinkId) {
        self.links[link.0].is_wanted = false;
    }

    /// Has a link connect, now and whenever it is lost.
    pub(crate) fn want(&mut self, link: LinkId) {
        self.links[link.0].is_wanted = true;
    }

    /// Whether requests may go there.
    pub(crate) fn is_ready(&self, link: LinkId) -> bool {
        self.links[link.0].state == LinkState::Ready
    }

    /// A link that is ready, if there is one: a broker's before one of the bootstrap list.
    pub(crate) fn any_ready(&self) -> Option<LinkId> {
        let ready = |broker: bool| {
            let mut links = self.links.iter();
            links.position(|link| link.state == LinkState::Ready && link.broker.is_some() == broker)
        };
        ready(true).or_else(|| ready(false)).map(LinkId)
    }

    /// Who a link leads to, for people.
    pub(crate) fn who(&self, link: LinkId) -> String {
        self.links[link.0].who()
    }

    /// The version of an API that is spoken there.
    ///
    /// # Errors
    /// What the broker lacks, and what was expected.
    pub(crate) fn version(&self, link: LinkId, api: ApiKey) -> Result<i16, String> {
        let link = &self.links[link.0];
        link.versions.choose(api, &link.who())
    }

    /// Until when the broker wants to hear nothing, if that is still to come (KIP-219).
    pub(crate) fn muted_until(&self, link: LinkId, now: Instant) -> Option<Instant> {
        self.links[link.0].muted_until.filter(|until| *until > now)
    }

    /// The broker asked for silence.
    pub(crate) fn mute(&mut self, link: LinkId, until: Instant) {
        let muted = &mut self.links[link.0].muted_until;
        *muted = (*muted).max(Some(until));
    }

    /// The connection of a link that is ready, to queue requests in pieces.
    pub(crate) fn connection(&mut self, link: LinkId) -> Option<&mut Connection> {
        let link = &mut self.links[link.0];
        if link.state == LinkState::Ready { link.connection.as_mut() } else { None }
    }

    /// Queues a request, in the version that is spoken there; gives its correlation id.
    ///
    /// # Errors
    /// Why it can't be asked there: the link is not ready, or the broker does not speak it.
    pub(crate) fn send<R: Request>(
        &mut self,
        link: LinkId,
        request: &R,
        deadline: Instant,
    ) -> Result<i32, String> {
        let api = ApiKey::try_from(R::KEY).map_err(|()| "no request of Kafka's".to_owned())?;
        let version = self.version(link, api)?;
        let who = self.who(link);
        let connection = self.connection(link).ok_or_else(|| format!("{who} is not connected"))?;
        connection.send(version, request, deadline).map_err(|error| format!("{who}: {error}"))
    }

    /// Takes the memory of an answer back.
    pub(crate) fn recycle(&mut self, link: LinkId, answer: Answer) {
        if let Some(connection) = &mut self.links[link.0].connection {
            connection.recycle(answer.into_bytes());
        }
    }

    /// Bytes that all sockets took so far.
    pub(crate) fn written(&self) -> u64 {
        let of = |link: &Link| {
            link.written_before + link.connection.as_ref().map_or(0, Connection::written)
        };
        self.links.iter().map(of).sum()
    }

    /// What happened, in order; `None` when there is nothing left.
    pub(crate) fn next_event(&mut self) -> Option<NetworkEvent> {
        self.happened.pop_front()
    }

    /// Writes what is queued, and waits for something to happen, a timer of its own, the waker, or
    /// `until`.
    ///
    /// # Errors
    /// [`Error::Io`] where the system's poll fails.
    pub(crate) fn turn(&mut self, until: Instant) -> Result<()> {
        self.tend(Instant::now());
        for index in 0..self.links.len() {
            self.flush(LinkId(index));
        }
        let now = Instant::now();
        let at = self.deadline().map_or(until, |at| at.min(until));
        let wait = if self.happened.is_empty() {
            at.saturating_duration_since(now)
        } else {
            Duration::ZERO
        };
        // mio rounds up to whole milliseconds, so that a timer is never looked at too early.
        match self.poll.poll(&mut self.events, Some(wait)) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                return Err(Error::io("waiting for sockets", error));
            }
            _ => {}
        }
        let now = Instant::now();
        let events = std::mem::replace(&mut self.events, Events::with_capacity(0));
        for event in events.iter().filter(|event| event.token() != WAKER) {
            let closes = event.is_read_closed() || event.is_error();
            self.serve(LinkId(event.token().0), closes, now);
        }
        self.events = events;
        self.tend(now);
        Ok(())
    }

    /// Asks and waits for the answer; what else happens meanwhile is kept.
    ///
    /// # Errors
    /// [`Error::Broker`] where it can't be asked, the connection is lost, or time is up.
    pub(crate) fn ask<R: Request>(
        &mut self,
        link: LinkId,
        request: &R,
        deadline: Instant,
    ) -> Result<Answer> {
        let id = self.send(link, request, deadline).map_err(Error::Broker)?;
        loop {
            let found = self.happened.iter().position(|event| match event {
                NetworkEvent::Answer(from, answer) => *from == link && answer.id == id,
                NetworkEvent::Lost(from, lost, _) => {
                    *from == link && lost.iter().any(|request| request.id == id)
                }
                _ => false,
            });
            match found.and_then(|index| self.happened.remove(index)) {
                Some(NetworkEvent::Answer(_, answer)) => return Ok(answer),
                Some(NetworkEvent::Lost(from, lost, why)) => {
                    let told = Error::Broker(why.clone());
                    self.happened.push_back(NetworkEvent::Lost(from, lost, why));
                    return Err(told);
                }
                _ => {}
            }
            // What was there before may not keep the wait short.
            let before = std::mem::take(&mut self.happened);
            let turned = self.turn(deadline);
            let new = std::mem::replace(&mut self.happened, before);
            self.happened.extend(new);
            turned?;
        }
    }
}

/// `host:port`, with brackets around an IPv6 address.
fn parsed(address: &str) -> Option<BrokerAddress> {
    let (host, port) = address.rsplit_once(':')?;
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let port = port.parse().ok().filter(|port| *port > 0)?;
    (!host.is_empty()).then(|| BrokerAddress { host: host.to_owned(), port })
}

#[cfg(test)]
mod tests;
