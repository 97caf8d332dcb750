//! Members of a run's groups that are none of the run's: each takes partitions away from it.

use rdkafka::groups::{GroupInfo, GroupList};

use super::ClientLog;
use crate::client::stranger::Stranger;

/// The members that are none of `log`'s clients.
pub(super) fn of(list: &GroupList, topic: &str, log: &ClientLog) -> Vec<Stranger> {
    let groups = list.groups().iter();
    let members = groups.flat_map(GroupInfo::members);
    let stranger = |member: &rdkafka::groups::GroupMemberInfo| Stranger {
        client_id: member.client_id().to_owned(),
        host: member.client_host().to_owned(),
        partitions: member.assignment().map_or_else(Vec::new, |bytes| assigned(bytes, topic)),
        member_id: member.id().to_owned(),
    };
    let mut strangers: Vec<Stranger> =
        members.filter(|member| !log.has_member(member.id())).map(stranger).collect();
    strangers.sort();
    strangers
}

/// The partitions of a topic in a member's assignment, as Kafka's consumers write it
/// (`ConsumerProtocolAssignment`: a version, then topics with their partitions). What can't be read
/// is nothing.
fn assigned(bytes: &[u8], topic: &str) -> Vec<i32> {
    let mut rest = bytes;
    let mut found = Vec::new();
    let mut read = || -> Option<()> {
        take::<2>(&mut rest)?;
        let topics = i32::from_be_bytes(take(&mut rest)?);
        for _ in 0..topics {
            let length = usize::from(u16::from_be_bytes(take(&mut rest)?));
            let (name, behind) = rest.split_at_checked(length)?;
            rest = behind;
            let partitions = i32::from_be_bytes(take(&mut rest)?);
            for _ in 0..partitions {
                let partition = i32::from_be_bytes(take(&mut rest)?);
                if name == topic.as_bytes() {
                    found.push(partition);
                }
            }
        }
        Some(())
    };
    // Where it is cut off, the partitions before are all that there is to tell.
    let _ = read();
    found.sort_unstable();
    found
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (head, behind) = rest.split_first_chunk::<N>()?;
    *rest = behind;
    Some(*head)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_assignment_is_read_for_one_topic_and_as_far_as_it_goes() {
        let mut bytes = vec![0, 0, 0, 0, 0, 2];
        for (name, partitions) in [("a", &[7][..]), ("topic", &[4, 1, 300][..])] {
            bytes.extend(u16::try_from(name.len()).unwrap().to_be_bytes());
            bytes.extend(name.as_bytes());
            bytes.extend(i32::try_from(partitions.len()).unwrap().to_be_bytes());
            partitions.iter().for_each(|number: &i32| bytes.extend(number.to_be_bytes()));
        }
        assert_eq!(assigned(&bytes, "topic"), [1, 4, 300]);
        assert_eq!(assigned(&bytes, "a"), [7]);
        assert_eq!(assigned(&bytes, "b"), [] as [i32; 0]);
        assert_eq!(assigned(&bytes[..bytes.len() - 4], "topic"), [1, 4]);
        assert_eq!(assigned(&[0, 0, 0x7f, 0xff, 0xff, 0xff], "a"), [] as [i32; 0]);
        assert_eq!(assigned(&[], "a"), [] as [i32; 0]);
    }
}
