//! The shop: its products, and every page and query made of them.
//!
//! The first four products and the first pages are the specification's. The rest of the
//! catalogue follows from the product's number alone, so a price never depends on the seed.

mod stock;

use crate::event::json::encode;
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
    /// Where the texts end: the properties' fragment, the page, then each form of the query as
    /// a page and as text. The first one starts where the product before ends.
    ends: [u32; TEXTS],
}

const TEXTS: usize = 2 + 2 * QUERY_FORMS as usize;

/// All products with all their texts, which are escaped JSON already.
#[derive(Debug, Clone)]
pub(super) struct Catalogue {
    products: Vec<Product>,
    text: String,
    categories: Vec<(String, String)>,
}

impl Catalogue {
    /// A catalogue of so many products, at least one; some 400 bytes each.
    pub(super) fn new(count: u32) -> Self {
        let mut text = String::new();
        let products = (0..count.max(1)).map(|number| product(number, &mut text)).collect();
        let categories = CATEGORIES.map(|name| {
            let mut fragment = String::new();
            encode::category(name, &mut fragment);
            (fragment, format!("/category/{name}"))
        });
        Self { products, text, categories: categories.into() }
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

    /// The properties' fragment of a product; see [`encode::product`].
    pub(super) fn about(&self, number: u32) -> &str {
        self.text_of(number, 0)
    }

    /// The properties' fragment of a page: a product's, a category's, or nothing.
    pub(super) fn about_page(&self, page: ShopPage) -> &str {
        match page {
            ShopPage::Product(number) => self.about(number),
            ShopPage::Category(category) => {
                self.categories.get(usize::from(category)).map_or("", |texts| &texts.0)
            }
            _ => "",
        }
    }

    /// The address of a page.
    #[inline]
    pub(super) fn url(&self, page: ShopPage) -> &str {
        match page {
            ShopPage::Home => "/",
            ShopPage::Category(category) => {
                self.categories.get(usize::from(category)).map_or("", |texts| &texts.1)
            }
            ShopPage::Product(number) => self.text_of(number, 1),
            ShopPage::Search(number, form) => self.text_of(number, 2 + 2 * usize::from(form)),
            ShopPage::Cart => "/cart",
            ShopPage::Checkout => "/checkout",
            ShopPage::External(site) => EXTERNAL.get(usize::from(site)).copied().unwrap_or(""),
        }
    }

    /// What was typed to get to a page of results.
    pub(super) fn query(&self, number: u32, form: u8) -> &str {
        self.text_of(number, 3 + 2 * usize::from(form))
    }

    #[inline]
    fn text_of(&self, number: u32, index: usize) -> &str {
        let number = number as usize;
        let Some(product) = self.products.get(number) else {
            return "";
        };
        let start = match (index, number) {
            (0, 0) => 0,
            (0, _) => self.products[number - 1].ends[TEXTS - 1],
            _ => product.ends[index - 1],
        };
        self.text.get(start as usize..product.ends[index] as usize).unwrap_or("")
    }
}

fn product(number: u32, text: &mut String) -> Product {
    let (name, category, price_cents) = describe(number);
    let lower = name.to_lowercase();
    let mut ends = [0; TEXTS];
    let id = format!("PROD-{:03}", number + 1);
    encode::product(&id, &name, price_cents, CATEGORIES[usize::from(category)], text);
    ends[0] = text.len() as u32;
    text.push_str("/products/");
    text.push_str(&lower.replace(' ', "-"));
    ends[1] = text.len() as u32;
    for (form, (before, after)) in FORMS.iter().enumerate() {
        let query = format!("{before}{lower}{after}");
        text.push_str("/search?q=");
        form_encode(&query, text);
        ends[2 + 2 * form] = text.len() as u32;
        encode::escape(&query, text);
        ends[3 + 2 * form] = text.len() as u32;
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

    #[test]
    fn the_first_products_and_pages_are_the_specification_s() {
        let shop = Catalogue::new(10);
        assert_eq!(
            shop.about(0),
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
            pages.map(|page| shop.url(page)),
            [
                "/",
                "/products/laptop",
                "/products/mouse",
                "/category/electronics",
                "/search?q=laptop"
            ]
        );
        assert_eq!(shop.url(ShopPage::Search(0, 1)), "/search?q=laptop+deals");
        assert_eq!(shop.query(0, 1), "laptop deals");
        assert_eq!(shop.about_page(ShopPage::Category(1)), "\"category\":\"home\"");
    }

    #[test]
    fn every_product_has_a_name_and_a_page_of_its_own_and_a_fair_price() {
        let shop = Catalogue::new(20_000);
        assert_eq!(shop.len(), 20_000);
        let (mut names, mut pages) = (HashSet::new(), HashSet::new());
        let mut categories = HashSet::new();
        for number in 0..shop.len() {
            let (name, category, price_cents) = describe(number);
            assert!((599..200_000).contains(&price_cents) && price_cents % 100 == 99, "{name}");
            assert_eq!(shop.price_cents(number), price_cents);
            assert_eq!(shop.category(number), category);
            assert!(shop.query(number, 3).contains(&name.to_lowercase()));
            assert!(shop.about(number).contains(&format!("\"{name}\"")));
            categories.insert(category);
            names.insert(name);
            pages.insert(shop.url(ShopPage::Product(number)));
        }
        assert_eq!((names.len(), pages.len()), (20_000, 20_000));
        assert_eq!(categories.len(), CATEGORIES.len());
    }

    #[test]
    fn a_product_that_is_not_there_has_no_text() {
        let shop = Catalogue::new(2);
        assert_eq!(
            (shop.about(2), shop.url(ShopPage::Product(9)), shop.price_cents(2)),
            ("", "", 0)
        );
        assert_eq!(Catalogue::new(0).len(), 1);
    }

    #[test]
    fn queries_are_encoded_for_an_address() {
        let mut out = String::new();
        form_encode("café & 1+1=2?", &mut out);
        assert_eq!(out, "caf%C3%A9+%26+1%2B1%3D2%3F");
    }
}
