//! Properties as somebody has set them, and who says whether they are right: the client that will
//! have them. The plan knows no property of any client.

use std::collections::BTreeMap;
use std::fmt::Debug;

use super::dotted_keys::Setting;
use crate::plan::kafka_plan::{ClientKind, KafkaPlan};
use crate::plan::toml::diagnostics::Diagnostics;

/// The clients that have a property.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ClientSide {
    /// Producers only.
    Producer,
    /// Consumers only.
    Consumer,
    /// Both.
    Both,
}

/// One property as somebody has set it.
#[derive(Debug, Clone)]
pub struct GivenProperty {
    /// For whom; [`ClientSide::Both`] for whichever sides have it.
    pub(crate) side: ClientSide,
    /// By which of its names.
    pub(crate) name: String,
    /// To what, and where: a place in a properties file says that it may be written as Java's
    /// client has it.
    pub(crate) setting: Setting,
}

/// The properties that the clients get.
#[derive(Debug, Clone, Default)]
pub struct CheckedProperties {
    /// Every producer's: what was set, over what they get otherwise.
    pub(crate) producer: BTreeMap<String, String>,
    /// Every consumer's.
    pub(crate) consumer: BTreeMap<String, String>,
    /// The most that a producer takes as one record, where somebody has set that.
    pub(crate) record_limit: Option<Setting>,
}

/// The clients there are.
pub trait ClientCheckers: Debug + Sync {
    /// The one of this kind.
    fn checker(&self, kind: ClientKind) -> &dyn PropertyChecker;

    /// Chooses for a plan in which nobody has named one; where it isn't the one that is taken if
    /// possible, with the reason.
    fn choose(&self, plan: &KafkaPlan) -> (ClientKind, Option<String>);
}

/// What a client knows of its own properties.
pub trait PropertyChecker: Debug + Sync {
    /// The one name of a property that may have several.
    fn canonical<'n>(&self, name: &'n str) -> &'n str;

    /// Checks all that was set, from the weakest to the strongest: what comes later wins. Every
    /// fault goes to `faults` with its place, and nothing is opened. Each property is taken when
    /// the one before is checked, so that faults come in the order of the command line.
    /// `is_embedded` says that nobody named a broker.
    fn check(
        &self,
        given: &mut dyn Iterator<Item = GivenProperty>,
        is_embedded: bool,
        faults: &Diagnostics,
    ) -> CheckedProperties;
}
