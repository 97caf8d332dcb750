//! Who the consumers of a target are among the members of their groups.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use crate::client::stranger::Stranger;
use crate::client::target::GroupWatch;

/// The member ids of all that a target's consumers have been; shared by them.
#[derive(Debug, Clone, Default)]
pub(super) struct OwnMembers(Arc<Mutex<BTreeSet<String>>>);

impl OwnMembers {
    /// A consumer is a member of this id.
    pub(super) fn note(&self, id: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id.to_owned());
    }

    fn has(&self, id: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(id)
    }
}

/// Looks at the groups by somebody else's eyes, who takes this target's consumers for strangers.
pub(super) struct OtherMembers {
    pub(super) watch: Arc<dyn GroupWatch>,
    pub(super) own: OwnMembers,
}

impl GroupWatch for OtherMembers {
    fn strangers(&self, group: &str) -> Vec<Stranger> {
        let mut strangers = self.watch.strangers(group);
        strangers.retain(|stranger| !self.own.has(&stranger.member_id));
        strangers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Everybody;

    impl GroupWatch for Everybody {
        fn strangers(&self, group: &str) -> Vec<Stranger> {
            let member = |id: &str| Stranger {
                client_id: "kbench".to_owned(),
                host: "/127.0.0.1".to_owned(),
                partitions: vec![0],
                member_id: format!("{group}-{id}"),
            };
            vec![member("ours"), member("theirs")]
        }
    }

    #[test]
    fn a_member_that_is_a_consumer_of_the_target_is_no_stranger() {
        let own = OwnMembers::default();
        own.clone().note("g-ours");
        let watch = OtherMembers { watch: Arc::new(Everybody), own };
        let ids = |group| {
            let strangers = watch.strangers(group).into_iter();
            strangers.map(|stranger| stranger.member_id).collect::<Vec<_>>()
        };
        assert_eq!(ids("g"), ["g-theirs"]);
        assert_eq!(ids("h"), ["h-ours", "h-theirs"]);
    }
}
