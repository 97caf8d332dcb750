//! A reader of a topic, as a member of a group.
//!
//! The worker's own thread reads, within [`Source::poll`]: no other thread is woken, and nothing is
//! locked, for a record. Its membership of the group is another thread's ([`GroupThread`]), a few
//! messages a second: so it stays a member while it works on what it was given.

use std::time::{Duration, Instant};

use kafka_protocol::error::ResponseError;

use super::assign::AssignmentStrategy;
use super::complaint::words;
use super::fetcher::Fetcher;
use super::group::{GroupClient, GroupNews, MemberSettings, PartitionSharing};
use super::group_thread::{GroupThread, ReaderSide};
use super::network::{Network, NetworkEvent};
use super::notes::TargetNotes;
use super::settings::{ConsumerSettings, NativeSettings};
use crate::base::error::{Error, Result};
use crate::event::Arrival;
use crate::event::codec::StampPlace;
use crate::measure::latency::Throttles;
use crate::workers::consume::{Membership, Source};

/// Longest wait for a commit before partitions are given up without it: their records then come
/// again to somebody else, who knows them.
const LAST_COMMIT: Duration = Duration::from_secs(10);

/// Longest wait for the answers to a last commit and to a good-bye.
const GOOD_BYE: Duration = Duration::from_secs(1);

/// Partitions that are given up as soon as their offsets are committed.
#[derive(Debug)]
struct GivingUp {
    partitions: Vec<i32>,
    until: Instant,
}

/// One member of a group, reading one topic.
#[allow(missing_debug_implementations, reason = "holds the codecs' own state")]
pub struct NativeSource {
    network: Network,
    group: GroupThread,
    fetcher: Fetcher,
    membership: Membership,
    stamp_place: StampPlace,
    settings: NativeSettings<ConsumerSettings>,
    giving_up: Option<GivingUp>,
    commit_at: Instant,
    /// What the coordinator said against the last commit.
    refusal: Option<ResponseError>,
    notes: TargetNotes,
}

impl NativeSource {
    /// A member of `group` that reads a topic, whose events have their stamps in that place; it
    /// joins when it is polled first. It complains, and notes who it is, where others of its
    /// target do.
    ///
    /// # Errors
    /// [`Error::Usage`] for what this client does not support, [`Error::Io`] where the system has
    /// no thread or no poll for it.
    pub(super) fn new(
        settings: NativeSettings<ConsumerSettings>,
        (topic, stamp_place): (&str, StampPlace),
        group: &str,
        notes: &TargetNotes,
    ) -> Result<Self> {
        let (own, connection) = (&settings.own, &settings.connection);
        let sharing = if own.is_broker_assigned {
            PartitionSharing::ByBroker(own.assignor.clone())
        } else {
            PartitionSharing::ByLeader(strategies(&own.strategies)?)
        };
        let member = MemberSettings {
            group: group.to_owned(),
            topic: topic.to_owned(),
            instance_id: own.instance_id.clone(),
            session_timeout: own.session_timeout,
            rebalance_timeout: own.poll_interval_max,
            heartbeat_interval: own.heartbeat_interval,
            retry: connection.retry_first,
            rack: own.rack.clone(),
        };
        let (timeout, now) = (connection.request_timeout, Instant::now());
        let network = Network::new(connection.clone(), topic)?;
        let reader = ReaderSide { waker: network.waker(), notes: notes.clone() };
        let group = GroupClient::new(member, sharing, (own.reads_committed, timeout), now);
        let beside = Network::new(connection.clone(), topic)?;
        Ok(Self {
            network,
            group: GroupThread::start(beside, group, own.poll_interval_max, reader)?,
            fetcher: Fetcher::new(topic, own.clone(), (timeout, connection.retry_first)),
            membership: Membership::default(),
            stamp_place,
            giving_up: None,
            commit_at: now + own.commit_interval,
            refusal: None,
            notes: notes.clone(),
            settings,
        })
    }

    /// Why it makes no progress, in one line, if it does not.
    #[cfg(test)]
    pub(super) fn why(&self) -> Option<String> {
        self.notes.complaint.get()
    }

    fn read_on(
        &mut self,
        max: usize,
        wait: Duration,
        each: &mut dyn FnMut(&Arrival<'_>),
    ) -> Result<usize> {
        let now = Instant::now();
        self.group.polled(now);
        let deadline = now + wait;
        let header = self.stamp_place.header();
        // The network first: what is asked now arrives while the records are worked on.
        let mut until = if self.fetcher.has_records() { Instant::now() } else { deadline };
        loop {
            self.turn(until)?;
            let count = self.fetcher.hand_out(&mut self.network, header, max, each)?;
            if let Some(trouble) = self.fetcher.trouble.take() {
                self.notes.complaint.set(Some(trouble));
            }
            let now = Instant::now();
            if count > 0 || now >= deadline {
                self.group.polled(now);
                return Ok(count);
            }
            until = deadline;
        }
    }

    /// Does what is due, and waits for something to happen until then at the latest.
    fn turn(&mut self, until: Instant) -> Result<()> {
        let now = Instant::now();
        self.tend(now)?;
        let timers = [self.fetcher.next(now), self.next_commit()];
        let at = timers.into_iter().flatten().min().map_or(until, |at| at.min(until));
        self.network.turn(at)?;
        let now = Instant::now();
        while let Some(event) = self.network.next_event() {
            self.take(event, now)?;
        }
        self.tend(now)
    }

    fn tend(&mut self, now: Instant) -> Result<()> {
        self.take_news(now)?;
        self.give_up(now);
        if self.next_commit().is_some_and(|at| at <= now) {
            self.commit_at = now + self.settings.own.commit_interval;
            self.begin_commit();
        }
        self.fetcher.tend(&mut self.network, now)
    }

    fn next_commit(&self) -> Option<Instant> {
        self.settings.own.commits.then_some(self.commit_at)
    }

    /// Commits what is processed, unless a commit is under way; false where nothing was asked.
    fn begin_commit(&mut self) -> bool {
        let offsets = self.fetcher.places.uncommitted(None);
        !offsets.is_empty() && self.group.commit(offsets)
    }

    fn take(&mut self, event: NetworkEvent, now: Instant) -> Result<()> {
        match event {
            NetworkEvent::Ready(_) => self.notes.complaint.set(None),
            NetworkEvent::Metadata => {
                let fault = self.network.view().fault();
                self.notes.complaint.set(fault.map(|fault| format!("the topic: {}", words(fault))));
            }
            NetworkEvent::Lost(link, lost, why) => {
                self.fetcher.lost(link, &lost, now);
                self.notes.complaint.set(Some(why));
            }
            NetworkEvent::Answer(link, answer) => {
                let left = self.fetcher.take(&mut self.network, link, answer, now)?;
                if let Some(answer) = left {
                    self.network.recycle(link, answer);
                }
            }
        }
        Ok(())
    }

    fn take_news(&mut self, now: Instant) -> Result<()> {
        while let Some(news) = self.group.next_news() {
            match news {
                GroupNews::Gained(partitions) => {
                    self.fetcher.places.gain(&partitions, now);
                    self.membership.gained(partitions.len());
                }
                GroupNews::Offsets(offsets) => self.fetcher.place(&offsets)?,
                GroupNews::GiveUp(partitions) => {
                    self.fetcher.places.leave(&partitions);
                    self.refusal = None;
                    self.giving_up = Some(GivingUp { partitions, until: now + LAST_COMMIT });
                }
                GroupNews::LostAll => {
                    self.fetcher.places.give_up_all();
                    self.giving_up = None;
                    self.membership.lost(usize::MAX);
                }
                GroupNews::Committed(offsets) => {
                    self.refusal = None;
                    self.fetcher.places.committed(&offsets);
                }
                GroupNews::NotCommitted(error) => self.refusal = error,
                GroupNews::Failed(why) => return Err(Error::Broker(why)),
            }
        }
        Ok(())
    }

    /// Gives partitions up once what was processed of them is committed, or can't be.
    fn give_up(&mut self, now: Instant) {
        let Some(giving_up) = &self.giving_up else { return };
        if self.settings.own.commits && giving_up.until > now && !self.is_refused_for_good() {
            if self.group.is_committing() {
                return;
            }
            let offsets = self.fetcher.places.uncommitted(Some(&giving_up.partitions));
            if !offsets.is_empty() {
                self.group.commit(offsets);
                return;
            }
        }
        let partitions = self.giving_up.take().map(|it| it.partitions).unwrap_or_default();
        self.fetcher.places.give_up(&partitions);
        self.membership.lost(partitions.len());
        self.group.gave_up();
    }

    fn is_refused_for_good(&self) -> bool {
        self.refusal.is_some_and(|error| !error.is_retriable())
    }

    /// Commits all that was processed, and waits for that.
    fn commit_until(&mut self, deadline: Instant) -> Result<()> {
        self.refusal = None;
        loop {
            let now = Instant::now();
            if !self.group.is_committing() && !self.begin_commit() {
                // What is not had any more is somebody else's to commit.
                if self.fetcher.places.uncommitted(None).is_empty() {
                    return Ok(());
                }
            }
            let refusal = self.refusal.filter(|error| {
                // Everything is tried again behind a rebalance.
                !error.is_retriable() && *error != ResponseError::RebalanceInProgress
            });
            let why = match refusal {
                Some(error) => error.to_string(),
                None if now >= deadline => "no answer in time".to_owned(),
                None => {
                    self.turn(deadline.min(now + self.settings.connection.retry_first))?;
                    continue;
                }
            };
            return Err(Error::Broker(format!("committing what was read: {why}")));
        }
    }
}

/// The strategies of that name.
fn strategies(names: &[String]) -> Result<Vec<AssignmentStrategy>> {
    let strategy = |name: &String| {
        AssignmentStrategy::named(name).ok_or_else(|| {
            Error::usage(format!(
                "kafka.consumer: partition.assignment.strategy: {name:?} is not a strategy of \
                 the native client; expected range, roundrobin or cooperative-sticky"
            ))
        })
    };
    let strategies = names.iter().map(strategy).collect::<Result<Vec<_>>>()?;
    let cooperative = strategies.iter().filter(|strategy| strategy.is_cooperative()).count();
    if strategies.is_empty() || (cooperative > 0 && cooperative < strategies.len()) {
        return Err(Error::usage(
            "kafka.consumer: partition.assignment.strategy: expected strategies that are all \
             eager (range, roundrobin) or all cooperative (cooperative-sticky)",
        ));
    }
    Ok(strategies)
}

impl Source for NativeSource {
    fn poll(
        &mut self,
        max: usize,
        wait: Duration,
        each: &mut dyn FnMut(&Arrival<'_>),
    ) -> Result<usize> {
        let polled = self.read_on(max, wait, each);
        if let Err(error) = &polled {
            // None of them passes: what does is tried again, and not told of by an error.
            self.notes.complaint.refuse(error.to_string());
        }
        polled
    }

    fn commit(&mut self) -> Result<()> {
        self.commit_until(Instant::now() + self.settings.connection.request_timeout)
    }

    fn throttles(&self, now_ns: u64) -> Option<Throttles> {
        let mut throttles = Throttles::default();
        for (at, pause) in &self.fetcher.throttled {
            let ns = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
            // The broker asked at that moment for a pause that follows.
            let asked_ns = now_ns.saturating_sub(ns(at.elapsed()));
            throttles.note(asked_ns, 0, ns(*pause), ns(*pause));
        }
        Some(throttles)
    }

    fn membership(&self) -> &Membership {
        &self.membership
    }
}

impl Drop for NativeSource {
    /// Leaves the group, so that the others take over at once.
    fn drop(&mut self) {
        let deadline = Instant::now() + GOOD_BYE;
        if self.settings.own.commits {
            // What can't be committed comes again to somebody else.
            let _ = self.commit_until(deadline);
        }
        self.group.leave(deadline);
    }
}

#[cfg(test)]
mod tests;
