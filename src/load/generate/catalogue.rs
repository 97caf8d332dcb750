//! The shop: its products, and every page and query made of them.
//!
//! The first four products and the first pages are the specification's. The rest of the
//! catalogue follows from the product's number alone, so a price never depends on the seed.

mod stock;

use crate::event::codec::{Codec, EventPiece};
use stock::describe;

/// One page of the shop, or the site that a visit came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ShopPage {
    /// The home page.
    Home,
    /// A category, by [`Product::category`].
    Category(u8),
    /// A product's page.
    Product(u32),
    /// The results of a search that names a product, and the query's form.
    Search(u32, u8),
    /// The cart.
    Cart,
    /// Where carts are paid.
    Checkout,
    /// Another site, by its place in the list; only as referrer.
    External(u8),
}

/// How many forms a query has: the bare name, and the name with something before or after it.
pub(super) const QUERY_FORMS: u8 = 4;
const FORMS: [(&str, &str); QUERY_FORMS as usize] =
    [("", ""), ("", " deals"), ("best ", ""), ("cheap ", "")];

/// Where visits come from; the empty one is a typed address.
pub(super) const EXTERNAL: [&str; 8] = [
    "https://google.com",
    "",
    "https://www.bing.com",
    "https://duckduckgo.com",
    "https://www.facebook.com",
    "https://www.instagram.com",
    "https://www.reddit.com",
    "https://mail.example.com",
];
/// How often.
pub(super) const EXTERNAL_WEIGHTS: [f64; 8] = [40.0, 25.0, 6.0, 3.0, 9.0, 8.0, 4.0, 5.0];

const CATEGORIES: [&str; 8] =
    ["electronics", "home", "clothing", "sports", "books", "toys", "beauty", "garden"];
/// How many categories there are.
pub(super) const CATEGORY_COUNT: u8 = CATEGORIES.len() as u8;

/// What the generator needs to know of a product.
#[derive(Debug, Clone)]
pub(super) struct Product {
    pub(super) price_cents: u64,
    pub(super) category: u8,
    /// Where its pieces end: the properties, the page, then each form of the query as a page and as
    /// text. The first one starts where the product before ends.
    ends: [u32; PIECES],
}

const PIECES: usize = 2 + 2 * QUERY_FORMS as usize;

/// All products and pages, as the codec made them.
#[derive(Debug, Clone)]
pub(super) struct Catalogue {
    products: Vec<Product>,
    pieces: Vec<u8>,
    /// Of each category its properties and its page.
    categories: Vec<(Vec<u8>, Vec<u8>)>,
    home: Vec<u8>,
    cart: Vec<u8>,
    checkout: Vec<u8>,
    external: Vec<Vec<u8>>,
}

impl Catalogue {
    /// A catalogue of so many products, at least one; some 400 bytes each.
    pub(super) fn new(count: u32, codec: &dyn Codec) -> Self {
        let mut pieces = Vec::new();
        let products =
            (0..count.max(1)).map(|number| product(number, codec, &mut pieces)).collect();
        let prepared = |piece: EventPiece<'_>| {
            let mut out = Vec::new();
            codec.prepare(&piece, &mut out);
            out
        };
        let text = |text: &str| prepared(EventPiece::Text(text));
        let category = |name: &&str| {
            (prepared(EventPiece::Category(name)), text(&format!("/category/{name}")))
        };
        Self {
            products,
            pieces,
            categories: CATEGORIES.iter().map(category).collect(),
            home: text("/"),
            cart: text("/cart"),
            checkout: text("/checkout"),
            external: EXTERNAL.iter().map(|site| text(site)).collect(),
        }
    }

    /// How many products there are.
    pub(super) fn len(&self) -> u32 {
        self.products.len() as u32
    }

    /// The price of a product, in cents.
    pub(super) fn price_cents(&self, number: u32) -> u64 {
        self.products.get(number as usize).map_or(0, |product| product.price_cents)
    }

    /// The category of a product.
    pub(super) fn category(&self, number: u32) -> u8 {
        self.products.get(number as usize).map_or(0, |product| product.category)
    }

    /// A product's properties, as the codec made them of an [`EventPiece::Product`].
    pub(super) fn about(&self, number: u32) -> &[u8] {
        self.piece(number, 0)
    }

    /// A page's properties: a product's, a category's, or nothing.
    pub(super) fn about_page(&self, page: ShopPage) -> &[u8] {
        match page {
            ShopPage::Product(number) => self.about(number),
            ShopPage::Category(category) => {
                self.categories.get(usize::from(category)).map_or(b"", |pieces| &pieces.0)
            }
            _ => b"",
        }
    }

    /// The address of a page, as the codec made it.
    #[inline]
    pub(super) fn url(&self, page: ShopPage) -> &[u8] {
        match page {
            ShopPage::Home => &self.home,
            ShopPage::Category(category) => {
                self.categories.get(usize::from(category)).map_or(b"", |pieces| &pieces.1)
            }
            ShopPage::Product(number) => self.piece(number, 1),
            ShopPage::Search(number, form) => self.piece(number, 2 + 2 * usize::from(form)),
            ShopPage::Cart => &self.cart,
            ShopPage::Checkout => &self.checkout,
            ShopPage::External(site) => {
                self.external.get(usize::from(site)).map_or(b"", Vec::as_slice)
            }
        }
    }

    /// What was typed to get to a page of results, as the codec made it.
    pub(super) fn query(&self, number: u32, form: u8) -> &[u8] {
        self.piece(number, 3 + 2 * usize::from(form))
    }

    #[inline]
    fn piece(&self, number: u32, index: usize) -> &[u8] {
        let number = number as usize;
        let Some(product) = self.products.get(number) else {
            return b"";
        };
        let start = match (index, number) {
            (0, 0) => 0,
            (0, _) => self.products[number - 1].ends[PIECES - 1],
            _ => product.ends[index - 1],
        };
        self.pieces.get(start as usize..product.ends[index] as usize).unwrap_or(b"")
    }
}

fn product(number: u32, codec: &dyn Codec, pieces: &mut Vec<u8>) -> Product {
    let (name, category, price_cents) = describe(number);
    let lower = name.to_lowercase();
    let mut ends = [0; PIECES];
    let id = format!("PROD-{:03}", number + 1);
    let category_name = CATEGORIES[usize::from(category)];
    let about = EventPiece::Product { id: &id, name: &name, price_cents, category: category_name };
    codec.prepare(&about, pieces);
    ends[0] = pieces.len() as u32;
    let mut put = |text: &str, end: &mut u32| {
        codec.prepare(&EventPiece::Text(text), pieces);
        *end = pieces.len() as u32;
    };
    put(&format!("/products/{}", lower.replace(' ', "-")), &mut ends[1]);
    for (form, (before, after)) in FORMS.iter().enumerate() {
        let query = format!("{before}{lower}{after}");
        let mut page = "/search?q=".to_owned();
        form_encode(&query, &mut page);
        put(&page, &mut ends[2 + 2 * form]);
        put(&query, &mut ends[3 + 2 * form]);
    }
    Product { price_cents, category, ends }
}

/// Appends a text as a form sends it (`application/x-www-form-urlencoded`, WHATWG URL
/// Standard): blanks as `+`, letters and digits as they are, other bytes as `%XX`.
fn form_encode(text: &str, out: &mut String) {
    for byte in text.bytes() {
        match byte {
            b' ' => out.push('+'),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'*' => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::event::format::JSON;

    fn catalogue(count: u32) -> Catalogue {
        Catalogue::new(count, JSON)
    }

    fn text(piece: &[u8]) -> &str {
        std::str::from_utf8(piece).unwrap()
    }

    #[test]
    fn the_first_products_and_pages_are_the_specification_s() {
        let shop = catalogue(10);
        assert_eq!(
            text(shop.about(0)),
            "\"product_id\":\"PROD-001\",\"product_name\":\"Laptop\",\"price\":999.99,\
             \"category\":\"electronics\""
        );
        let prices: Vec<_> = (0..4).map(|number| shop.price_cents(number)).collect();
        assert_eq!(prices, [99_999, 2_999, 7_999, 29_999]);
        let pages = [
            ShopPage::Home,
            ShopPage::Product(0),
            ShopPage::Product(1),
            ShopPage::Category(0),
            ShopPage::Search(0, 0),
        ];
        assert_eq!(
            pages.map(|page| text(shop.url(page))),
            [
                "/",
                "/products/laptop",
                "/products/mouse",
                "/category/electronics",
                "/search?q=laptop"
            ]
        );
        assert_eq!(text(shop.url(ShopPage::Search(0, 1))), "/search?q=laptop+deals");
        assert_eq!(text(shop.query(0, 1)), "laptop deals");
        assert_eq!(text(shop.about_page(ShopPage::Category(1))), "\"category\":\"home\"");
    }

    #[test]
    fn every_product_has_a_name_and_a_page_of_its_own_and_a_fair_price() {
        let shop = catalogue(20_000);
        assert_eq!(shop.len(), 20_000);
        let (mut names, mut pages) = (HashSet::new(), HashSet::new());
        let mut categories = HashSet::new();
        for number in 0..shop.len() {
            let (name, category, price_cents) = describe(number);
            assert!((599..200_000).contains(&price_cents) && price_cents % 100 == 99, "{name}");
            assert_eq!(shop.price_cents(number), price_cents);
            assert_eq!(shop.category(number), category);
            assert!(text(shop.query(number, 3)).contains(&name.to_lowercase()));
            assert!(text(shop.about(number)).contains(&format!("\"{name}\"")));
            categories.insert(category);
            names.insert(name);
            pages.insert(shop.url(ShopPage::Product(number)));
        }
        assert_eq!((names.len(), pages.len()), (20_000, 20_000));
        assert_eq!(categories.len(), CATEGORIES.len());
    }

    #[test]
    fn a_product_that_is_not_there_has_no_text() {
        let shop = catalogue(2);
        assert_eq!(
            (text(shop.about(2)), text(shop.url(ShopPage::Product(9))), shop.price_cents(2)),
            ("", "", 0)
        );
        assert_eq!(catalogue(0).len(), 1);
    }

    #[test]
    fn queries_are_encoded_for_an_address() {
        let mut out = String::new();
        form_encode("café & 1+1=2?", &mut out);
        assert_eq!(out, "caf%C3%A9+%26+1%2B1%3D2%3F");
    }
}
