//! Where a session goes next.

use super::catalogue::{CATEGORY_COUNT, QUERY_FORMS, ShopPage};
use super::fraud_action::{FraudAction, choose};
use super::mix::Mix;
use super::session::Session;
use super::shop::Shop;
use crate::base::random::{Random, scale, unit_of};
use crate::event::EventType;

/// What a session needs to choose where to go.
#[derive(Debug)]
pub(super) struct Shopper<'a> {
    pub(super) shop: &'a Shop,
    pub(super) mix: &'a Mix,
    /// A product that is on sale, and the chance that a choice falls on it at once.
    pub(super) sale: Option<(u32, f64)>,
}

/// What a session did.
#[derive(Debug, Clone, Copy)]
pub(super) struct Acted {
    pub(super) event_type: EventType,
    /// The product among the event's properties.
    pub(super) product: Option<u32>,
    /// The cart after an `add_to_cart`, and before a `purchase` is taken out of it.
    pub(super) cart_cents: u64,
}

impl Shopper<'_> {
    /// Lets a session do one thing of its own.
    pub(super) fn act(&self, session: &mut Session, starts: bool, random: &mut Random) -> Acted {
        let bits = random.bits();
        let mut weights = *self.mix.weights(session.person.persona);
        session.restrict(&mut weights);
        let deed = match choose(&weights, unit_of(bits)) {
            EventType::PageView => FraudAction::View(self.next_page(session, starts, random)),
            EventType::Click => {
                if starts {
                    // On an advertisement, which is how the visit begins. No product comes into
                    // focus, as none was viewed.
                    session.page = self.next_page(session, starts, random);
                }
                FraudAction::Click
            }
            EventType::Search => FraudAction::Search(self.query(session, random)),
            EventType::AddToCart => FraudAction::Add,
            EventType::Purchase => FraudAction::Buy,
        };
        self.perform(session, deed)
    }

    /// Lets a session do this.
    pub(super) fn perform(&self, session: &mut Session, deed: FraudAction) -> Acted {
        let done = |event_type, product| Acted { event_type, product, cart_cents: 0 };
        match deed {
            FraudAction::View(page) => {
                session.go(page);
                done(EventType::PageView, product_of(page))
            }
            FraudAction::Click => done(EventType::Click, product_of(session.page)),
            FraudAction::Search(page) => {
                session.go(page);
                done(EventType::Search, None)
            }
            FraudAction::Add => {
                if let Some(number) = session.focus {
                    if !session.is_on_focus() {
                        session.go(ShopPage::Product(number));
                    }
                    session.add(number, self.shop.catalogue.price_cents(number));
                }
                let cart_cents = session.cart_cents;
                Acted { cart_cents, ..done(EventType::AddToCart, session.focus) }
            }
            FraudAction::Buy => {
                let cart_cents = session.cart_cents;
                let product = session.buy();
                let catalogue = &self.shop.catalogue;
                let price_cents = product.map_or(0, |number| catalogue.price_cents(number));
                session.cart_cents -= price_cents;
                session.go(ShopPage::Checkout);
                Acted { cart_cents, ..done(EventType::Purchase, product) }
            }
        }
    }

    /// The product on sale, if that is what is chosen.
    #[inline]
    fn rush(&self, random: &mut Random) -> Option<u32> {
        let (product, chance) = self.sale?;
        (random.unit() < chance).then_some(product)
    }

    /// The page that a session views next.
    pub(super) fn next_page(
        &self,
        session: &Session,
        starts: bool,
        random: &mut Random,
    ) -> ShopPage {
        if let Some(product) = self.rush(random) {
            return ShopPage::Product(product);
        }
        let page = self.some_page(session, starts, random);
        // Few load the page again that they are on.
        if page == session.page { self.some_page(session, starts, random) } else { page }
    }

    fn some_page(&self, session: &Session, starts: bool, random: &mut Random) -> ShopPage {
        let toss = random.unit();
        let bits = random.bits();
        if session.focus.is_none() && self.mix.is_eager() {
            return ShopPage::Product(self.shop.popular(bits));
        }
        if starts {
            return match toss {
                ..0.35 => ShopPage::Home,
                ..0.75 => ShopPage::Product(self.shop.popular(bits)),
                _ => self.some_category(bits),
            };
        }
        match (toss, session.page) {
            // From a list of results mostly to what was searched for.
            (..0.6, ShopPage::Search(number, _)) => ShopPage::Product(number),
            (..0.12, _) if !session.is_cart_empty() => ShopPage::Cart,
            (..0.7, page) => ShopPage::Product(self.near(page, random)),
            (..0.9, ShopPage::Product(number)) if bits & 1 == 0 => {
                ShopPage::Category(self.shop.catalogue.category(number))
            }
            (..0.9, _) => self.some_category(bits),
            _ => ShopPage::Home,
        }
    }

    /// A popular product, on a category's page one of that category if it's found soon.
    fn near(&self, page: ShopPage, random: &mut Random) -> u32 {
        let mut number = self.shop.popular(random.bits());
        if let ShopPage::Category(category) = page {
            for _ in 0..4 {
                if self.shop.catalogue.category(number) == category {
                    break;
                }
                number = self.shop.popular(random.bits());
            }
        }
        number
    }

    /// The results of a search: for something popular, or once more for what is in focus.
    pub(super) fn query(&self, session: &Session, random: &mut Random) -> ShopPage {
        let bits = random.bits();
        let form = scale(bits << 32, u64::from(QUERY_FORMS)) as u8;
        if let Some(product) = self.rush(random) {
            return ShopPage::Search(product, form);
        }
        let number = match session.focus {
            Some(number) if unit_of(bits) < 0.3 => number,
            _ => self.shop.popular(random.bits()),
        };
        ShopPage::Search(number, form)
    }

    /// The category of a popular product, or any.
    fn some_category(&self, bits: u64) -> ShopPage {
        if bits & 2 == 0 {
            ShopPage::Category(scale(bits, u64::from(CATEGORY_COUNT)) as u8)
        } else {
            ShopPage::Category(self.shop.catalogue.category(self.shop.popular(bits)))
        }
    }
}

/// The product that a page shows.
fn product_of(page: ShopPage) -> Option<u32> {
    match page {
        ShopPage::Product(number) => Some(number),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::format::JSON;
    use crate::load::generate::profiles::People;

    fn with_shopper(check: impl FnOnce(&Shopper<'_>, Session)) {
        let shop = Shop::new(50, 1.0, JSON);
        let mix = Mix::new(&[0.6, 0.25, 0.1, 0.03, 0.02], 12.0);
        let person = People::new(1, &[0.6, 0.25, 0.15], JSON).person(1);
        let session = Session::new(1, 1, person, ShopPage::External(0));
        check(&Shopper { shop: &shop, mix: &mix, sale: None }, session);
    }

    fn share(count: usize, mut holds: impl FnMut() -> bool) -> f64 {
        (0..count).filter(|_| holds()).count() as f64 / count as f64
    }

    #[test]
    fn results_lead_to_what_was_searched_for() {
        with_shopper(|shopper, mut session| {
            session.go(ShopPage::Search(30, 0));
            let mut random = Random::new(1, 0, 0);
            let found = share(10_000, || {
                shopper.next_page(&session, false, &mut random) == ShopPage::Product(30)
            });
            assert!((found - 0.6).abs() < 0.03, "{found}");
        });
    }

    #[test]
    fn pages_are_seldom_loaded_again_and_carts_only_with_something_inside() {
        with_shopper(|shopper, mut session| {
            let mut random = Random::new(2, 0, 0);
            for page in [ShopPage::Home, ShopPage::Product(0), ShopPage::Category(0)] {
                session.go(page);
                let (mut again, mut carts) = (0.0, 0);
                for _ in 0..10_000 {
                    let next = shopper.next_page(&session, false, &mut random);
                    again += f64::from(u8::from(next == page)) / 10_000.0;
                    carts += u32::from(next == ShopPage::Cart);
                }
                assert!(again < 0.08, "{page:?}: {again}");
                assert_eq!(carts, 0);
            }
            session.add(0, 1);
            session.go(ShopPage::Product(0));
            let carts =
                share(10_000, || shopper.next_page(&session, false, &mut random) == ShopPage::Cart);
            assert!(carts > 0.08, "{carts}");
        });
    }

    #[test]
    fn popular_products_are_searched_for_most_and_every_form_is_used() {
        with_shopper(|shopper, session| {
            let mut random = Random::new(3, 0, 0);
            let mut forms = [0; QUERY_FORMS as usize];
            let mut first = 0;
            for _ in 0..10_000 {
                let ShopPage::Search(number, form) = shopper.query(&session, &mut random) else {
                    panic!("not a page of results");
                };
                forms[usize::from(form)] += 1;
                first += u32::from(number == 0);
            }
            assert!(forms.iter().all(|count| *count > 2_000), "{forms:?}");
            // 1 / H(50)
            assert!((2_000..2_450).contains(&first), "{first}");
        });
    }
}
