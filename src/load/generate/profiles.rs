//! Users: where they live, what they hold in hand, how they shop. All of it follows from the
//! seed and the user's number, so that ten million of them take no memory.

mod tables;

use super::Persona;
use super::skew::Alias;
use crate::base::random::{derive, mix, scale};
use crate::event::codec::{Codec, EventPiece};
use tables::{AGENTS, CITIES};

/// The purpose of the users' seeds.
const USERS: u64 = 2;

/// What is known of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct UserProfile {
    pub(super) persona: Persona,
    /// An index for [`People::location`].
    pub(super) city: u8,
    /// An index for [`People::agent`].
    pub(super) agent: u8,
    pub(super) address: [u8; 4],
}

/// Everybody's attributes, and what the codec made of them.
#[derive(Debug, Clone)]
pub(super) struct People {
    seed: u64,
    personas: Alias,
    cities: Alias,
    agents: Alias,
    locations: Vec<Vec<u8>>,
    /// Of each agent its text and its device.
    agent_pieces: Vec<(Vec<u8>, Vec<u8>)>,
}

impl People {
    /// The users of a seed, with these shares of browsers, buyers and researchers.
    pub(super) fn new(seed: u64, personas: &[f64; 3], codec: &dyn Codec) -> Self {
        let prepared = |piece: EventPiece<'_>| {
            let mut out = Vec::new();
            codec.prepare(&piece, &mut out);
            out
        };
        let place =
            |&(city, country, timezone, _)| prepared(EventPiece::Place { country, city, timezone });
        let agent = |&(kind, os, browser, text, _)| {
            (prepared(EventPiece::Text(text)), prepared(EventPiece::Device { kind, os, browser }))
        };
        Self {
            seed,
            personas: Alias::new(personas),
            cities: Alias::new(&CITIES.map(|city| city.3)),
            agents: Alias::new(&AGENTS.map(|agent| agent.4)),
            locations: CITIES.iter().map(place).collect(),
            agent_pieces: AGENTS.iter().map(agent).collect(),
        }
    }

    /// The attributes of a user: always the same ones.
    pub(super) fn person(&self, user: u64) -> UserProfile {
        let own = derive(self.seed, USERS, user);
        let persona = Persona::ALL[self.personas.pick(own) % Persona::ALL.len()];
        let city = self.cities.pick(mix(own ^ 1)) as u8;
        let agent = self.agents.pick(mix(own ^ 2)) as u8;
        let [x, y, ..] = mix(own ^ 3).to_be_bytes();
        // A private network with a block for each city; no address ends in 0 or 255.
        UserProfile { persona, city, agent, address: [10, city, x, y.clamp(1, 254)] }
    }

    /// Somebody who has taken over the account of `victim`, in a visit of this number: another
    /// country, and with it another network, and another device. What is known of the account,
    /// such as how its owner shops, stays.
    pub(super) fn intruder(&self, victim: &UserProfile, visit: u64) -> UserProfile {
        let own = mix(visit);
        let country = |city: u8| CITIES.get(usize::from(city)).map(|city| city.1);
        let abroad = |city: &u8| country(*city) != country(victim.city);
        let picks = (1..64).map(|toss| self.cities.pick(mix(own ^ toss)) as u8);
        let city = picks.chain(0..CITIES.len() as u8).find(abroad).unwrap_or(0);
        let agents = AGENTS.len() as u8;
        let further = 1 + scale(mix(own ^ 64), u64::from(agents) - 1) as u8;
        let agent = (victim.agent + further) % agents;
        let [x, y, ..] = mix(own ^ 65).to_be_bytes();
        UserProfile { city, agent, address: [10, city, x, y.clamp(1, 254)], ..*victim }
    }

    /// A city, as the codec made it of an [`EventPiece::Place`].
    pub(super) fn location(&self, city: u8) -> &[u8] {
        self.locations.get(usize::from(city)).map_or(b"", Vec::as_slice)
    }

    /// The user agent, and the device it belongs to; both as the codec made them.
    pub(super) fn agent(&self, agent: u8) -> (&[u8], &[u8]) {
        let pieces = self.agent_pieces.get(usize::from(agent));
        pieces.map_or((b"", b""), |(text, device)| (text, device))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use super::*;
    use crate::event::format::JSON;

    fn people(seed: u64, personas: &[f64; 3]) -> People {
        People::new(seed, personas, JSON)
    }

    #[test]
    fn there_are_many_cities_in_many_countries_each_in_its_zone() {
        let countries: HashSet<_> = CITIES.iter().map(|city| city.1).collect();
        assert!(CITIES.len() >= 30 && countries.len() >= 15, "{}", countries.len());
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
            assert_eq!(agent.contains("iPhone"), os == "iOS" && kind == "mobile", "{agent}");
            assert_eq!(agent.contains("iPad"), os == "iOS" && kind == "tablet", "{agent}");
            assert!(!agent.contains("  ") && !agent.contains('"'), "{agent}");
        }
    }

    #[test]
    fn an_intruder_comes_from_another_country_on_another_device() {
        let people = people(3, &[0.6, 0.25, 0.15]);
        let mut seen = HashSet::new();
        for visit in 0..20_000 {
            let victim = people.person(visit % 500);
            let intruder = people.intruder(&victim, visit);
            let country = |person: &UserProfile| CITIES[usize::from(person.city)].1;
            assert_ne!(country(&victim), country(&intruder));
            assert_ne!(victim.agent, intruder.agent);
            assert_ne!(victim.address[..2], intruder.address[..2]);
            assert_eq!(victim.persona, intruder.persona);
            seen.insert((intruder.city, intruder.agent));
        }
        assert!(seen.len() > 100, "{}", seen.len());
    }

    #[test]
    fn a_user_is_always_the_same_and_users_differ() {
        let shares = [0.6, 0.25, 0.15];
        let ours = people(1, &shares);
        let mut counts = [0.0; 3];
        let mut seen = HashSet::new();
        for user in 0..100_000 {
            let person = ours.person(user);
            assert_eq!(person, ours.person(user));
            counts[person.persona.index()] += 1e-5;
            seen.insert((person.city, person.agent, person.address));
        }
        for (count, share) in counts.iter().zip(shares) {
            assert!((count - share).abs() < 0.01, "{counts:?}");
        }
        assert!(seen.len() > 95_000, "{}", seen.len());
        assert_ne!(people(2, &shares).person(7), ours.person(7));
    }
}
