//! Questions that carry no load, one at a time: who leads, and where partitions end.
//!
//! They have connections of their own, which stay open between questions. What librdkafka's
//! administration does, it does here by the same settings as the load, without another library.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use kafka_protocol::error::ResponseError;

use super::complaint::words;
use super::list_offsets::{PartitionEnd, list_offsets_request, read_listed};
use super::network::{LinkId, Network, NetworkEvent};
use super::settings::ConnectionSettings;
use crate::base::error::{Error, Result};

/// Longest wait for where a partition ends, and for who leads it: a run that is over waits for it.
const ENDS: Duration = Duration::from_secs(3);

/// A pause before a leader that is still being found is asked for again.
const RETRY: Duration = Duration::from_millis(20);

/// Asks about one topic.
#[derive(Debug)]
pub(super) struct Administration {
    topic: String,
    network: Mutex<Network>,
}

impl Administration {
    /// Nobody is asked yet.
    ///
    /// # Errors
    /// As [`Network::new`].
    pub(super) fn new(settings: &ConnectionSettings, topic: &str) -> Result<Self> {
        let network = Mutex::new(Network::new(settings.clone(), topic)?);
        Ok(Self { topic: topic.to_owned(), network })
    }

    /// The leader of each partition, -1 where it has none; nothing where nobody answers.
    pub(super) fn leaders(&self) -> Vec<i32> {
        let mut network = self.network.lock().unwrap_or_else(PoisonError::into_inner);
        let looked = look(&mut network, Instant::now() + ENDS);
        let view = network.view();
        // What was known before says nothing of a topic that is not there any more.
        if looked.is_err() || view.fault().is_some() {
            return Vec::new();
        }
        view.leaders().iter().map(|leader| leader.broker.unwrap_or(-1)).collect()
    }

    /// Where each of so many partitions ends now, transactions that are under way included.
    ///
    /// # Errors
    /// [`Error::Broker`] when a leader does not answer in time.
    pub(super) fn ends(&self, partitions: usize) -> Result<Vec<i64>> {
        let mut network = self.network.lock().unwrap_or_else(PoisonError::into_inner);
        let deadline = Instant::now() + ENDS;
        let mut ends = vec![None; partitions];
        loop {
            let missing = ends.iter().position(Option::is_none);
            let Some(missing) = missing else { return Ok(ends.into_iter().flatten().collect()) };
            match self.ask_for_ends(&mut network, &mut ends, deadline) {
                Ok(None) => continue,
                Ok(Some(_)) if Instant::now() + RETRY < deadline => {}
                Ok(Some(why)) | Err(why) => {
                    let topic = &self.topic;
                    return Err(Error::Broker(format!(
                        "topic {topic}: partition {missing}: {why}"
                    )));
                }
            }
            let until = Instant::now() + RETRY;
            while Instant::now() < until {
                network.turn(until)?;
                forget(&mut network);
            }
        }
    }

    /// Asks the leader of the first partition whose end is missing for all that it leads. What no
    /// waiting is needed for is `None`, and a reason to ask once more a little later the other.
    fn ask_for_ends(
        &self,
        network: &mut Network,
        ends: &mut [Option<i64>],
        deadline: Instant,
    ) -> Result<Option<String>, String> {
        let leader = |network: &Network, partition: usize| {
            network.view().leaders().get(partition).and_then(|leader| leader.broker)
        };
        let Some(first) = ends.iter().position(Option::is_none) else { return Ok(None) };
        let Some(broker) = leader(network, first) else {
            look(network, deadline)?;
            let found = leader(network, first).is_some();
            let fault = network.view().fault().map(words);
            return Ok((!found).then(|| fault.unwrap_or_else(|| "it has no leader".to_owned())));
        };
        let wanted = (0..).zip(ends.iter()).zip(0..);
        let wanted = wanted.filter(|((partition, end), _)| {
            end.is_none() && leader(network, *partition) == Some(broker)
        });
        let wanted: Vec<i32> = wanted.map(|(_, partition)| partition).collect();
        let request =
            list_offsets_request(&self.topic, PartitionEnd::Last, false, wanted.into_iter());
        let link = connected(network, broker, deadline)?;
        let answer = match network.ask(link, &request, deadline) {
            Ok(answer) => answer,
            // Perhaps a broker has closed it in the long time since the last question.
            Err(error) => return Ok(Some(error.to_string())),
        };
        let mut fault = None;
        for (partition, error, offset) in read_listed(&answer)? {
            let place = usize::try_from(partition).ok().and_then(|it| ends.get_mut(it));
            match (place, ResponseError::try_from_code(error)) {
                (Some(end), None) => *end = Some(offset),
                (Some(_), Some(error)) if error.is_retriable() => fault = Some(words(error)),
                (Some(_), Some(error)) => return Err(words(error)),
                (None, _) => {}
            }
        }
        network.recycle(link, answer);
        if fault.is_some() {
            look(network, deadline)?;
        }
        Ok(fault)
    }
}

/// What happened before is of no use to the next question.
fn forget(network: &mut Network) {
    while network.next_event().is_some() {}
}

/// Has the metadata asked for, and waits for them.
fn look(network: &mut Network, deadline: Instant) -> Result<(), String> {
    forget(network);
    network.refresh();
    let mut why = None;
    loop {
        turn(network, deadline, &mut why)?;
        while let Some(event) = network.next_event() {
            match event {
                NetworkEvent::Metadata => return Ok(()),
                NetworkEvent::Lost(_, _, lost) => why = Some(lost),
                _ => {}
            }
        }
    }
}

/// The link to a broker, once requests may take it.
fn connected(network: &mut Network, broker: i32, deadline: Instant) -> Result<LinkId, String> {
    forget(network);
    let mut why = None;
    loop {
        if let Some(link) = network.link_of(broker) {
            network.want(link);
            if network.is_ready(link) {
                return Ok(link);
            }
        }
        turn(network, deadline, &mut why)?;
        while let Some(event) = network.next_event() {
            if let NetworkEvent::Lost(_, _, lost) = event {
                why = Some(lost);
            }
        }
    }
}

/// Waits for something to happen, and gives up at the deadline with what is in the way.
fn turn(network: &mut Network, deadline: Instant, why: &mut Option<String>) -> Result<(), String> {
    if Instant::now() >= deadline {
        let fault = || network.view().fault().map(words);
        return Err(why.take().or_else(fault).unwrap_or_else(|| "no answer in time".to_owned()));
    }
    network.turn(deadline).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests;
