//! What a target and its clients tell each other.

use super::complaint::Complaint;
use super::own_members::OwnMembers;

/// Notes that all clients of a target share with it.
#[derive(Debug, Clone, Default)]
pub(super) struct TargetNotes {
    /// Why there is no progress, if there is none.
    pub(super) complaint: Complaint,
    /// Who its consumers are in their groups.
    pub(super) members: OwnMembers,
}
