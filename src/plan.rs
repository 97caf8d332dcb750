//! What a run will do: a scenario after every check, with nothing left open.
//!
//! After this step no `Option` means "default", and no later layer asks whether a key was set.

pub mod app_schema;
mod apps;
pub mod axes;
mod crowd;
mod curve;
pub mod event;
pub mod fraud;
pub mod inputs;
pub(crate) mod kafka;
pub mod kafka_plan;
mod load;
pub mod load_plan;
pub mod metric;
mod phase;
mod population;
pub mod population_plan;
pub mod rates;
mod replay;
pub(crate) mod resolve;
pub mod resolved;
pub mod scenario;
pub mod sweep;
pub mod threshold;
pub mod timeline;
pub mod toml;
mod topic;

pub use app_schema::{AppOption, AppSchema, OptionKind};
pub use kafka::checker::{ClientCheckers, PropertyChecker};
pub use kafka::secret::is_secret;
pub use kafka_plan::{ClientKind, KafkaPlan, masked};
pub use load_plan::{
    Arrivals, HotPlan, LoadPlan, PhasePlan, RateSegment, ReplayPlan, SalePlan, Shape,
};
pub use population::{Hurry, PopulationPlan};
pub use replay::is_topic_name;
pub use resolved::{
    AppPlan, EMBEDDED_MEMORY_LIMIT_BYTES, EventPlan, MeasurePlan, PaddingPlan, Plan, TopicPlan,
};
