//! Short numbers for names that come again and again, with a limit on how many there are.

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::apps::summary::OTHER;

/// The number of all names that found no place.
pub(crate) const OTHER_ID: u32 = 0;

/// Numbers for names, from 1 on in the order of their coming.
#[derive(Debug, Clone)]
pub(crate) struct Names {
    ids: HashMap<Box<str>, u32, FixedState>,
    names_max: usize,
    /// How often a name found no place.
    dropped: u64,
}

impl Names {
    pub(crate) fn new(names_max: usize) -> Self {
        Self { ids: HashMap::default(), names_max, dropped: 0 }
    }

    /// The number of a name.
    pub(crate) fn id(&mut self, name: &str) -> u32 {
        if let Some(id) = self.ids.get(name) {
            *id
        } else if self.ids.len() < self.names_max {
            self.grow(name.into())
        } else {
            self.dropped += 1;
            OTHER_ID
        }
    }

    fn grow(&mut self, name: Box<str>) -> u32 {
        let next = u32::try_from(self.ids.len() + 1).unwrap_or(OTHER_ID);
        *self.ids.entry(name).or_insert(next)
    }

    /// Takes in another partition's names; gives their numbers here by their numbers there. The
    /// limit is per partition, so none is applied.
    pub(crate) fn merge(&mut self, other: Self) -> Vec<u32> {
        let mut here = vec![OTHER_ID; other.ids.len() + 1];
        for (name, there) in other.ids {
            here[there as usize] = self.grow(name);
        }
        self.dropped += other.dropped;
        here
    }

    /// The names by their numbers.
    pub(crate) fn names(&self) -> Vec<&str> {
        let mut names = vec![OTHER; self.ids.len() + 1];
        for (name, id) in &self.ids {
            names[*id as usize] = name;
        }
        names
    }

    /// How often a name found no place.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }
}

/// The path of a page's address, without query and fragment: what a shop calls one page.
pub(crate) fn path(page_url: &str) -> &str {
    let end = page_url.bytes().position(|byte| byte == b'?' || byte == b'#');
    &page_url[..end.unwrap_or(page_url.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merging_keeps_names_and_renumbers() {
        let (mut left, mut right) = (Names::new(2), Names::new(2));
        assert_eq!([left.id("a"), left.id("b"), left.id("a"), left.id("c")], [1, 2, 1, OTHER_ID]);
        assert_eq!([right.id("c"), right.id("a")], [1, 2]);
        assert_eq!(left.merge(right), [OTHER_ID, 3, 1]);
        assert_eq!(left.names(), [OTHER, "a", "b", "c"]);
        assert_eq!(left.dropped(), 1);
    }

    #[test]
    fn pages_are_told_by_path() {
        assert_eq!(path("/search?q=a/b#c"), "/search");
        assert_eq!(path("#x"), "");
    }
}
