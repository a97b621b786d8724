"""Members of one consumer group (KIP-848), and what they were told.

Every epoch that a member was told and every assignment is stored before: it goes on with them
after the coordinator was gone, and what was described before is there again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pykbroker.errors import ErrorCode
from pykbroker.wire.messages.consumer_group_describe import ConsumerGroupDescribe
from pykbroker.wire.messages.consumer_group_heartbeat import ConsumerGroupHeartbeat
from tests.crash.group_clients import TOPICS, GroupClient
from tests.kafka_client import Client

MEMBERS_MAX = 3
_JOINS, _LEAVES = 0, -1
"""As epochs."""


@dataclass
class Member:
    """One member, as it knows itself."""

    member_id: str
    subscribed: list[str]
    epoch: int = _JOINS
    owned: list[dict[str, Any]] = field(default_factory=list)
    is_leaving: bool = False


@dataclass
class ConsumerMembers(GroupClient):
    """Up to three members of a consumer group."""

    members: dict[str, Member] = field(default_factory=dict)
    described: Any = None
    """What was told of the group since which nothing was asked that changes it."""
    group_epoch: int = 0
    """The highest that was told of the group."""

    def work(self, client: Client) -> None:
        dice = self.random.random()
        if not self.members and dice < 0.2:
            self.group_epoch = 0
            self.delete_group(client)
        elif not self.members or (dice < 0.15 and len(self.members) < MEMBERS_MAX):
            self.join(client)
        elif dice < 0.4:
            one = self._any_member()
            self.commit(client, member_id=one.member_id, generation_id_or_member_epoch=one.epoch)
        elif dice < 0.65:
            self.heartbeat(client, self._any_member())
        elif dice < 0.75:
            one = self._any_member()
            one.subscribed = self._some_topics()
            self.heartbeat(client, one)
            self.described = None
        elif dice < 0.97:
            self.described = self._describe(client)
        else:
            self.leave(client, self._any_member())

    def _any_member(self) -> Member:
        return self.members[self.random.choice(sorted(self.members))]

    def _some_topics(self) -> list[str]:
        return self.random.sample(TOPICS, self.random.randint(1, len(TOPICS)))

    def compare_members(self, client: Client) -> None:
        """Compare the group with what was described last; go on as each member."""
        if self.described is not None:
            again = self._describe(client)
            self.expect(again == self.described, f"was {self.described}, is {again}")
            self.judged.seen["groups described again"] += 1
        for one in list(self.members.values()):
            if one.is_leaving:
                self.leave(client, one)
            else:
                self.heartbeat(client, one)
        there = {each[0] for each in self._describe(client)[-1]}
        self.expect(there == self.members.keys(), f"members are {there}, not {set(self.members)}")

    def join(self, client: Client) -> None:
        """Have another member join."""
        one = Member(f"member-{self.random.getrandbits(64):x}", self._some_topics())
        self.members[one.member_id] = one
        self.heartbeat(client, one)
        self.judged.seen["members joined"] += 1

    def heartbeat(self, client: Client, one: Member) -> None:
        """Tell all that a member has, and take over what it is told."""
        described, before = self.described, (one.epoch, one.owned)
        answer = self._ask(
            client,
            one,
            one.epoch,
            rebalance_timeout_ms=120_000,
            subscribed_topic_names=one.subscribed,
            topic_partitions=one.owned,
        )
        if self.told(answer.error_code, "ConsumerGroupHeartbeat") is not ErrorCode.NONE:
            one.epoch, one.owned = _JOINS, []  # noted as wrong; it goes on
            return
        self.expect(answer.member_epoch >= one.epoch, f"epoch {one.epoch} went back")
        self.judged.seen["epochs compared"] += one.epoch != _JOINS
        one.epoch = answer.member_epoch
        if answer.assignment is not None:
            one.owned = [
                {"topic_id": each.topic_id, "partitions": list(each.partitions)}
                for each in answer.assignment.topic_partitions
            ]
        if before == (one.epoch, one.owned):
            self.described = described

    def leave(self, client: Client, one: Member) -> None:
        """Have a member leave, who may be gone already if it was leaving."""
        allowed = (ErrorCode.UNKNOWN_MEMBER_ID,) if one.is_leaving else ()
        one.is_leaving = True
        answer = self._ask(client, one, _LEAVES)
        self.told(answer.error_code, "ConsumerGroupHeartbeat", *allowed)
        del self.members[one.member_id]
        self.judged.seen["members left"] += 1

    def _ask(self, client: Client, one: Member, epoch: int, **fields: Any) -> Any:
        self.described = None
        request = {"group_id": self.group_id, "member_id": one.member_id, "member_epoch": epoch}
        return client.call(ConsumerGroupHeartbeat, {**request, **fields}, version=1)

    def _describe(self, client: Client) -> tuple[Any, ...]:
        """Give what is told of the group, comparable; the members last."""
        answer = client.call(ConsumerGroupDescribe, {"group_ids": [self.group_id]}).groups[0]
        allowed = () if self.members else (ErrorCode.GROUP_ID_NOT_FOUND,)
        self.told(answer.error_code, "ConsumerGroupDescribe", *allowed)
        if answer.error_code == ErrorCode.NONE:
            back = f"group epoch {self.group_epoch} is {answer.group_epoch}"
            self.expect(answer.group_epoch >= self.group_epoch, back)
            self.group_epoch = answer.group_epoch
        members = sorted(
            (
                each.member_id,
                each.member_epoch,
                tuple(sorted(each.subscribed_topic_names)),
                _partitions(each.assignment),
                _partitions(each.target_assignment),
            )
            for each in answer.members
        )
        return answer.group_state, answer.group_epoch, answer.assignment_epoch, members


def _partitions(assignment: Any) -> list[tuple[str, int]]:
    return sorted(
        (topic.topic_name, index)
        for topic in assignment.topic_partitions
        for index in topic.partitions
    )
