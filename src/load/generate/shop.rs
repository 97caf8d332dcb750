//! What all shards of a run share: the catalogue, and how products are chosen from it.

use super::catalogue::Catalogue;
use super::skew::{Alias, zipf_weights};
use crate::base::random::scale;
use crate::event::codec::Codec;
use crate::plan::PopulationPlan;

/// Most products among the cheapest, and among the dearest.
const EXTREMES_MAX: usize = 16;

/// The shop as its visitors see it.
#[derive(Debug)]
pub(super) struct Shop {
    /// What its pieces are made for.
    pub(super) codec: &'static dyn Codec,
    pub(super) catalogue: Catalogue,
    popularity: Alias,
    cheapest: Vec<u32>,
    dearest: Vec<u32>,
}

impl Shop {
    /// The shop of a population, for this codec's events.
    pub(super) fn of(population: &PopulationPlan, codec: &'static dyn Codec) -> Self {
        Self::new(population.products, population.product_skew, codec)
    }

    /// A shop of so many products, with this Zipf exponent of their popularity.
    pub(super) fn new(products: u32, skew: f64, codec: &'static dyn Codec) -> Self {
        let catalogue = Catalogue::new(products, codec);
        let mut by_price: Vec<_> =
            (0..catalogue.len()).map(|number| (catalogue.price_cents(number), number)).collect();
        let count = (by_price.len() / 8).clamp(1, EXTREMES_MAX);
        by_price.select_nth_unstable(count - 1);
        let cheapest = numbers(&mut by_price[..count]);
        let above = by_price.len() - count;
        by_price.select_nth_unstable(above);
        let dearest = numbers(&mut by_price[above..]);
        let popularity = Alias::new(&zipf_weights(catalogue.len(), skew));
        Self { codec, catalogue, popularity, cheapest, dearest }
    }

    /// The popular product that 64 random bits choose.
    #[inline]
    pub(super) fn popular(&self, bits: u64) -> u32 {
        self.popularity.pick(bits) as u32
    }

    /// One of the cheapest products.
    pub(super) fn cheap(&self, bits: u64) -> u32 {
        choice(&self.cheapest, bits)
    }

    /// One of the dearest products.
    pub(super) fn dear(&self, bits: u64) -> u32 {
        choice(&self.dearest, bits)
    }

    /// Any product, the unpopular ones too.
    pub(super) fn any(&self, bits: u64) -> u32 {
        scale(bits, u64::from(self.catalogue.len())) as u32
    }
}

/// In the order of their prices: a selection leaves them in an order that is the library's.
fn numbers(products: &mut [(u64, u32)]) -> Vec<u32> {
    products.sort_unstable();
    products.iter().map(|(_, number)| *number).collect()
}

fn choice(numbers: &[u32], bits: u64) -> u32 {
    numbers.get(scale(bits, numbers.len() as u64) as usize).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::format::JSON;

    #[test]
    fn the_extremes_are_the_cheapest_and_the_dearest() {
        let shop = Shop::new(80, 1.0, JSON);
        let mut prices: Vec<_> = (0..80).map(|n| shop.catalogue.price_cents(n)).collect();
        prices.sort_unstable();
        let of = |numbers: &[u32]| -> Vec<u64> {
            numbers.iter().map(|n| shop.catalogue.price_cents(*n)).collect()
        };
        assert_eq!(of(&shop.cheapest), prices[..10]);
        assert_eq!(of(&shop.dearest), prices[70..]);
        for bits in [0, u64::MAX / 3, u64::MAX] {
            assert!(shop.cheapest.contains(&shop.cheap(bits)));
            assert!(shop.dearest.contains(&shop.dear(bits)));
            assert!(shop.any(bits) < 80);
        }
    }

    #[test]
    fn the_smallest_shop_has_something_cheap_and_something_dear() {
        let shop = Shop::new(1, 0.0, JSON);
        assert_eq!((shop.cheap(7), shop.dear(7), shop.popular(7), shop.any(7)), (0, 0, 0, 0));
    }
}
