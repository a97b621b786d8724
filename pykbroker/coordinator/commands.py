"""What a group coordinator is asked, and what it replies when it does not refuse.

A command has a request's fields under the protocol's names; a reply has what the response needs
beside the error code. Handlers translate between these and the wire. They are named tuples, which
cost a start, and a request, a fraction of what data classes do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pykbroker.errors import ErrorCode, KafkaError

if TYPE_CHECKING:
    from pykbroker.coordinator.records import CommittedOffset, Partitions

NO_GENERATION = -1


class Done:
    """The reply to a command that has nothing to tell but that it was carried out."""


DONE = Done()


class MemberRefused(KafkaError):  # noqa: N818 - a refusal, no fault
    """A refusal that tells a member id, as JoinGroup's do."""

    def __init__(self, code: ErrorCode, member_id: str, message: str | None = None) -> None:
        super().__init__(code, message)
        self.member_id = member_id


# -- the classic protocol ----------------------------------------------------------------------


class JoinCommand(NamedTuple):
    """JoinGroup. Refused with `MemberRefused`, which names the member id to answer with."""

    group_id: str
    member_id: str
    group_instance_id: str | None
    client_id: str
    client_host: str
    session_timeout_ms: int
    rebalance_timeout_ms: int
    protocol_type: str
    protocols: tuple[tuple[str, bytes], ...]
    """Name and metadata, the preferred one first."""
    knows_member_id_required: bool = True
    """Whether a new member may be told its id and to come again (KIP-394, version 4)."""
    knows_skip_assignment: bool = True
    """Whether a static leader may be told not to assign anew (KIP-814, version 9)."""
    reason: str | None = None


class JoinedMember(NamedTuple):
    """A member as its leader is told of it."""

    member_id: str
    group_instance_id: str | None
    metadata: bytes


class JoinReply(NamedTuple):
    """The member is in the generation."""

    member_id: str
    generation_id: int
    protocol_type: str | None
    protocol_name: str | None
    leader: str
    members: tuple[JoinedMember, ...] = ()
    """For the leader only."""
    skip_assignment: bool = False


class SyncCommand(NamedTuple):
    """SyncGroup; protocol_type and protocol_name are None before version 5."""

    group_id: str
    generation_id: int
    member_id: str
    group_instance_id: str | None
    protocol_type: str | None
    protocol_name: str | None
    assignments: tuple[tuple[str, bytes], ...]
    """Member id and assignment; empty from all but the leader."""


class SyncReply(NamedTuple):
    """What the member is assigned."""

    protocol_type: str | None
    protocol_name: str | None
    assignment: bytes


class HeartbeatCommand(NamedTuple):
    """Heartbeat; the reply is DONE."""

    group_id: str
    generation_id: int
    member_id: str
    group_instance_id: str | None


class LeavingMember(NamedTuple):
    """Who is to leave: by member id, or with an empty one by group_instance_id."""

    member_id: str
    group_instance_id: str | None
    reason: str | None = None


class LeaveCommand(NamedTuple):
    """LeaveGroup, of one member or of several."""

    group_id: str
    members: tuple[LeavingMember, ...]


class LeftMember(NamedTuple):
    """What became of one leaving member."""

    member_id: str
    group_instance_id: str | None
    error_code: ErrorCode


class LeaveReply(NamedTuple):
    """What became of each, in the order asked."""

    members: tuple[LeftMember, ...]


# -- the consumer protocol ---------------------------------------------------------------------


class ConsumerHeartbeatCommand(NamedTuple):
    """ConsumerGroupHeartbeat (KIP-848); None and -1 mean unchanged, as in the request."""

    group_id: str
    member_id: str
    member_epoch: int
    """0: join, -1: leave, -2: a static member leaves for a while."""
    instance_id: str | None
    rack_id: str | None
    rebalance_timeout_ms: int
    subscribed_topic_names: tuple[str, ...] | None
    subscribed_topic_regex: str | None
    server_assignor: str | None
    topic_partitions: Partitions | None
    """What the member owns, by topic id."""
    client_id: str
    client_host: str
    makes_member_id: bool = True
    """Whether the member chooses its own id, so that it must send one (KIP-1082, version 1)."""


class ConsumerHeartbeatReply(NamedTuple):
    """Where the member is; `assignment` is None where nothing is new."""

    member_id: str
    member_epoch: int
    heartbeat_interval_ms: int = 0
    assignment: Partitions | None = None


# -- offsets -----------------------------------------------------------------------------------


class OffsetToCommit(NamedTuple):
    """One partition of a commit that the handler let pass: the partition exists."""

    topic: str
    partition: int
    topic_id: bytes
    committed_offset: int
    committed_leader_epoch: int
    committed_metadata: str | None


class CommitCommand(NamedTuple):
    """OffsetCommit; the reply is a tuple of ErrorCode, one for each of `offsets`."""

    group_id: str
    member_id: str
    group_instance_id: str | None
    generation_id_or_member_epoch: int
    offsets: tuple[OffsetToCommit, ...]
    knows_consumer_groups: bool
    """Whether the client knows the errors of KIP-848 (version 9)."""
    retention_time_ms: int = -1
    """From versions up to 4 only; -1: the broker's."""


class FetchOffsetsCommand(NamedTuple):
    """OffsetFetch of one group."""

    group_id: str
    member_id: str | None
    member_epoch: int
    topics: tuple[tuple[str, tuple[int, ...]], ...] | None
    """Topic and partitions; None: all that was committed."""
    require_stable: bool = False


class FetchedOffset(NamedTuple):
    """What is known of one partition; `value` None: nothing was committed."""

    partition: int
    value: CommittedOffset | None
    error_code: ErrorCode = ErrorCode.NONE


class FetchOffsetsReply(NamedTuple):
    """By topic, in the order asked."""

    topics: tuple[tuple[str, tuple[FetchedOffset, ...]], ...]


class DeleteOffsetsCommand(NamedTuple):
    """OffsetDelete; the reply is a tuple of ErrorCode, one for each of `offsets`."""

    group_id: str
    offsets: tuple[tuple[str, int], ...]
    """Topic and partition."""


class ForgetPartitionsCommand(NamedTuple):
    """Topics were deleted: forget some of what groups committed for them.

    The reply is whether there is more of it: then ask again.
    """

    topics: frozenset[str]


# -- administration ----------------------------------------------------------------------------


class DescribeGroupCommand(NamedTuple):
    """DescribeGroups of one group: the classic ones, a `ClassicDescription`."""

    group_id: str


class DescribedMember(NamedTuple):
    """A member of a classic group."""

    member_id: str
    group_instance_id: str | None
    client_id: str
    client_host: str
    member_metadata: bytes
    member_assignment: bytes


class ClassicDescription(NamedTuple):
    """A classic group as it is now."""

    group_state: str
    protocol_type: str
    protocol_data: str
    members: tuple[DescribedMember, ...]


class DescribeConsumerGroupCommand(NamedTuple):
    """ConsumerGroupDescribe of one group: a `ConsumerDescription`."""

    group_id: str


class DescribedConsumer(NamedTuple):
    """A member of a consumer group; partitions by topic id."""

    member_id: str
    instance_id: str | None
    rack_id: str | None
    member_epoch: int
    client_id: str
    client_host: str
    subscribed_topic_names: tuple[str, ...]
    subscribed_topic_regex: str | None
    assignment: Partitions
    target_assignment: Partitions
    is_classic: bool


class ConsumerDescription(NamedTuple):
    """A consumer group as it is now."""

    group_state: str
    group_epoch: int
    assignment_epoch: int
    assignor_name: str
    members: tuple[DescribedConsumer, ...]


class ListGroupsCommand(NamedTuple):
    """ListGroups: a tuple of `ListedGroup`; filters in any case, empty: all."""

    states: frozenset[str] = frozenset()
    types: frozenset[str] = frozenset()


class ListedGroup(NamedTuple):
    """A group in a list."""

    group_id: str
    protocol_type: str
    group_state: str
    group_type: str


class DeleteGroupCommand(NamedTuple):
    """DeleteGroups of one group; the reply is DONE."""

    group_id: str


Command = (
    JoinCommand
    | SyncCommand
    | HeartbeatCommand
    | LeaveCommand
    | ConsumerHeartbeatCommand
    | CommitCommand
    | FetchOffsetsCommand
    | DeleteOffsetsCommand
    | ForgetPartitionsCommand
    | DescribeGroupCommand
    | DescribeConsumerGroupCommand
    | ListGroupsCommand
    | DeleteGroupCommand
)
"""Everything a group coordinator can be asked."""
