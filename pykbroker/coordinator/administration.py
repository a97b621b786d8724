"""What administrators ask of groups: their description, their list, their end.

Each kind of group is described by a request of its own, to which groups of the other kind do not
exist (GroupMetadataManager.describeGroups, consumerGroupDescribe).
"""

from __future__ import annotations

from collections.abc import Callable

from pykbroker.coordinator.classic.group import ClassicGroup, ClassicGroupState
from pykbroker.coordinator.commands import (
    DONE,
    ClassicDescription,
    DeleteGroupCommand,
    DescribeConsumerGroupCommand,
    DescribedMember,
    DescribeGroupCommand,
    ListedGroup,
    ListGroupsCommand,
)
from pykbroker.coordinator.consumer.group import ConsumerGroup
from pykbroker.coordinator.effects import Effects, Now, Token, answered
from pykbroker.coordinator.group import Group
from pykbroker.coordinator.records import OffsetRecord
from pykbroker.coordinator.shard import Shard
from pykbroker.errors import ErrorCode, KafkaError


def describe_classic(
    shard: Shard, command: DescribeGroupCommand, token: Token, now: Now
) -> Effects:
    """Describe a classic group; its protocol and what members say of it only once it is stable.

    Raises GROUP_ID_NOT_FOUND, for a consumer group as well.
    """
    del now
    group = _find(shard, command.group_id)
    if not isinstance(group, ClassicGroup):
        raise KafkaError(ErrorCode.GROUP_ID_NOT_FOUND, f"{group.group_id} is no classic group")
    protocol_name = group.protocol_name if group.state is ClassicGroupState.STABLE else None
    members = tuple(
        DescribedMember(
            member_id=member.member_id,
            group_instance_id=member.group_instance_id,
            client_id=member.client_id,
            client_host=member.client_host,
            member_metadata=b"" if protocol_name is None else member.metadata(protocol_name),
            member_assignment=member.assignment,
        )
        for member in group.members.values()
    )
    described = ClassicDescription(
        group_state=group.state_name,
        protocol_type=group.listed_protocol_type,
        protocol_data=protocol_name or "",
        members=members,
    )
    return answered(token, described)


def describe_consumer(
    shard: Shard, command: DescribeConsumerGroupCommand, token: Token, now: Now
) -> Effects:
    """Describe a consumer group.

    Raises INVALID_GROUP_ID, or GROUP_ID_NOT_FOUND, for a classic group as well.
    """
    del now
    if not command.group_id:
        raise KafkaError(ErrorCode.INVALID_GROUP_ID)
    group = _find(shard, command.group_id)
    if not isinstance(group, ConsumerGroup):
        raise KafkaError(ErrorCode.GROUP_ID_NOT_FOUND, f"{group.group_id} is no consumer group")
    default_assignor = shard.settings().group_consumer_assignors[0]
    return answered(token, group.description(default_assignor))


def list_groups(shard: Shard, command: ListGroupsCommand, token: Token, now: Now) -> Effects:
    """List the groups that have one of the states and one of the types, written in any case.

    A state or type that is none matches nothing; no states at all match all, and so do types.
    """
    del now
    has_state = _one_of({state.strip().lower() for state in command.states})
    has_type = _one_of({each.lower() for each in command.types})
    listed = (
        ListedGroup(
            group_id=group.group_id,
            protocol_type=group.listed_protocol_type,
            group_state=group.state_name,
            group_type=group.kind.value,
        )
        for group in shard.groups.values()
    )
    return answered(
        token,
        tuple(
            each
            for each in listed
            if has_state(each.group_state.lower()) and has_type(each.group_type)
        ),
    )


def delete(shard: Shard, command: DeleteGroupCommand, token: Token, now: Now) -> Effects:
    """End a group without members, and forget its offsets.

    Raises GROUP_ID_NOT_FOUND, or NON_EMPTY_GROUP.
    """
    del now
    group = _find(shard, command.group_id)
    group.check_delete()
    forgotten = (
        OffsetRecord(group.group_id, topic, partition, None)
        for topic, partitions in shard.offsets.of(group.group_id).items()
        for partition in partitions
    )
    return answered(token, DONE, [*forgotten, *group.tombstones()])


def _find(shard: Shard, group_id: str) -> Group:
    group = shard.groups.get(group_id)
    if group is None:
        raise KafkaError(ErrorCode.GROUP_ID_NOT_FOUND, f"there is no group {group_id}")
    return group


def _one_of(wanted: set[str]) -> Callable[[str], bool]:
    return (lambda _: True) if not wanted else wanted.__contains__
