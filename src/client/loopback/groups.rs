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

    /// A member's place among the members, and how many these are.
    pub(super) fn seat(&self, member: u64) -> (usize, usize) {
        let place = self.members.iter().position(|&other| other == member);
        place.map_or((usize::MAX, 1), |place| (place, self.members.len()))
    }

    /// The partitions of who has this seat: every n-th.
    pub(super) fn share(
        &self,
        (first, step): (usize, usize),
    ) -> impl Iterator<Item = usize> + use<> {
        (first..self.committed.len()).step_by(step)
    }
}
