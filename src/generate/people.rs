//! Users: where they live, what they hold in hand, how they shop. All of it follows from the
//! seed and the user's number, so that ten million of them take no memory.

use crate::generate::Persona;
use crate::generate::skew::Alias;
use crate::pace::seed::{derive, mix};
use crate::wire::encode;

/// The purpose of the users' seeds.
const USERS: u64 = 2;

/// What is known of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Person {
    pub(super) persona: Persona,
    /// An index for [`People::location`].
    pub(super) city: u8,
    /// An index for [`People::agent`].
    pub(super) agent: u8,
    pub(super) address: [u8; 4],
}

/// Everybody's attributes, and the fragments made of them.
#[derive(Debug, Clone)]
pub(super) struct People {
    seed: u64,
    personas: Alias,
    cities: Alias,
    agents: Alias,
    locations: Vec<String>,
    devices: Vec<String>,
}

impl People {
    /// The users of a seed, with these shares of browsers, buyers and researchers.
    pub(super) fn new(seed: u64, personas: &[f64; 3]) -> Self {
        let locations = CITIES.iter().map(|(city, country, timezone, _)| {
            let mut fragment = String::new();
            encode::location(country, city, timezone, &mut fragment);
            fragment
        });
        let devices = AGENTS.iter().map(|(kind, os, browser, _, _)| {
            let mut fragment = String::new();
            encode::device(kind, os, browser, &mut fragment);
            fragment
        });
        Self {
            seed,
            personas: Alias::new(personas),
            cities: Alias::new(&CITIES.map(|city| city.3)),
            agents: Alias::new(&AGENTS.map(|agent| agent.4)),
            locations: locations.collect(),
            devices: devices.collect(),
        }
    }

    /// The attributes of a user: always the same ones.
    pub(super) fn person(&self, user: u64) -> Person {
        let own = derive(self.seed, USERS, user);
        let persona = Persona::ALL[self.personas.pick(own) % Persona::ALL.len()];
        let city = self.cities.pick(mix(own ^ 1)) as u8;
        let agent = self.agents.pick(mix(own ^ 2)) as u8;
        let [x, y, ..] = mix(own ^ 3).to_be_bytes();
        // A private network with a block for each city; no address ends in 0 or 255.
        Person {
            persona,
            city,
            agent,
            address: [10, city, x, y.clamp(1, 254)],
        }
    }

    /// The fragment of a city; see [`encode::location`].
    pub(super) fn location(&self, city: u8) -> &str {
        self.locations
            .get(usize::from(city))
            .map_or("", String::as_str)
    }

    /// The user agent, and the fragment of the device it belongs to; see [`encode::device`].
    pub(super) fn agent(&self, agent: u8) -> (&str, &str) {
        let index = usize::from(agent);
        let text = AGENTS.get(index).map_or("", |agent| agent.3);
        (text, self.devices.get(index).map_or("", String::as_str))
    }
}

/// City, country, time zone, weight.
const CITIES: [(&str, &str, &str, f64); 40] = [
    ("New York", "US", "America/New_York", 9.0),
    ("Los Angeles", "US", "America/Los_Angeles", 7.0),
    ("Chicago", "US", "America/Chicago", 5.0),
    ("Houston", "US", "America/Chicago", 3.0),
    ("Phoenix", "US", "America/Phoenix", 2.0),
    ("Denver", "US", "America/Denver", 2.0),
    ("Seattle", "US", "America/Los_Angeles", 3.0),
    ("Boston", "US", "America/New_York", 3.0),
    ("Toronto", "CA", "America/Toronto", 3.0),
    ("Vancouver", "CA", "America/Vancouver", 2.0),
    ("Montréal", "CA", "America/Toronto", 1.5),
    ("Mexico City", "MX", "America/Mexico_City", 3.0),
    ("São Paulo", "BR", "America/Sao_Paulo", 4.0),
    ("Rio de Janeiro", "BR", "America/Sao_Paulo", 2.0),
    ("Buenos Aires", "AR", "America/Argentina/Buenos_Aires", 2.0),
    ("Santiago", "CL", "America/Santiago", 1.0),
    ("London", "GB", "Europe/London", 6.0),
    ("Manchester", "GB", "Europe/London", 2.0),
    ("Dublin", "IE", "Europe/Dublin", 1.0),
    ("Paris", "FR", "Europe/Paris", 4.0),
    ("Lyon", "FR", "Europe/Paris", 1.5),
    ("Berlin", "DE", "Europe/Berlin", 4.0),
    ("Munich", "DE", "Europe/Berlin", 3.0),
    ("Zürich", "CH", "Europe/Zurich", 1.0),
    ("Amsterdam", "NL", "Europe/Amsterdam", 2.0),
    ("Madrid", "ES", "Europe/Madrid", 3.0),
    ("Barcelona", "ES", "Europe/Madrid", 2.0),
    ("Rome", "IT", "Europe/Rome", 2.0),
    ("Milan", "IT", "Europe/Rome", 2.0),
    ("Stockholm", "SE", "Europe/Stockholm", 1.5),
    ("Warsaw", "PL", "Europe/Warsaw", 2.0),
    ("Istanbul", "TR", "Europe/Istanbul", 2.0),
    ("Lagos", "NG", "Africa/Lagos", 1.5),
    ("Johannesburg", "ZA", "Africa/Johannesburg", 1.5),
    ("Mumbai", "IN", "Asia/Kolkata", 5.0),
    ("Bengaluru", "IN", "Asia/Kolkata", 4.0),
    ("Singapore", "SG", "Asia/Singapore", 2.0),
    ("Tokyo", "JP", "Asia/Tokyo", 5.0),
    ("Seoul", "KR", "Asia/Seoul", 3.0),
    ("Sydney", "AU", "Australia/Sydney", 3.0),
];

/// Device type, system, browser, user agent, weight. The systems and browsers are the
/// specification's; Safari runs on iOS only, and every browser names its system.
const AGENTS: [(&str, &str, &str, &str, f64); 18] = [
    (
        "desktop",
        "Windows",
        "Chrome",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) \
         AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Safari/537.36",
        22.0,
    ),
    (
        "desktop",
        "Windows",
        "Chrome",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) \
         AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
        10.0,
    ),
    (
        "desktop",
        "Windows",
        "Chrome",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) \
         AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36",
        3.0,
    ),
    (
        "desktop",
        "Windows",
        "Firefox",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) \
         Gecko/20100101 Firefox/145.0",
        6.0,
    ),
    (
        "desktop",
        "Windows",
        "Firefox",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) \
         Gecko/20100101 Firefox/140.0",
        3.0,
    ),
    (
        "mobile",
        "iOS",
        "Safari",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) \
         AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 Mobile/15E148 Safari/604.1",
        14.0,
    ),
    (
        "mobile",
        "iOS",
        "Safari",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) \
         AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1",
        5.0,
    ),
    (
        "mobile",
        "iOS",
        "Chrome",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) \
         AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/143.0.0.0 Mobile/15E148 Safari/604.1",
        3.0,
    ),
    (
        "mobile",
        "iOS",
        "Firefox",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) \
         AppleWebKit/605.1.15 (KHTML, like Gecko) FxiOS/145.0 Mobile/15E148 Safari/605.1.15",
        1.0,
    ),
    (
        "mobile",
        "Android",
        "Chrome",
        "Mozilla/5.0 (Linux; Android 10; K) \
         AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Mobile Safari/537.36",
        16.0,
    ),
    (
        "mobile",
        "Android",
        "Chrome",
        "Mozilla/5.0 (Linux; Android 10; K) \
         AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Mobile Safari/537.36",
        6.0,
    ),
    (
        "mobile",
        "Android",
        "Firefox",
        "Mozilla/5.0 (Android 15; Mobile; rv:145.0) \
         Gecko/145.0 Firefox/145.0",
        1.5,
    ),
    (
        "mobile",
        "Android",
        "Firefox",
        "Mozilla/5.0 (Android 14; Mobile; rv:144.0) \
         Gecko/144.0 Firefox/144.0",
        0.5,
    ),
    (
        "tablet",
        "iOS",
        "Safari",
        "Mozilla/5.0 (iPad; CPU OS 18_7 like Mac OS X) \
         AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 Mobile/15E148 Safari/604.1",
        4.0,
    ),
    (
        "tablet",
        "iOS",
        "Chrome",
        "Mozilla/5.0 (iPad; CPU OS 18_7 like Mac OS X) \
         AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/143.0.0.0 Mobile/15E148 Safari/604.1",
        1.0,
    ),
    (
        "tablet",
        "iOS",
        "Firefox",
        "Mozilla/5.0 (iPad; CPU OS 18_7 like Mac OS X) \
         AppleWebKit/605.1.15 (KHTML, like Gecko) FxiOS/145.0 Mobile/15E148 Safari/605.1.15",
        0.5,
    ),
    (
        "tablet",
        "Android",
        "Chrome",
        "Mozilla/5.0 (Linux; Android 10; K) \
         AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Safari/537.36",
        3.0,
    ),
    (
        "tablet",
        "Android",
        "Firefox",
        "Mozilla/5.0 (Android 15; Tablet; rv:145.0) \
         Gecko/145.0 Firefox/145.0",
        0.5,
    ),
];

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use super::*;

    #[test]
    fn there_are_many_cities_in_many_countries_each_in_its_zone() {
        let countries: HashSet<_> = CITIES.iter().map(|city| city.1).collect();
        assert!(
            CITIES.len() >= 30 && countries.len() >= 15,
            "{}",
            countries.len()
        );
        let continents = HashMap::from([
            ("US", "America"),
            ("CA", "America"),
            ("MX", "America"),
            ("BR", "America"),
            ("AR", "America"),
            ("CL", "America"),
            ("NG", "Africa"),
            ("ZA", "Africa"),
            ("IN", "Asia"),
            ("SG", "Asia"),
            ("JP", "Asia"),
            ("KR", "Asia"),
            ("AU", "Australia"),
        ]);
        for (city, country, timezone, _) in CITIES {
            let continent = continents.get(country).unwrap_or(&"Europe");
            assert!(timezone.starts_with(continent), "{city}");
        }
    }

    #[test]
    fn systems_browsers_and_user_agents_fit_each_other() {
        for (kind, os, browser, agent, _) in AGENTS {
            let systems: &[&str] = match kind {
                "desktop" => &["Windows"],
                _ => &["iOS", "Android"],
            };
            assert!(systems.contains(&os), "{agent}");
            assert!(browser != "Safari" || os == "iOS", "{agent}");
            let system = match os {
                "Windows" => "Windows NT",
                "iOS" => "like Mac OS X",
                _ => "Android",
            };
            assert!(agent.contains(system), "{agent}");
            let token = match (os, browser) {
                ("iOS", "Chrome") => "CriOS/",
                ("iOS", "Firefox") => "FxiOS/",
                (_, "Safari") => "Version/",
                (_, "Chrome") => "Chrome/",
                _ => "Firefox/",
            };
            assert!(agent.contains(token), "{agent}");
            assert_eq!(
                agent.contains("iPhone"),
                os == "iOS" && kind == "mobile",
                "{agent}"
            );
            assert_eq!(
                agent.contains("iPad"),
                os == "iOS" && kind == "tablet",
                "{agent}"
            );
            assert!(!agent.contains("  ") && !agent.contains('"'), "{agent}");
        }
    }

    #[test]
    fn a_user_is_always_the_same_and_users_differ() {
        let shares = [0.6, 0.25, 0.15];
        let people = People::new(1, &shares);
        let mut counts = [0.0; 3];
        let mut seen = HashSet::new();
        for user in 0..100_000 {
            let person = people.person(user);
            assert_eq!(person, people.person(user));
            counts[person.persona.index()] += 1e-5;
            seen.insert((person.city, person.agent, person.address));
        }
        for (count, share) in counts.iter().zip(shares) {
            assert!((count - share).abs() < 0.01, "{counts:?}");
        }
        assert!(seen.len() > 95_000, "{}", seen.len());
        assert_ne!(People::new(2, &shares).person(7), people.person(7));
    }
}
