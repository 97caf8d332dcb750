//! The kinds of pages, and the order in which a session comes to them.

/// What a page is for, told by the first part of its path. In the order of their names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum PageKind {
    Cart,
    Category,
    Checkout,
    Home,
    /// Any page that is none of the others.
    Other,
    Product,
    Search,
}

impl PageKind {
    pub(super) const ALL: [Self; 7] = [
        Self::Cart,
        Self::Category,
        Self::Checkout,
        Self::Home,
        Self::Other,
        Self::Product,
        Self::Search,
    ];

    /// The kind of a page, by its path's first part.
    #[inline]
    pub(super) fn of(page_url: &str) -> Self {
        // Each comparison is with a constant, the most frequent ones first: no search for the
        // part's end, and no call.
        let begins_with = |part: &str| page_url.strip_prefix(part).is_some_and(ends);
        if begins_with("/products") || begins_with("/product") {
            Self::Product
        } else if begins_with("/category") || begins_with("/categories") {
            Self::Category
        } else if begins_with("/search") {
            Self::Search
        } else if begins_with("/") || !page_url.starts_with('/') && ends(page_url) {
            Self::Home
        } else if begins_with("/cart") {
            Self::Cart
        } else if begins_with("/checkout") {
            Self::Checkout
        } else {
            Self::Other
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Cart => "cart",
            Self::Category => "category",
            Self::Checkout => "checkout",
            Self::Home => "home",
            Self::Other => "other",
            Self::Product => "product",
            Self::Search => "search",
        }
    }

    pub(super) const fn index(self) -> usize {
        self as usize
    }

    const fn code(self) -> u32 {
        self as u32 + 1
    }
}

/// Whether a part of a path ends before this rest of it.
#[inline]
fn ends(rest: &str) -> bool {
    matches!(rest.as_bytes().first(), None | Some(b'/' | b'?' | b'#'))
}

/// Bits of a step.
const STEP_BITS: u32 = 4;
/// The step that stands for all further ones; after every kind in the order of names.
const MORE: u32 = 15;

/// Most steps that a [`Journey`] tells apart.
pub(super) const JOURNEY_STEPS_MAX: u32 = u32::BITS / STEP_BITS - 1;

/// The kinds of a session's pages from its first one on; a page of the same kind as the one
/// before is not a step. The first step stands in the highest bits, so that journeys are in the
/// order of their names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Journey(u32);

impl Journey {
    /// Goes to a page; what comes after so many steps is "…".
    pub(super) fn step(&mut self, kind: PageKind, steps_max: u32) {
        let free = self.0.trailing_zeros() / STEP_BITS * STEP_BITS;
        let last = self.0.checked_shr(free).unwrap_or(0) & MORE;
        if last == kind.code() || last == MORE {
            return;
        }
        let steps = (u32::BITS - free) / STEP_BITS;
        let code = if steps < steps_max.min(JOURNEY_STEPS_MAX) { kind.code() } else { MORE };
        self.0 |= code << (free - STEP_BITS);
    }

    /// The journey in words, such as `home > product`.
    pub(super) fn text(self) -> String {
        (0..u32::BITS / STEP_BITS)
            .rev()
            .map(|place| (self.0 >> (place * STEP_BITS)) & MORE)
            .take_while(|code| *code > 0)
            .map(name)
            .collect::<Vec<_>>()
            .join(" > ")
    }
}

/// The kinds of the latest pages of a session, the last one in the lowest bits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Recent(u32);

/// Most pages that are remembered.
pub(super) const RECENT_MAX: u32 = u32::BITS / STEP_BITS;

impl Recent {
    /// Goes to a page; false where it is of the same kind as the one before.
    pub(super) fn step(&mut self, kind: PageKind) -> bool {
        let moves = self.0 & MORE != kind.code();
        if moves {
            self.0 = self.0 << STEP_BITS | kind.code();
        }
        moves
    }

    /// The last so many pages by themselves, if there were as many.
    pub(super) fn last(self, pages: u32) -> Option<Self> {
        let beyond = u32::BITS - pages.clamp(1, RECENT_MAX) * STEP_BITS;
        let last = self.0 << beyond >> beyond;
        (last.leading_zeros() < beyond + STEP_BITS).then_some(last).map(Self)
    }

    /// The pages in words, such as `home > product`.
    pub(super) fn text(self) -> String {
        // The empty steps before the first one fall away.
        Journey(self.0 << (self.0.leading_zeros() / STEP_BITS * STEP_BITS).min(31)).text()
    }
}

fn name(code: u32) -> &'static str {
    code.checked_sub(1)
        .and_then(|index| PageKind::ALL.get(index as usize))
        .map_or("…", |kind| kind.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_specification_s_pages_are_told_apart() {
        let urls = ["/", "/category/home", "/products/x", "/search?q=/cart", "/cart", "/checkout"];
        let names = urls.map(|url| PageKind::of(url).name());
        assert_eq!(names, ["home", "category", "product", "search", "cart", "checkout"]);
        let urls =
            ["/?x=/cart", "", "#top", "/products?x", "/help", "x", "/cartoons", "/productsx"];
        let names = urls.map(|url| PageKind::of(url).name());
        assert_eq!(names[..4], ["home", "home", "home", "product"]);
        assert_eq!(names[4..], ["other"; 4]);
        assert!(PageKind::ALL.iter().enumerate().all(|(index, kind)| kind.index() == index));
        assert!(PageKind::ALL.is_sorted_by_key(|kind| kind.name()));
    }

    fn journey(urls: &[&str], steps_max: u32) -> Journey {
        let mut journey = Journey::default();
        urls.iter().for_each(|url| journey.step(PageKind::of(url), steps_max));
        journey
    }

    #[test]
    fn journeys_take_repeats_together_and_end_in_dots() {
        assert_eq!(journey(&[], 3).text(), "");
        assert_eq!(journey(&["/", "/", "/products/a", "/products/b"], 3).text(), "home > product");
        let long = ["/", "/cart", "/", "/cart", "/cart", "/", "/cart"];
        assert_eq!(journey(&long, 3).text(), "home > cart > home > …");
        assert_eq!(journey(&long[..3], 3).text(), "home > cart > home");
        assert_eq!(journey(&long.repeat(3), 99).text().matches('>').count(), 7);
    }

    #[test]
    fn journeys_are_in_the_order_of_their_names() {
        let pages = ["/", "/cart", "/category/a", "/checkout", "/help", "/products/a", "/search"];
        let mut journeys = vec![journey(&[], 3)];
        for a in pages {
            for b in pages {
                for c in pages {
                    journeys.extend([1, 2, 3].map(|steps_max| journey(&[a, b, c], steps_max)));
                }
            }
        }
        journeys.sort_unstable();
        assert!(journeys.is_sorted_by_key(|journey| journey.text()));
    }

    #[test]
    fn the_latest_pages_are_a_window_over_the_way() {
        let mut recent = Recent::default();
        let steps: Vec<_> = ["/", "/", "/cart", "/search", "/cart"]
            .map(|url| (recent.step(PageKind::of(url)), recent.last(3).map(Recent::text)))
            .into();
        assert_eq!(
            steps.iter().map(|step| step.0).collect::<Vec<_>>(),
            [true, false, true, true, true]
        );
        let paths: Vec<_> = steps.into_iter().filter_map(|step| step.1).collect();
        assert_eq!(paths, ["home > cart > search", "cart > search > cart"]);
        assert_eq!(recent.text(), "home > cart > search > cart");
        assert_eq!((Recent::default().text(), Recent::default().last(1)), (String::new(), None));
        (1..21).for_each(|n| assert!(recent.step(PageKind::ALL[n % 7])));
        assert_eq!(recent.last(99), Some(recent));
    }
}
