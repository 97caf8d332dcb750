//! Where sessions end.

use crate::apps::journey::PageKind;
use crate::apps::state::counts::greatest;
use crate::apps::state::sessions::UserSession;
use crate::apps::summary::{Section, Value};

use super::people::SessionPath;

const KINDS: usize = PageKind::ALL.len();

/// Sessions by the page they ended on.
#[derive(Debug, Clone, Default)]
pub(super) struct EndPages {
    /// By the page's number.
    by_page: Vec<u64>,
    /// Sessions that came to each kind of page.
    came: [u64; KINDS],
    /// Sessions that ended there.
    left: [u64; KINDS],
}

impl EndPages {
    /// Counts a session that is over.
    pub(super) fn close(&mut self, visit: &UserSession<SessionPath>) {
        let way = &visit.what;
        self.add(way.last_page, 1);
        for (kind, came) in self.came.iter_mut().enumerate() {
            *came += u64::from(way.kinds >> kind & 1);
        }
        self.left[usize::from(way.last_kind) % KINDS] += 1;
    }

    fn add(&mut self, page: u32, sessions: u64) {
        let page = page as usize;
        if page >= self.by_page.len() {
            self.by_page.resize(page + 1, 0);
        }
        self.by_page[page] += sessions;
    }

    /// Takes in another partition's, whose pages have these numbers here.
    pub(super) fn merge(&mut self, other: &Self, pages: &[u32]) {
        for (sessions, page) in other.by_page.iter().zip(pages) {
            self.add(*page, *sessions);
        }
        for kind in 0..KINDS {
            self.came[kind] += other.came[kind];
            self.left[kind] += other.left[kind];
        }
    }

    /// The `top` last pages, and how many of those who came to a kind of page left there.
    pub(super) fn sections(&self, names: &[&str], top: usize) -> [Section; 2] {
        let whole: u64 = self.left.iter().sum();
        let pages = names.iter().zip(&self.by_page).map(|(name, count)| (*name, *count));
        let top = greatest(pages.filter(|(_, count)| *count > 0), top, |count| *count);
        let kinds = PageKind::ALL.iter().filter(|kind| self.came[kind.index()] > 0).map(|kind| {
            let (left, came) = (self.left[kind.index()], self.came[kind.index()]);
            (kind.name(), Value::Part { part: left, whole: came })
        });
        [
            Section::new("last pages, sessions")
                .rows(top.into_iter().map(|(name, part)| (name, Value::Part { part, whole }))),
            Section::new("left there, of the sessions that came").rows(kinds),
        ]
    }
}
