//! The thread of a group's member: it says that the member is there, however long the application
//! takes for its records, until it takes longer than `max.poll.interval.ms`.
//!
//! It has connections of its own. What happens to the member comes to the reader as news, in their
//! order; what the reader wants goes back as orders. Neither is more than a few a second.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use kafka_protocol::protocol::StrBytes;
use mio::Waker;

use super::group::{GroupClient, GroupNews, TopicShape};
use super::network::{LinkId, Network, NetworkEvent};
use super::notes::TargetNotes;
use crate::base::error::{Error, Result};

/// The longest sleep.
const NAP: Duration = Duration::from_secs(60);

/// What a reader wants of its member.
#[derive(Debug)]
enum GroupOrder {
    /// To commit what is wanted next.
    Commit(Vec<(i32, i64)>),
    /// What was to be given up is given up.
    GaveUp,
    /// To leave the group, and to end then, or at this time without an answer.
    Leave(Instant),
}

/// When the application polled last.
#[derive(Debug)]
struct PollClock {
    began: Instant,
    /// In ms since then; `u64::MAX` before the first time.
    polled_ms: AtomicU64,
    /// The member waits for a poll before it joins.
    waits: AtomicBool,
}

impl PollClock {
    fn new() -> Self {
        let (polled_ms, waits) = (AtomicU64::new(u64::MAX), AtomicBool::new(true));
        Self { began: Instant::now(), polled_ms, waits }
    }

    fn set(&self, now: Instant) {
        let ms = now.saturating_duration_since(self.began).as_millis();
        self.polled_ms.store(u64::try_from(ms).unwrap_or(u64::MAX - 1), Ordering::SeqCst);
    }

    fn get(&self) -> Option<Instant> {
        let ms = self.polled_ms.load(Ordering::SeqCst);
        (ms != u64::MAX).then(|| self.began + Duration::from_millis(ms))
    }
}

/// Whom the thread tells: its reader, and the reader's target.
#[derive(Debug)]
pub(crate) struct ReaderSide {
    /// Wakes the reader, for a piece of news.
    pub(crate) waker: Arc<Waker>,
    /// Why the reader makes no progress, and who it is.
    pub(crate) notes: TargetNotes,
}

/// A reader's side of the thread.
#[derive(Debug)]
pub(crate) struct GroupThread {
    /// With the number of losses that the reader knows of: what it wants is of no use after one
    /// that it does not know yet.
    orders: Sender<(u32, GroupOrder)>,
    news: Receiver<GroupNews>,
    losses: u32,
    is_committing: bool,
    clock: Arc<PollClock>,
    waker: Arc<Waker>,
    thread: Option<JoinHandle<()>>,
}

impl GroupThread {
    /// Starts the thread, whose member joins after the first poll.
    ///
    /// # Errors
    /// [`Error::Io`] where the system has no thread for it.
    pub(crate) fn start(
        network: Network,
        group: GroupClient,
        poll_interval_max: Duration,
        reader: ReaderSide,
    ) -> Result<Self> {
        let (orders, taken) = channel();
        let (told, news) = channel();
        let clock = Arc::new(PollClock::new());
        let waker = network.waker();
        let keeper = MemberKeeper {
            network,
            group,
            orders: taken,
            news: told,
            losses: 0,
            reader,
            clock: clock.clone(),
            poll_interval_max,
            noted: StrBytes::default(),
            is_over: false,
        };
        let thread = thread::Builder::new()
            .name("kbench-member".to_owned())
            .spawn(move || keeper.run())
            .map_err(|source| Error::io("starting a consumer's thread", source))?;
        let (losses, is_committing) = (0, false);
        Ok(Self { orders, news, losses, is_committing, clock, waker, thread: Some(thread) })
    }

    /// The application polls, or comes back from what it was given.
    pub(crate) fn polled(&self, now: Instant) {
        self.clock.set(now);
        if self.clock.waits.swap(false, Ordering::SeqCst) {
            let _ = self.waker.wake();
        }
    }

    /// The next piece of news, if there is one.
    pub(crate) fn next_news(&mut self) -> Option<GroupNews> {
        let news = match self.news.try_recv() {
            Ok(news) => news,
            Err(TryRecvError::Disconnected) if self.thread.is_some() => {
                GroupNews::Failed("the thread of a group's member has ended".to_owned())
            }
            Err(_) => return None,
        };
        match &news {
            GroupNews::LostAll => self.losses = self.losses.wrapping_add(1),
            GroupNews::Committed(_) | GroupNews::NotCommitted(_) => self.is_committing = false,
            _ => {}
        }
        Some(news)
    }

    /// Commits what is wanted next; false while a commit is under way.
    pub(crate) fn commit(&mut self, offsets: Vec<(i32, i64)>) -> bool {
        if self.is_committing {
            return false;
        }
        self.is_committing = true;
        self.order(GroupOrder::Commit(offsets));
        true
    }

    /// Whether a commit is under way.
    pub(crate) const fn is_committing(&self) -> bool {
        self.is_committing
    }

    /// What [`GroupNews::GiveUp`] named is given up.
    pub(crate) fn gave_up(&self) {
        self.order(GroupOrder::GaveUp);
    }

    /// Leaves the group, so that the others need not wait for the session to end, and ends the
    /// thread; at `deadline`, whatever the coordinator says.
    pub(crate) fn leave(&mut self, deadline: Instant) {
        self.order(GroupOrder::Leave(deadline));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }

    /// A thread that has ended says so by its news.
    fn order(&self, order: GroupOrder) {
        let _ = self.orders.send((self.losses, order));
        let _ = self.waker.wake();
    }
}

impl Drop for GroupThread {
    fn drop(&mut self) {
        if self.thread.is_some() {
            self.leave(Instant::now());
        }
    }
}

/// The thread's own.
#[derive(Debug)]
struct MemberKeeper {
    network: Network,
    group: GroupClient,
    orders: Receiver<(u32, GroupOrder)>,
    news: Sender<GroupNews>,
    losses: u32,
    reader: ReaderSide,
    clock: Arc<PollClock>,
    poll_interval_max: Duration,
    /// The last of its member's ids that it noted.
    noted: StrBytes,
    /// It can't go on, and waits for its end.
    is_over: bool,
}

impl MemberKeeper {
    fn run(mut self) {
        let deadline = loop {
            match self.turn() {
                Ok(None) => {}
                Ok(Some(deadline)) => break deadline,
                Err(error) => {
                    let _ = self.news.send(GroupNews::Failed(error.to_string()));
                    let _ = self.reader.waker.wake();
                    return;
                }
            }
        };
        if let Some(last) = self.group.leave(&mut self.network, Instant::now()) {
            self.await_answer(last, deadline);
        }
    }

    /// Does what is due and waits for what happens next; the time to end at once it is to leave.
    fn turn(&mut self) -> Result<Option<Instant>> {
        let now = Instant::now();
        while let Ok((losses, order)) = self.orders.try_recv() {
            match order {
                GroupOrder::Leave(deadline) => return Ok(Some(deadline)),
                GroupOrder::GaveUp if losses == self.losses => self.group.gave_up(now),
                GroupOrder::Commit(offsets) if losses == self.losses => self.group.commit(offsets),
                GroupOrder::Commit(_) => self.tell(GroupNews::NotCommitted(None)),
                GroupOrder::GaveUp => {}
            }
        }
        let next = self.tend(now);
        self.network.turn(next.min(now + NAP))?;
        let now = Instant::now();
        while let Some(event) = self.network.next_event() {
            self.take(event, now);
        }
        Ok(None)
    }

    /// When to look again.
    fn tend(&mut self, now: Instant) -> Instant {
        let given_up_at = self.clock.get().map(|polled| polled + self.poll_interval_max);
        if !self.clock.waits.load(Ordering::SeqCst) && given_up_at.is_none_or(|at| at <= now) {
            self.clock.waits.store(true, Ordering::SeqCst);
            self.group.leave(&mut self.network, now);
            self.reader.notes.complaint.set(Some(format!(
                "a worker took longer than max.poll.interval.ms ({} ms) for its records and left \
                 its group",
                self.poll_interval_max.as_millis()
            )));
        }
        let topic = self.topic();
        let waits = self.clock.waits.load(Ordering::SeqCst) || self.is_over;
        let may_ask = !waits && topic.partitions > 0;
        if may_ask {
            self.group.tend(&mut self.network, topic, now);
        }
        self.tell_news();
        let next = if may_ask { self.group.next(&self.network) } else { None };
        let given_up_at = given_up_at.filter(|at| *at > now);
        next.into_iter().chain(given_up_at).min().unwrap_or(now + NAP)
    }

    /// Without knowing the partitions a leader would share out none.
    fn topic(&self) -> TopicShape {
        let view = self.network.view();
        TopicShape { partitions: view.leaders().len(), id: view.topic_id() }
    }

    fn take(&mut self, event: NetworkEvent, now: Instant) {
        match event {
            NetworkEvent::Ready(_) => self.reader.notes.complaint.set(None),
            NetworkEvent::Metadata => {}
            NetworkEvent::Lost(link, lost, why) => {
                self.group.lost(link, &lost, now);
                self.reader.notes.complaint.set(Some(why));
            }
            NetworkEvent::Answer(link, answer) => {
                let topic = self.topic();
                self.group.take(&mut self.network, (link, &answer), topic, now);
                self.network.recycle(link, answer);
            }
        }
        self.tell_news();
    }

    fn tell_news(&mut self) {
        let id = self.group.member_id();
        if id != self.noted {
            self.reader.notes.members.note(&id);
            self.noted = id;
        }
        for news in self.group.take_news() {
            match &news {
                GroupNews::LostAll => self.losses = self.losses.wrapping_add(1),
                GroupNews::Gained(_) => self.reader.notes.complaint.set(None),
                GroupNews::Failed(_) => self.is_over = true,
                _ => {}
            }
            self.tell(news);
        }
    }

    fn tell(&self, news: GroupNews) {
        // A reader that is gone has no use for it.
        let _ = self.news.send(news);
        let _ = self.reader.waker.wake();
    }

    fn await_answer(&mut self, (link, id): (LinkId, i32), deadline: Instant) {
        while Instant::now() < deadline && self.network.turn(deadline).is_ok() {
            while let Some(event) = self.network.next_event() {
                match event {
                    NetworkEvent::Answer(from, answer) if (from, answer.id) == (link, id) => return,
                    NetworkEvent::Lost(from, ..) if from == link => return,
                    _ => {}
                }
            }
        }
    }
}
