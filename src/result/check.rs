//! What the applications found, held against the books.

use serde::{Deserialize, Serialize};

use crate::base::text::count;

/// One total of the books beside the applications'.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Check {
    /// What is counted.
    pub what: String,
    /// By the generator.
    pub books: u64,
    /// By each application, in the plan's order; `None` where it does not count that.
    pub apps: Vec<Option<u64>>,
    /// Each application's total less that of the books, in the plan's order: zero in a valid run.
    #[serde(default)]
    pub differences: Vec<Option<i64>>,
}

impl Check {
    /// Holds the applications' totals against that of the books.
    #[must_use]
    pub fn new(what: &str, books: u64, apps: Vec<Option<u64>>) -> Self {
        let less = |count: u64| {
            let difference = i128::from(count) - i128::from(books);
            let limit = if difference < 0 { i64::MIN } else { i64::MAX };
            i64::try_from(difference).unwrap_or(limit)
        };
        let differences = apps.iter().map(|count| count.map(less)).collect();
        Self { what: what.to_owned(), books, apps, differences }
    }

    /// The greatest difference of an application from the books; 0 where all agree.
    #[must_use]
    pub fn difference(&self) -> u64 {
        self.apps.iter().flatten().map(|count| count.abs_diff(self.books)).max().unwrap_or(0)
    }

    /// Whether every application that counts it agrees.
    #[must_use]
    pub fn agrees(&self) -> bool {
        self.difference() == 0
    }

    /// What differs, in words, if something does. `names` are the applications', in the plan's
    /// order.
    pub(super) fn fault<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Option<String> {
        if self.agrees() {
            return None;
        }
        let mut words = format!("{}: the books have {}", self.what, count(self.books));
        for (name, other) in names.into_iter().zip(&self.apps) {
            if let Some(other) = other.filter(|&other| other != self.books) {
                let difference = i128::from(other) - i128::from(self.books);
                words.push_str(&format!(", {name} {} ({difference:+})", count(other)));
            }
        }
        Some(words)
    }
}
