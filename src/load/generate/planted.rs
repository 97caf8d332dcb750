//! Planted fraud: sessions that follow a script instead of a shopper's whims.
//!
//! Nothing in an event tells that it is planted. Whoever looks for fraud has to see what is done,
//! how fast, and from where. A script keeps to what every session keeps to: only what was viewed
//! goes into a cart, and only what is in a cart is bought.

use super::catalogue::{CATEGORY_COUNT, ShopPage};
use super::fraud_action::{FraudAction, choose};
use super::shop::Shop;
use crate::base::random::{Random, scale};
use crate::event::{EventType, FraudKind};
use crate::plan::fraud::{ITEMS, PAUSE_MS};

/// Events of an account's own visit before it is taken over, at most: the takeover should follow
/// within the run.
pub(super) const VICTIM_EVENTS_MAX: u32 = 4;

/// Which sessions are planted.
#[derive(Debug, Clone)]
pub(super) struct FraudMix {
    shares: [f64; 4],
    any: bool,
}

impl FraudMix {
    /// These shares of the sessions, by [`FraudKind::index`]; together at most 1.
    pub(super) fn new(shares: [f64; 4]) -> Self {
        Self { shares, any: shares.iter().any(|share| *share > 0.0) }
    }

    /// What the next session is planted for, if it is.
    pub(super) fn pick(&self, random: &mut Random) -> Option<FraudKind> {
        if !self.any {
            return None;
        }
        let mut rest = random.unit();
        FraudKind::ALL.into_iter().find(|kind| {
            rest -= self.shares[kind.index()];
            rest < 0.0
        })
    }
}

/// A planted session's script, and how far it has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FraudScript {
    pub(super) kind: FraudKind,
    /// What there is to buy, or to read.
    items: u16,
    step: u16,
}

impl FraudScript {
    /// A script of random length.
    pub(super) fn new(kind: FraudKind, bits: u64) -> Self {
        let (least, most) = ITEMS[kind.index()];
        let items = least + scale(bits, u64::from(most - least) + 1) as u16;
        Self { kind, items, step: 0 }
    }

    /// How many events it has.
    pub(super) fn length(self) -> u32 {
        let items = u32::from(self.items);
        match self.kind {
            FraudKind::BotVelocity => items,
            FraudKind::CardTesting | FraudKind::AccountTakeover | FraudKind::HighValueBurst => {
                3 * items
            }
        }
    }

    /// The next step. `weights` are those of the types of events for an ordinary session.
    pub(super) fn next(
        &mut self,
        shop: &Shop,
        weights: &[f64; 5],
        random: &mut Random,
    ) -> FraudAction {
        let step = self.step;
        self.step += 1;
        let bits = random.bits();
        let find = |product| match weights[EventType::PageView.index()] > 0.0 {
            true => FraudAction::View(ShopPage::Product(product)),
            false => FraudAction::Search(ShopPage::Search(product, 0)),
        };
        match (self.kind, step) {
            (FraudKind::CardTesting, _) => match step % 3 {
                0 => find(shop.cheap(bits)),
                1 => FraudAction::Add,
                _ => FraudAction::Buy,
            },
            (FraudKind::BotVelocity, _) => crawl(shop, weights, bits, random),
            (FraudKind::AccountTakeover | FraudKind::HighValueBurst, _) => {
                // Fills the cart with what is dear, then buys all of it.
                match step {
                    _ if step >= 2 * self.items => FraudAction::Buy,
                    _ if step.is_multiple_of(2) => find(shop.dear(bits)),
                    _ => FraudAction::Add,
                }
            }
        }
    }

    /// The pause after a step, in nanoseconds.
    pub(super) fn pause_ns(self, bits: u64) -> u64 {
        let (least_ms, most_ms) = PAUSE_MS[self.kind.index()];
        least_ms * 1_000_000 + scale(bits, (most_ms - least_ms) * 1_000_000)
    }
}

/// A program that reads the shop: product after product, and a list now and then.
fn crawl(shop: &Shop, weights: &[f64; 5], bits: u64, random: &mut Random) -> FraudAction {
    let [views, clicks, searches, ..] = *weights;
    match choose(&[views, clicks, searches, 0.0, 0.0], random.unit()) {
        EventType::Click => FraudAction::Click,
        EventType::Search => FraudAction::Search(ShopPage::Search(shop.any(bits), 0)),
        _ if random.unit() < 0.1 => {
            FraudAction::View(ShopPage::Category(scale(bits, u64::from(CATEGORY_COUNT)) as u8))
        }
        _ => FraudAction::View(ShopPage::Product(shop.any(bits))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::format::JSON;

    const WEIGHTS: [f64; 5] = [0.6, 0.25, 0.1, 0.03, 0.02];

    /// The deeds of a whole script.
    fn deeds(kind: FraudKind, weights: &[f64; 5], seed: u64) -> Vec<FraudAction> {
        let shop = Shop::new(100, 1.0, JSON);
        let mut random = Random::new(seed, 0, 0);
        let mut plot = FraudScript::new(kind, random.bits());
        (0..plot.length()).map(|_| plot.next(&shop, weights, &mut random)).collect()
    }

    #[test]
    fn every_script_buys_all_that_it_adds_and_adds_only_what_is_in_view() {
        for kind in FraudKind::ALL {
            for seed in 0..200 {
                let deeds = deeds(kind, &WEIGHTS, seed);
                let (mut cart, mut most) = (0_u16, 0);
                for (place, deed) in deeds.iter().enumerate() {
                    match deed {
                        FraudAction::Add => {
                            assert!(matches!(
                                deeds[place - 1],
                                FraudAction::View(ShopPage::Product(_))
                            ));
                            cart += 1;
                        }
                        // Of an empty cart this would panic.
                        FraudAction::Buy => cart -= 1,
                        FraudAction::View(_) | FraudAction::Click | FraudAction::Search(_) => {}
                    }
                    most = most.max(cart);
                }
                let (least, greatest) = ITEMS[kind.index()];
                assert_eq!(cart, 0);
                let range = match kind {
                    FraudKind::CardTesting => 1..=1,
                    FraudKind::BotVelocity => 0..=0,
                    FraudKind::AccountTakeover | FraudKind::HighValueBurst => least..=greatest,
                };
                assert!(range.contains(&most), "{kind:?}: {most}");
            }
        }
    }

    #[test]
    fn no_script_does_what_the_mix_does_not_have() {
        for kind in FraudKind::ALL {
            let searched = deeds(kind, &[0.0, 0.0, 1.0, 0.5, 0.5], 1);
            assert!(
                !searched
                    .iter()
                    .any(|deed| matches!(deed, FraudAction::View(_) | FraudAction::Click))
            );
        }
        let viewed = deeds(FraudKind::BotVelocity, &[1.0, 0.0, 0.0, 0.0, 0.0], 1);
        assert!(viewed.iter().all(|deed| matches!(deed, FraudAction::View(_))));
    }

    #[test]
    fn sessions_are_planted_by_their_shares() {
        let plots = FraudMix::new([0.1, 0.0, 0.2, 0.05]);
        let mut random = Random::new(1, 1, 1);
        let mut counts = [0.0; 4];
        for _ in 0..200_000 {
            if let Some(kind) = plots.pick(&mut random) {
                counts[kind.index()] += 1.0 / 200_000.0;
            }
        }
        for (count, share) in counts.iter().zip(plots.shares) {
            assert!((count - share).abs() < 0.004, "{counts:?}");
        }
        assert_eq!(FraudMix::new([0.0; 4]).pick(&mut random), None);
    }

    #[test]
    fn pauses_lie_in_their_range() {
        for kind in FraudKind::ALL {
            let (least_ms, most_ms) = PAUSE_MS[kind.index()];
            for bits in [0, u64::MAX / 2, u64::MAX] {
                let pause_ns = FraudScript::new(kind, 0).pause_ns(bits);
                assert!((least_ms * 1_000_000..most_ms * 1_000_000).contains(&pause_ns));
            }
        }
    }
}
