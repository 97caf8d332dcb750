//! What the shop sells: names, categories and prices.

use crate::base::random::{mix, scale};

/// Name, category and price of a product.
pub(super) fn describe(number: u32) -> (String, u8, u64) {
    const FIRST: [(&str, u64); 4] =
        [("Laptop", 99_999), ("Mouse", 2_999), ("Keyboard", 7_999), ("Monitor", 29_999)];
    if let Some((name, price_cents)) = FIRST.get(number as usize) {
        return ((*name).to_owned(), 0, *price_cents);
    }
    let number = number as usize - FIRST.len();
    let (noun, category, low, high) = NOUNS[number % NOUNS.len()];
    let round = number / NOUNS.len();
    let brand = BRANDS[(round + number % NOUNS.len()) % BRANDS.len()];
    let model = match round / BRANDS.len() {
        0 => String::new(),
        series => format!(" {}", series + 1),
    };
    let price = low + scale(mix(number as u64), high - low + 1);
    (format!("{brand} {noun}{model}"), category, price * 100 - 1)
}

/// Invented makers.
const BRANDS: [&str; 23] = [
    "Alder", "Boreal", "Cascade", "Delta", "Ember", "Fjord", "Grove", "Harbor", "Indigo",
    "Juniper", "Kestrel", "Lumen", "Meridian", "Nimbus", "Orchard", "Pioneer", "Quartz", "Ridge",
    "Summit", "Tundra", "Umbra", "Vertex", "Willow",
];

/// What is sold, its category, and the lowest and highest price in dollars.
const NOUNS: [(&str, u8, u64, u64); 48] = [
    ("Headphones", 0, 40, 350),
    ("Smartphone", 0, 250, 1_200),
    ("Desk Lamp", 1, 20, 90),
    ("Rain Jacket", 2, 50, 220),
    ("Running Shoes", 3, 60, 180),
    ("Cookbook", 4, 15, 45),
    ("Building Blocks", 5, 20, 120),
    ("Face Cream", 6, 10, 60),
    ("Watering Can", 7, 12, 40),
    ("Tablet", 0, 150, 900),
    ("Coffee Maker", 1, 40, 250),
    ("Sneakers", 2, 45, 160),
    ("Yoga Mat", 3, 15, 80),
    ("Crime Novel", 4, 8, 25),
    ("Board Game", 5, 18, 75),
    ("Shampoo", 6, 6, 30),
    ("Plant Pot", 7, 8, 55),
    ("Webcam", 0, 35, 200),
    ("Frying Pan", 1, 25, 130),
    ("Jeans", 2, 40, 140),
    ("Dumbbell Set", 3, 30, 250),
    ("Travel Guide", 4, 12, 35),
    ("Puzzle", 5, 10, 40),
    ("Perfume", 6, 30, 180),
    ("Garden Hose", 7, 20, 85),
    ("Smart Watch", 0, 90, 600),
    ("Blender", 1, 35, 220),
    ("Wool Sweater", 2, 45, 190),
    ("Bicycle Helmet", 3, 30, 150),
    ("Picture Book", 4, 9, 28),
    ("Model Train", 5, 40, 300),
    ("Hair Dryer", 6, 25, 160),
    ("Lawn Mower", 7, 120, 700),
    ("Router", 0, 45, 320),
    ("Bed Linen", 1, 30, 140),
    ("Backpack", 2, 35, 170),
    ("Tennis Racket", 3, 50, 280),
    ("History Book", 4, 14, 50),
    ("Toy Robot", 5, 25, 150),
    ("Electric Toothbrush", 6, 30, 200),
    ("Barbecue Grill", 7, 80, 650),
    ("Printer", 0, 70, 450),
    ("Vacuum Cleaner", 1, 80, 600),
    ("Leather Belt", 2, 20, 90),
    ("Camping Tent", 3, 70, 480),
    ("Dictionary", 4, 18, 60),
    ("Doll House", 5, 35, 220),
    ("Sun Cream", 6, 8, 35),
];
