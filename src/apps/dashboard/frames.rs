//! The frames: what went on in each slice of time, and how many users were active by its end.
//!
//! A user is active in a slice's frame who did something in it or in one of the slices before,
//! as many as the time of activity has. Who acts in slice s, having acted last in slice l,
//! becomes active in the frames from max(s, l + W) to s + W - 1. So it is enough to note where
//! that begins and ends: sums over partitions stay exact, and no frame needs a set of users.

use super::seconds::NumberCounts;
use super::span::Span;
use crate::apps::state::counts::greatest;
use crate::apps::summary::{Frame, Row, Value};
use crate::event::EventType;

/// Rows of the most viewed pages in a frame.
const TOP: usize = 3;

/// What happened in one slice.
#[derive(Debug, Clone, Default)]
struct FrameSlice {
    by_type: [u64; 5],
    /// Page views by the page's number in `Names`.
    views: NumberCounts,
}

/// The latest slices of a partition.
#[derive(Debug, Clone)]
pub(super) struct Frames {
    slice_us: i64,
    /// Slices in which an event keeps its user active.
    active_slices: i64,
    frames_max: i64,
    /// The newest slice; `None` before the first event.
    newest: Option<i64>,
    slices: Span<FrameSlice>,
    /// By how many the active users change from one frame to the next.
    changes: Span<i64>,
    /// The sum of the changes that were cut off.
    active_before: i64,
}

impl Frames {
    /// Slices of `slice_us`; an event keeps its user active for `active_us`, rounded up to whole
    /// slices.
    pub(super) fn new(slice_us: i64, active_us: i64, frames_max: usize) -> Self {
        let slice_us = slice_us.max(1);
        Self {
            slice_us,
            active_slices: active_us.div_euclid(slice_us) + i64::from(active_us % slice_us > 0),
            frames_max: i64::try_from(frames_max.max(1)).unwrap_or(i64::MAX),
            newest: None,
            slices: Span::default(),
            changes: Span::default(),
            active_before: 0,
        }
    }

    /// How long a user's last event may matter.
    pub(super) fn memory_us(&self) -> i64 {
        self.slice_us.saturating_mul(self.active_slices.saturating_add(1))
    }

    /// Takes in an event of a user whose event before was at `before_us`, if there was one.
    pub(super) fn observe(
        &mut self,
        event_type: EventType,
        page: Option<u32>,
        due_us: i64,
        before_us: Option<i64>,
    ) {
        let number = due_us.div_euclid(self.slice_us);
        if self.newest.is_none_or(|newest| number > newest) {
            self.advance(number);
        }
        if number >= self.oldest() {
            let slice = self.slices.at(number);
            slice.by_type[event_type.index()] += 1;
            if let Some(page) = page {
                slice.views.add(page, 1);
            }
        }
        let before = before_us.map(|before_us| before_us.div_euclid(self.slice_us));
        // Out of order, a user was counted for the later event already.
        if before.is_none_or(|before| before < number) {
            let from = before.map_or(number, |before| number.max(before + self.active_slices));
            self.change(from, 1);
            self.change(number + self.active_slices, -1);
        }
    }

    /// The oldest slice that is kept.
    fn oldest(&self) -> i64 {
        self.newest.unwrap_or(0).saturating_sub(self.frames_max - 1)
    }

    fn advance(&mut self, newest: i64) {
        self.newest = Some(newest);
        let oldest = self.oldest();
        self.slices.drop_before(oldest, drop);
        self.changes.drop_before(oldest, |change| self.active_before += change);
    }

    fn change(&mut self, frame: i64, by: i64) {
        match frame < self.oldest() {
            true => self.active_before += by,
            false => *self.changes.at(frame) += by,
        }
    }

    /// Takes in another partition's slices; `pages` are its pages' numbers here.
    pub(super) fn merge(&mut self, other: Self, pages: &[u32]) {
        let Some(theirs) = other.newest else {
            return;
        };
        if self.newest.is_none_or(|newest| theirs > newest) {
            self.advance(theirs);
        }
        let oldest = self.oldest();
        for (number, slice) in other.slices.into_iter().filter(|(number, _)| *number >= oldest) {
            self.slices.at(number).add(&slice, pages);
        }
        self.active_before += other.active_before;
        for (frame, by) in other.changes.into_iter().filter(|(_, by)| *by != 0) {
            self.change(frame, by);
        }
    }

    /// The frames of a stream from `first_us` to `now_us`, and how many older ones are not kept.
    pub(super) fn frames(&self, first_us: i64, now_us: i64, names: &[&str]) -> (Vec<Frame>, u64) {
        let Some(newest) = self.newest else {
            return (Vec::new(), 0);
        };
        let first = first_us.div_euclid(self.slice_us);
        let oldest = self.oldest().max(first);
        let mut active = self.active_before;
        let nothing = FrameSlice::default();
        let frames = (oldest..=newest).map(|number| {
            active += self.changes.get(number).copied().unwrap_or(0);
            let from_us = number.saturating_mul(self.slice_us);
            let to_us = from_us.saturating_add(self.slice_us).min(now_us);
            let span_ms = to_us.saturating_sub(from_us.max(first_us)).max(0).unsigned_abs() / 1_000;
            let slice = self.slices.get(number).unwrap_or(&nothing);
            slice.frame(from_us, span_ms.max(1), active.max(0).unsigned_abs(), names)
        });
        (frames.collect(), oldest.abs_diff(first))
    }
}

impl FrameSlice {
    fn add(&mut self, other: &Self, pages: &[u32]) {
        for (count, more) in self.by_type.iter_mut().zip(other.by_type) {
            *count += more;
        }
        self.views.add_all(&other.views, pages);
    }

    fn frame(&self, from_us: i64, span_ms: u64, active: u64, names: &[&str]) -> Frame {
        let count = self.by_type.iter().sum();
        let (views, purchases) = (EventType::PageView.index(), EventType::Purchase.index());
        let (part, whole) = (self.by_type[purchases], self.by_type[views]);
        let row = |name: &str, value| Row { name: name.to_owned(), value };
        let named = |(page, count)| names.get(page).map(|name| (*name, count));
        let pages = greatest(self.views.iter().filter_map(named), TOP, |count| *count);
        Frame {
            from_us,
            figures: vec![
                row("events per second", Value::Rate { count, span_ms }),
                row("active users", Value::Count(active)),
                row("purchases per page view", Value::Share { part, whole }),
            ],
            top: pages.into_iter().map(|(name, count)| row(name, Value::Count(count))).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Active users of each frame, after events of (user, slice), with two slices of activity.
    fn active(frames_max: usize, events: &[(usize, i64)]) -> Vec<u64> {
        let mut frames = Frames::new(10, 15, frames_max);
        let mut before_us = [None; 4];
        for (user, slice) in events {
            let due_us = slice * 10 + 3;
            frames.observe(EventType::Click, None, due_us, before_us[*user]);
            before_us[*user] = before_us[*user].max(Some(due_us));
        }
        let (first, last) = (events[0].1, events.iter().map(|(_, slice)| *slice).max().unwrap());
        let (frames, dropped) = frames.frames(first * 10 + 3, last * 10 + 3, &[]);
        assert_eq!(frames.len() as u64 + dropped, last.abs_diff(first) + 1);
        let count = |frame: &Frame| match frame.figures[1].value {
            Value::Count(count) => count,
            _ => panic!("{frame:?}"),
        };
        frames.iter().map(count).collect()
    }

    #[test]
    fn who_acts_is_active_for_as_many_slices_and_counted_once() {
        assert_eq!(active(9, &[(0, 1), (0, 1), (1, 5)]), [1, 1, 0, 0, 1]);
        assert_eq!(active(9, &[(0, 1), (1, 2), (0, 2), (0, 3), (1, 6)]), [1, 2, 2, 1, 0, 1]);
        assert_eq!(active(9, &[(0, 1), (0, 4), (1, 3), (1, 5)]), [1, 1, 1, 2, 2]);
    }

    #[test]
    fn older_frames_fall_out_and_the_others_stay_right() {
        let events = [(0, -4), (1, -3), (0, -2), (2, -2), (0, -1), (3, 0), (1, 1)];
        let all = active(9, &events);
        assert_eq!(all, [1, 2, 3, 2, 2, 2]);
        for frames_max in 1..6 {
            assert_eq!(active(frames_max, &events), all[6 - frames_max..]);
        }
        assert_eq!(active(2, &[(0, 0), (1, 1_000_000_000)]), [0, 1]);
    }
}
