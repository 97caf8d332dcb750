//! Which version of each API is spoken with a broker: the highest that both know.

use kafka_protocol::messages::ApiKey;

use super::answer::FieldReader;

/// An API, and the versions of it that this client writes and reads.
#[derive(Debug, Clone, Copy)]
struct Implemented {
    api: ApiKey,
    min: i16,
    max: i16,
}

const fn implemented(api: ApiKey, min: i16, max: i16) -> Implemented {
    Implemented { api, min, max }
}

/// What this client asks. Produce and Fetch name topics by ids from version 13 on, which no broker
/// of Kafka 3.7 to 4.4 insists on; record batches come with Produce 3 and Fetch 4.
#[rustfmt::skip]
const IMPLEMENTED: &[Implemented] = &[
    implemented(ApiKey::Produce, 3, 12),
    implemented(ApiKey::Fetch, 4, 12),
    implemented(ApiKey::ListOffsets, 1, 9),
    implemented(ApiKey::Metadata, 1, 12),
    implemented(ApiKey::OffsetCommit, 2, 9),
    implemented(ApiKey::OffsetFetch, 1, 9),
    implemented(ApiKey::FindCoordinator, 0, 4),
    implemented(ApiKey::JoinGroup, 2, 9),
    implemented(ApiKey::Heartbeat, 0, 4),
    implemented(ApiKey::LeaveGroup, 0, 5),
    implemented(ApiKey::SyncGroup, 0, 5),
    implemented(ApiKey::InitProducerId, 0, 5),
    implemented(ApiKey::ConsumerGroupHeartbeat, 0, 1),
];

/// What a broker speaks, as it says itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SpokenVersions(Vec<(i16, i16, i16)>);

impl SpokenVersions {
    /// Reads the body of an answer to `ApiVersions` of this version, which says no error; `None`
    /// where it is cut. By hand: the codec would reserve what its tagged fields claim.
    pub(super) fn read(body: &[u8], version: i16) -> Option<Self> {
        let mut fields = FieldReader::new(body, version >= 3);
        fields.i16()?;
        let mut spoken = Vec::new();
        for _ in 0..fields.count()? {
            spoken.push((fields.i16()?, fields.i16()?, fields.i16()?));
            fields.tags()?;
        }
        Some(Self(spoken))
    }

    /// The version to speak.
    ///
    /// # Errors
    /// What the broker lacks and what was expected; `who` is the broker.
    pub(crate) fn choose(&self, api: ApiKey, who: &str) -> Result<i16, String> {
        let own = IMPLEMENTED.iter().find(|own| own.api == api);
        let Some(&Implemented { min, max, .. }) = own else {
            return Err(format!("{api:?} is none of the native client's requests"));
        };
        let Some((_, low, high)) = self.0.iter().find(|(key, ..)| *key == api as i16) else {
            return Err(format!("{who} does not speak {api:?}; expected version {min} or later"));
        };
        let version = max.min(*high);
        if version < min {
            return Err(format!(
                "{who} speaks {api:?} up to version {high}; expected {min} or later"
            ));
        }
        if version < *low {
            return Err(format!(
                "{who} speaks {api:?} from version {low} on; expected {max} or earlier"
            ));
        }
        Ok(version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHO: &str = "broker 1 at host:9092";

    fn spoken(api: ApiKey, low: i16, high: i16) -> SpokenVersions {
        SpokenVersions(vec![(99, 0, 0), (api as i16, low, high)])
    }

    #[test]
    fn the_highest_version_that_both_know_is_spoken() {
        for (low, high, version) in [(0, 3, 3), (0, 7, 7), (3, 12, 12), (0, 13, 12), (12, 99, 12)] {
            let chosen = spoken(ApiKey::Produce, low, high).choose(ApiKey::Produce, WHO);
            assert_eq!(chosen, Ok(version), "{low} to {high}");
        }
    }

    #[test]
    fn what_a_broker_does_not_speak_is_said_in_one_line() {
        let produce = |low, high| spoken(ApiKey::Produce, low, high).choose(ApiKey::Produce, WHO);
        let told = |what: &str| Err(format!("{WHO} {what}"));
        assert_eq!(produce(0, 2), told("speaks Produce up to version 2; expected 3 or later"));
        assert_eq!(
            produce(13, 14),
            told("speaks Produce from version 13 on; expected 12 or earlier")
        );
        assert_eq!(
            spoken(ApiKey::Fetch, 0, 9).choose(ApiKey::Produce, WHO),
            told("does not speak Produce; expected version 3 or later")
        );
    }

    #[test]
    fn an_answer_is_read_in_the_old_and_in_the_flexible_form_and_no_cut_one_is() {
        let old = [0, 0, 0, 0, 0, 1, 0, 3, 0, 4, 0, 12];
        let flexible = [0, 0, 2, 0, 3, 0, 4, 0, 12, 0];
        let expected = SpokenVersions(vec![(3, 4, 12)]);
        assert_eq!(SpokenVersions::read(&old, 0), Some(expected.clone()));
        assert_eq!(SpokenVersions::read(&flexible, 3), Some(expected));
        for cut in 0..old.len() {
            assert_eq!(SpokenVersions::read(&old[..cut], 0), None);
        }
        for cut in 0..flexible.len() {
            assert_eq!(SpokenVersions::read(&flexible[..cut], 3), None);
        }
    }
}
