//! Scenarios that are not shipped: each shows one thing that the shipped ones can't.

use std::sync::Arc;

use super::events::{Load, load};
use super::measure::{HONEST, file, written};

/// Sessions that are too few, so that all of them hurry.
pub(super) mod few {
    pub(in super::super) const MOST: f64 = 6_000.0;

    /// As many as 2,000/s need, and how many times as fast as configured those that may be run.
    pub(in super::super) fn factor() -> f64 {
        2_000.0 * 8.0 * libm::exp(0.5) * 11.0 / 12.0 / MOST
    }
}

/// At 2,000/s some 24,000 are needed, and 6,000 are possible.
pub(super) fn few() -> Arc<Load> {
    let text = "seed = 4\n[load]\nrate_per_s = 2000\nduration = \"5m\"\nwarmup = \"0s\"\n\
                [population]\nusers = 50_000\nsessions_max = 6000\n";
    load(&[&written("few", text)], 300_000)
}

/// A slope up and down, by people so quick that whoever was opened or closed is seen soon: who
/// looks from outside then knows how many there are.
pub(super) mod slope {
    const LEAST_PER_S: f64 = 2_000.0;
    const MOST_PER_S: f64 = 10_000.0;
    /// Ten seconds each at the foot, at the top and at the foot; forty between them.
    pub(in super::super) const WHOLE_S: f64 = 110.0;

    pub(super) fn text() -> String {
        let hold = |name, rate| {
            format!(
                "[[load.phase]]\nname = \"{name}\"\nkind = \"constant\"\nduration = \"10s\"\n\
                 rate_per_s = {rate}\n"
            )
        };
        let ramp = |name, from, to| {
            format!(
                "[[load.phase]]\nname = \"{name}\"\nkind = \"ramp\"\nduration = \"40s\"\n\
                 from_per_s = {from}\nto_per_s = {to}\n"
            )
        };
        let (least, most) = (LEAST_PER_S, MOST_PER_S);
        format!(
            "seed = 12\n[load]\nwarmup = \"0s\"\n{}{}{}{}{}\
             [population]\nthink_median = \"200ms\"\n",
            hold("foot", least),
            ramp("up", least, most),
            hold("top", most),
            ramp("down", most, least),
            hold("end", least)
        )
    }

    /// Events per second at a time.
    pub(in super::super) fn rate_per_s(at_s: f64) -> f64 {
        let part = ((at_s.min(WHOLE_S - at_s) - 10.0) / 40.0).clamp(0.0, 1.0);
        LEAST_PER_S + (MOST_PER_S - LEAST_PER_S) * part
    }
}

pub(super) fn slope_file() -> String {
    written("slope", &slope::text())
}

pub(super) fn slope() -> Arc<Load> {
    load(&[&[slope_file().as_str()], HONEST].concat(), 10_000_000)
}

/// The shipped day, by quicker people for the same reason.
pub(super) const QUICK: &[&str] = &["--set", "population.think_median=500ms"];

pub(super) fn quick_day() -> Arc<Load> {
    load(&[&[file("day").as_str()], QUICK, HONEST].concat(), 10_000_000)
}

/// The whole of the scenario that has hot users.
pub(super) fn burst() -> Arc<Load> {
    load(&[&[file("fraud-burst").as_str()], HONEST].concat(), 10_000_000)
}

/// Two thousand users, of whom one or two are there at once: nobody is kept from coming by being
/// there already.
pub(super) fn sparse() -> Arc<Load> {
    visitors("sparse", "users = 2_000\nthink_median = \"1ms\"")
}

/// As many as the word "auto" stands for, of whom half are there at once.
pub(super) fn crowded() -> Arc<Load> {
    visitors("crowded", "users = \"auto\"\nthink_median = \"660ms\"")
}

fn visitors(name: &str, population: &str) -> Arc<Load> {
    let text = format!(
        "seed = 13\n[load]\nrate_per_s = 1000\nduration = \"10m\"\nwarmup = \"0s\"\n\
         [population]\n{population}\n"
    );
    load(&[&[written(name, &text).as_str()], HONEST].concat(), 10_000_000)
}
