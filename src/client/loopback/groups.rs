//! Who is in a group of the loopback.

/// The members of one group and how far they have read.
#[derive(Debug)]
pub(super) struct GroupMembers {
    pub(super) members: Vec<u64>,
    next_member: u64,
    pub(super) committed: Vec<i64>,
}

impl GroupMembers {
    pub(super) fn new(partitions: usize) -> Self {
        Self { members: Vec::new(), next_member: 0, committed: vec![0; partitions] }
    }

    pub(super) fn join(&mut self) -> u64 {
        self.next_member += 1;
        self.members.push(self.next_member);
        self.next_member
    }

    /// The partitions of a member: every n-th, by its place among the members.
    pub(super) fn share(&self, member: u64) -> impl Iterator<Item = usize> + use<> {
        let place = self.members.iter().position(|&other| other == member);
        let (first, step) = place.map_or((usize::MAX, 1), |place| (place, self.members.len()));
        (first..self.committed.len()).step_by(step)
    }
}
