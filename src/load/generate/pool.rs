//! The sessions that are alive in a shard, and whose turn it is.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::queue::Queue;
use super::session::Session;
use super::tempo::{Residual, UnderWay};
use crate::base::huge_pages::prefetch;
use crate::base::random::Random;

/// Bits of a queue entry that hold the session's place; the rest is the time.
const PLACE_BITS: u32 = 24;
/// The place of a session that is under way and was not seen yet.
const UNSEEN: u32 = (1 << PLACE_BITS) - 1;
/// Most sessions of a shard.
pub(super) const SESSIONS_MAX: u64 = UNSEEN as u64 - 1;
/// Times in the queue count in units of 2^14 ns (16 µs), which lasts for 200 days.
const TICK_BITS: u32 = 14;
/// The sessions' clock is set back before it comes to its end.
const CLOCK_MAX_NS: u64 = 1 << 53;
/// As many as this at once are opened as a group, and not one by one.
const GROUP_MIN: u64 = 4_096;
/// So many turns before its own a session is brought into the cache.
const AHEAD: usize = 4;
/// Most sessions that are closed before one event.
const CLOSED_MAX: u64 = 1_024;

/// Whose turn it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PoolTurn {
    /// That of a session.
    Of(u32),
    /// That of somebody who is under way, and has to be made up.
    OfUnseen,
}

/// Sessions by place, and the queues of those that have a next event.
#[derive(Debug, Clone)]
pub(super) struct Pool {
    sessions: Vec<Session>,
    free: Vec<u32>,
    /// The sessions' clock, in ns.
    clock_ns: u64,
    /// By the time of their next event on the sessions' clock, packed with their place.
    queue: Queue,
    /// How many of the queue have no session yet.
    unseen: u64,
    /// How many of the queue are no more: of those with a session, and of those without.
    closed: u64,
    closed_unseen: u64,
    /// Those who are under way and not in the queue.
    groups: Vec<UnderWay>,
    /// What is left of a pause of those who are under way.
    residual: Residual,
    /// Sessions that are still to be closed.
    to_close: u64,
    /// Planted sessions by the time of their next event on the schedule's clock: nobody hurries
    /// them.
    planted: BinaryHeap<Reverse<u64>>,
}

impl Pool {
    /// Without anybody.
    pub(super) fn new(residual: Residual) -> Self {
        Self {
            sessions: Vec::new(),
            free: Vec::new(),
            clock_ns: 0,
            queue: Queue::new(),
            unseen: 0,
            closed: 0,
            closed_unseen: 0,
            groups: Vec::new(),
            residual,
            to_close: 0,
            planted: BinaryHeap::new(),
        }
    }

    /// A session by its place.
    #[inline]
    pub(super) fn session(&self, place: u32) -> &Session {
        &self.sessions[place as usize]
    }

    /// A session by its place.
    #[inline]
    pub(super) fn session_mut(&mut self, place: u32) -> &mut Session {
        &mut self.sessions[place as usize]
    }

    /// How many sessions have a next event on the sessions' clock, seen or not.
    pub(super) fn alive(&self) -> u64 {
        let groups: u64 = self.groups.iter().map(UnderWay::left).sum();
        self.queue.len() as u64 - self.closed - self.closed_unseen + groups
    }

    /// How many sessions that were seen have a next event, planted ones too.
    pub(super) fn seen(&self) -> usize {
        self.queue.len() + self.planted.len() - (self.closed + self.unseen) as usize
    }

    /// Gives a session a place.
    pub(super) fn settle(&mut self, session: Session) -> u32 {
        match self.free.pop() {
            Some(place) => {
                self.sessions[place as usize] = session;
                place
            }
            None => {
                if self.sessions.len() == self.sessions.capacity() {
                    self.sessions.reserve_exact(more(self.sessions.len()));
                }
                self.sessions.push(session);
                self.sessions.len() as u32 - 1
            }
        }
    }

    /// Lets the place of a session that has no next event be another's.
    pub(super) fn clear(&mut self, place: u32) {
        self.free.push(place);
    }

    /// The planted session that is due on the schedule's clock, if there is one.
    #[inline]
    pub(super) fn planted_due(&self, due_ns: u64) -> Option<u32> {
        let Reverse(entry) = *self.planted.peek()?;
        (entry >> PLACE_BITS <= due_ns >> TICK_BITS).then(|| place_of(entry))
    }

    /// Sets a planted session's next event on the schedule's clock.
    pub(super) fn plan_planted(&mut self, place: u32, at_ns: u64) {
        let entry = Reverse(pack(at_ns, place));
        if let Some(mut top) = self.planted.peek_mut()
            && place_of(top.0) == place
        {
            *top = entry;
            return;
        }
        self.planted.push(entry);
    }

    /// Ends a planted session, if it is the one that was due.
    pub(super) fn end_planted(&mut self, place: u32) {
        if self.planted.peek().is_some_and(|top| place_of(top.0) == place) {
            self.planted.pop();
        }
    }

    /// Whose pause is over first, taken out of the queue; the sessions' clock goes there. `None`
    /// where nobody is alive.
    #[inline]
    pub(super) fn turn(&mut self, random: &mut Random) -> Option<PoolTurn> {
        loop {
            let group = self.groups.iter().enumerate().min_by_key(|(_, group)| group.next_ns());
            let group = group.map(|(which, group)| (which, group.next_ns()));
            let until = group.map_or(u64::MAX, |(_, at_ns)| pack(at_ns, UNSEEN));
            let top = self.queue.first_until(until);
            if let Some((which, at_ns)) = group
                && top.is_none_or(|entry| at_ns >> TICK_BITS < entry >> PLACE_BITS)
            {
                self.take_from(which, random);
                self.go_to(at_ns);
                return Some(PoolTurn::OfUnseen);
            }
            let entry = top?;
            self.queue.pop();
            if let Some(next) = self.queue.ahead(AHEAD) {
                self.prefetch(next);
            }
            let place = place_of(entry);
            if place == UNSEEN {
                let is_closed = random.below(self.unseen) < self.closed_unseen;
                self.unseen -= 1;
                if !is_closed {
                    self.go_to(entry >> PLACE_BITS << TICK_BITS);
                    return Some(PoolTurn::OfUnseen);
                }
                self.closed_unseen -= 1;
            } else if std::mem::take(&mut self.sessions[place as usize].is_queued) {
                self.go_to(entry >> PLACE_BITS << TICK_BITS);
                return Some(PoolTurn::Of(place));
            } else {
                self.closed -= 1;
                self.free.push(place);
            }
        }
    }

    /// Sets a session's next event, a pause of the sessions' clock from now.
    #[inline]
    pub(super) fn pause(&mut self, place: u32, pause_ns: u64) {
        self.queue.push(pack(self.clock_ns.saturating_add(pause_ns), place));
        self.sessions[place as usize].is_queued = true;
    }

    /// Opens so many sessions that are under way (above 0), or closes as many (below). `leave` gets
    /// those that were seen.
    pub(super) fn change(&mut self, by: i64, random: &mut Random, mut leave: impl FnMut(&Session)) {
        let count = by.unsigned_abs();
        if by < 0 {
            self.to_close += count;
        }
        // Those who would come are the first who don't.
        let opens = if by > 0 { count.saturating_sub(self.to_close) } else { 0 };
        if by > 0 {
            self.to_close -= count - opens;
        }
        if opens >= GROUP_MIN {
            self.groups.push(UnderWay::new(opens, self.clock_ns, &self.residual, random));
        } else {
            for _ in 0..opens {
                let left_ns = self.residual.at(random.unit()) as u64;
                self.queue.push(pack(self.clock_ns.saturating_add(left_ns), UNSEEN));
            }
            self.unseen += opens;
        }
        for _ in 0..self.to_close.min(CLOSED_MAX) {
            if !self.close_one(random, &mut leave) {
                self.to_close = 0;
                return;
            }
            self.to_close -= 1;
        }
    }

    /// Whether there are sessions to be closed.
    pub(super) const fn closes(&self) -> bool {
        self.to_close > 0
    }

    /// Closes one of those who are alive, whichever it is; false where nobody is found.
    fn close_one(&mut self, random: &mut Random, leave: &mut impl FnMut(&Session)) -> bool {
        let alive = self.alive();
        if alive == 0 {
            return false;
        }
        let mut which = random.below(alive);
        for group in &mut self.groups {
            if which < group.left() {
                group.drop_one();
                self.groups.retain(|group| group.left() > 0);
                return true;
            }
            which -= group.left();
        }
        if which < self.unseen - self.closed_unseen {
            self.closed_unseen += 1;
            return true;
        }
        // Of the places most are alive. Who comes back as somebody else has to be there for it.
        for _ in 0..64 {
            let place = random.below(self.sessions.len() as u64) as usize;
            let session = &mut self.sessions[place];
            if session.is_queued && !session.is_victim {
                session.is_queued = false;
                self.closed += 1;
                leave(session);
                return true;
            }
        }
        false
    }

    /// Has the session of an entry brought into the cache: of a million, waiting for one's memory
    /// is most of its event.
    #[inline]
    fn prefetch(&self, entry: u64) {
        if let Some(session) = self.sessions.get(place_of(entry) as usize) {
            prefetch(session);
        }
    }

    fn take_from(&mut self, which: usize, random: &mut Random) {
        let Some(group) = self.groups.get_mut(which) else { return };
        group.take(&self.residual, random);
        if group.left() == 0 {
            self.groups.swap_remove(which);
        }
    }

    fn go_to(&mut self, clock_ns: u64) {
        self.clock_ns = self.clock_ns.max(clock_ns);
        if self.clock_ns > CLOCK_MAX_NS {
            self.set_back();
        }
    }

    /// Sets the sessions' clock to its beginning, and everything with it.
    #[cold]
    fn set_back(&mut self) {
        let by_ns = self.clock_ns >> TICK_BITS << TICK_BITS;
        let by = by_ns >> TICK_BITS << PLACE_BITS;
        self.queue.lower(by);
        self.groups.iter_mut().for_each(|group| group.set_back(by_ns));
        self.clock_ns -= by_ns;
    }
}

/// By how much a full list of so many grows: a million sessions should not have room for two.
fn more(len: usize) -> usize {
    (len / 8).max(64)
}

const fn pack(at_ns: u64, place: u32) -> u64 {
    at_ns >> TICK_BITS << PLACE_BITS | place as u64
}

const fn place_of(entry: u64) -> u32 {
    (entry & ((1 << PLACE_BITS) - 1)) as u32
}
