//! What a network does by itself: connects, greets, asks for metadata, and gives up.

use std::io;
use std::time::Instant;

use kafka_protocol::messages::ApiKey;
use mio::Token;

use super::super::answer::Answer;
use super::super::connection::Connection;
use super::super::link::{Link, LinkState};
use super::super::metadata::ClusterView;
use super::{LinkId, LostRequest, Network, NetworkEvent};

impl Network {
    /// Writes what is queued on a link, as far as its socket takes it.
    pub(crate) fn flush(&mut self, id: LinkId) {
        if let Err(error) = self.links[id.0].flush() {
            self.lose(id, &told(&error));
        }
    }

    /// Reads and writes where a socket has something to say.
    pub(super) fn serve(&mut self, id: LinkId, closes: bool, now: Instant) {
        let mut answers = std::mem::take(&mut self.answers);
        let served = self.links[id.0].serve(&self.settings, &mut answers, closes, now);
        if let Ok(true) = served {
            self.view.reachable(now);
            self.happened.push_back(NetworkEvent::Ready(id));
        }
        for answer in answers.drain(..) {
            if self.metadata_asked == Some((id, answer.id)) {
                self.metadata_asked = None;
                self.take_metadata(id, answer, now);
            } else {
                self.happened.push_back(NetworkEvent::Answer(id, answer));
            }
        }
        self.answers = answers;
        if let Err(error) = served {
            self.lose(id, &told(&error));
        }
    }

    fn take_metadata(&mut self, id: LinkId, answer: Answer, now: Instant) {
        match ClusterView::read(&answer) {
            Ok(response) => self.view.take(&response, now),
            Err(why) => {
                self.view.retry(now);
                return self.lose(id, &why);
            }
        }
        self.recycle(id, answer);
        let brokers: Vec<_> = self.view.brokers().clone().into_iter().collect();
        for (broker, address) in brokers {
            match self.by_broker.get(&broker).copied() {
                None => {
                    let link = self.add_link(Some(broker), address);
                    self.by_broker.insert(broker, link);
                }
                Some(link) if !self.links[link.0].is_at(&address) => {
                    self.lose(link, "it has moved to another address");
                    self.links[link.0].move_to(&address);
                }
                Some(_) => {}
            }
        }
        self.happened.push_back(NetworkEvent::Metadata);
    }

    /// Does what is due: connects, asks for metadata, gives up what took too long.
    pub(super) fn tend(&mut self, now: Instant) {
        if self.view.is_due(now) {
            self.ask_for_metadata(now);
        }
        for index in 0..self.links.len() {
            let link = &self.links[index];
            if link.deadline().is_none_or(|at| at > now) {
                continue;
            }
            match link.state {
                LinkState::Down(_) => {
                    let place = (self.poll.registry(), Token(index));
                    if let Err(error) = self.links[index].connect(&self.settings, place, now) {
                        self.lose(LinkId(index), &told(&error));
                    }
                }
                LinkState::Connecting(_) => {
                    self.lose(LinkId(index), "no connection in time");
                }
                LinkState::Greeting | LinkState::Ready => {
                    let awaited = link.connection.as_ref().map(Connection::awaited);
                    let late = awaited.and_then(|all| all.iter().min_by_key(|one| one.deadline));
                    let api = late.map_or(ApiKey::ApiVersions, |late| late.api);
                    self.lose(LinkId(index), &format!("no answer to {api:?} in time"));
                }
            }
        }
    }

    fn ask_for_metadata(&mut self, now: Instant) {
        let request = self.view.request();
        let deadline = now + self.settings.request_timeout;
        if let Some(link) = self.any_ready() {
            match self.send(link, &request, deadline) {
                Ok(id) => {
                    self.metadata_asked = Some((link, id));
                    self.view.asked();
                }
                Err(_) => self.view.retry(now),
            }
            // Who leads something is connected by whoever needs it.
            for link in self.links.iter_mut().filter(|link| link.broker.is_none()) {
                link.is_wanted = false;
            }
        } else {
            self.links.iter_mut().for_each(|link| link.is_wanted = true);
            self.view.retry(now);
        }
    }

    /// Gives a connection up.
    fn lose(&mut self, id: LinkId, why: &str) {
        let now = Instant::now();
        let link = &mut self.links[id.0];
        let why = format!("{}: {why}", link.who());
        let connection = link.close(self.poll.registry(), now);
        if self.metadata_asked.is_some_and(|(from, _)| from == id) {
            self.metadata_asked = None;
            self.view.retry(now);
        }
        // Who led from there may lead no more.
        self.view.refresh();
        let lost = connection.iter().flat_map(|connection| {
            connection.awaited().iter().map(|awaited| LostRequest {
                id: awaited.id,
                api: awaited.api,
                is_whole: connection.is_whole(awaited),
            })
        });
        let lost = lost.collect();
        self.happened.push_back(NetworkEvent::Lost(id, lost, why));
    }

    /// When [`Self::tend`] has something to do.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.links.iter().filter_map(Link::deadline).chain(self.view.next()).min()
    }
}

/// A socket's end in words.
fn told(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => "it closed the connection".to_owned(),
        _ => error.to_string(),
    }
}
