"""What must hold at every moment, looked at after each decision of the coordinator.

Whoever breaks a rule raises `Fault`, which names the rule.
"""

from __future__ import annotations

from typing import Any

from pykbroker.coordinator import commands as c
from pykbroker.coordinator.classic.group import ClassicGroup
from pykbroker.coordinator.classic.states import ClassicGroupState
from pykbroker.coordinator.consumer.group import ConsumerGroup
from pykbroker.errors import ErrorCode, KafkaError
from tests.coordinator.model.claims import Claims
from tests.coordinator.model.codes import ALLOWED
from tests.coordinator.model.coordinator import Asked, Coordinator, Watcher
from tests.coordinator.model.faults import Fault
from tests.coordinator.model.memberships import Memberships
from tests.coordinator.model.process import code_of
from tests.coordinator.model.world import GROUP, World


class Watch(Watcher):
    """Watches one group."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._coordinator: Coordinator = world.coordinator
        self._coordinator.watcher = self
        self.claims = Claims(world.topic_id)
        self.memberships = Memberships()
        self.committed: dict[tuple[str, int], int] = {}
        """By topic and partition: the offset accepted last."""
        self._instances: dict[str, list[str]] = {}
        """By instance id: the member ids it had since the last restart, the one it has last."""
        self._lineages: dict[str, list[str]] = {}
        """By instance id: the member ids it ever had."""
        self._epochs: dict[str, int] = {}
        """By member id."""
        self._era = -1
        """The generation, or the epoch of the group."""
        self._kind: type | None = None
        self._was_lost = False
        self._has_restarted = False
        self.answers: dict[ErrorCode, int] = {}

    # -- what happens --------------------------------------------------------------------------

    @property
    def _group(self) -> Any:
        return self._coordinator.shard.groups.get(GROUP)

    def replies(self, asked: Asked, reply: Any) -> None:
        """Judge an answer, and take note of what it tells."""
        command, code = asked.command, code_of(reply)
        self.answers[code] = self.answers.get(code, 0) + 1
        allowed = ALLOWED.get(type(command), frozenset())
        if code not in allowed and not self._knows_one_protocol(command, code):
            raise Fault("codes", f"{code.name} to {command}")
        if isinstance(reply, KafkaError):
            self._refused(asked, code)
            return
        self._check_instance(command)
        match command, reply:
            case c.JoinCommand(), c.JoinReply():
                self._claim_instance(command.group_instance_id, reply.member_id)
                self.claims.joined(asked, reply)
                if not isinstance(self._group, ClassicGroup):
                    self._sign(reply.member_id)
                self.memberships.joins(reply.member_id)
            case c.SyncCommand(), c.SyncReply():
                self._synced(asked, command, reply)
            case c.HeartbeatCommand(), _:
                self._sign(command.member_id)
            case c.ConsumerHeartbeatCommand(), c.ConsumerHeartbeatReply():
                self._beaten(asked, command, reply)
            case c.CommitCommand(), _:
                self._commits(command, reply)
            case c.DeleteGroupCommand(), _:
                self.committed.clear()

    def restarts(self) -> None:
        """Forget what the coordinator may forget."""
        self._was_lost = self._has_restarted = True
        self.memberships.begin_anew(self._world.now_ms)
        group = self._group
        self._era = _era(group)
        self.claims.forget_unstored(self._era)
        statics = {} if group is None else group.static_members
        self._instances = {each: [member_id] for each, member_id in statics.items()}
        self.check_offsets()

    def passes(self, cause: c.Command | None) -> None:
        """Look at the group as it is after a decision."""
        group = self._group
        other_kind = self._kind is not None and type(group) is not self._kind
        self._kind = None if group is None else type(group)
        if other_kind:
            self.claims.forget_generations()
            if not self.memberships.present:
                self._era = -1  # a group without members is not converted but made anew
        was_lost, self._was_lost = self._was_lost, False
        now_ms = self._world.now_ms
        for member_id in self.memberships.look(group, cause, now_ms, was_lost=was_lost):
            self.claims.gone(member_id)
            self._epochs.pop(member_id, None)
        if other_kind:
            self.memberships.begin_anew(now_ms)
        if isinstance(group, ClassicGroup) and group.generation_id > self._era:
            self.memberships.sign_all(now_ms)
        if group is not None:
            self.memberships.check_nobody_stays(group, now_ms)
        self._check_era(group)
        if isinstance(group, ConsumerGroup):
            self.claims.check_distinct()
            self._check_epochs(group)

    # -- rules ---------------------------------------------------------------------------------

    def _sign(self, member_id: str) -> None:
        self.memberships.sign(member_id, self._world.now_ms)

    def _refused(self, asked: Asked, code: ErrorCode) -> None:
        command: Any = asked.command
        calls = code is ErrorCode.REBALANCE_IN_PROGRESS
        if calls and isinstance(command, c.SyncCommand | c.HeartbeatCommand):
            self.memberships.is_called(command.member_id)
        is_recalled = isinstance(command, c.SyncCommand) and asked.was_parked
        is_alive = is_recalled or isinstance(command, c.HeartbeatCommand)
        if calls and is_alive:
            self._sign(command.member_id)
        if code is ErrorCode.UNKNOWN_MEMBER_ID:
            present = self.memberships.present.get(command.member_id)
            group = self._group
            is_member = group is not None and command.member_id in group.members
            if present is not None and is_member:
                raise Fault("codes", f"UNKNOWN_MEMBER_ID to a member: {command}")

    def _knows_one_protocol(self, command: c.Command, code: ErrorCode) -> bool:
        """Whether a member is refused since the log remembers one protocol of each member only."""
        if code is not ErrorCode.INCONSISTENT_GROUP_PROTOCOL or not self._has_restarted:
            return False
        group = self._group
        if not isinstance(command, c.JoinCommand):
            return False
        if isinstance(group, ConsumerGroup):
            counts, count = group.classic_protocols, group.classic_count
            return all(counts.get(name, 0) < count for name, _ in command.protocols)
        return all(group.protocol_name != name for name, _ in command.protocols)

    def _claim_instance(self, instance_id: str | None, member_id: str) -> None:
        if instance_id is not None:
            for known in (self._instances, self._lineages):
                had = known.setdefault(instance_id, [])
                if not had or had[-1] != member_id:
                    had.append(member_id)

    def _check_instance(self, command: Any) -> None:
        """Tell of a member that goes on after another one has taken its instance."""
        instance_id = getattr(command, "group_instance_id", None) or getattr(
            command, "instance_id", None
        )
        member_id = getattr(command, "member_id", "")
        owners = self._instances.get(instance_id or "", [])
        is_taken = bool(owners) and owners[-1] in self.memberships.present
        if is_taken and member_id in owners[:-1]:
            raise Fault("fencing", f"{member_id} is not {instance_id} any more: {command}")

    def _synced(self, asked: Asked, command: c.SyncCommand, reply: c.SyncReply) -> None:
        is_classic = isinstance(self._group, ClassicGroup)
        is_plan = is_classic and self.claims.plans(command)
        static = self._lineages.get(command.group_instance_id or "", ())
        self.claims.synced(command, reply, static, gives_up=is_classic)
        # Who asks a classic group that is stable already shows nothing.
        if is_plan or asked.was_parked or not is_classic:
            self._sign(command.member_id)
        self.memberships.syncs(command.member_id)

    def _beaten(
        self,
        asked: Asked,
        command: c.ConsumerHeartbeatCommand,
        reply: c.ConsumerHeartbeatReply,
    ) -> None:
        if command.member_epoch == -1:
            return
        if command.member_epoch == 0:
            self._claim_instance(command.instance_id, reply.member_id)
        if command.member_epoch == -2:
            self.claims.held[command.member_id] = frozenset()
            return
        self.claims.beaten(asked, reply)
        self._sign(reply.member_id)

    def _commits(self, command: c.CommitCommand, codes: tuple[ErrorCode, ...]) -> None:
        if isinstance(self._group, ClassicGroup):
            self._check_generation(command)
            if self._group.state is not ClassicGroupState.COMPLETING_REBALANCE:
                self._sign(command.member_id)
        for offset, code in zip(command.offsets, codes, strict=True):
            if code is not ErrorCode.NONE:
                raise Fault("codes", f"{code.name} to {offset}")
            key = (offset.topic, offset.partition)
            before = self.committed.get(key, -1)
            if offset.committed_offset <= before:
                raise Fault("offsets", f"{key} goes from {before} to {offset.committed_offset}")
            self.committed[key] = offset.committed_offset
            partition = (offset.topic_id, offset.partition)
            owner = self.claims.owner_of(partition, command.member_id)
            if owner is not None and isinstance(self._group, ConsumerGroup):
                raise Fault("zombies", f"{command.member_id} commits for {key} of {owner}")

    def _check_generation(self, command: c.CommitCommand) -> None:
        """Tell of a commit by somebody who is no member of the classic group's generation."""
        group, member_id = self._group, command.member_id
        generation_id = command.generation_id_or_member_epoch
        if member_id not in group.members or generation_id != group.generation_id:
            raise Fault("zombies", f"{member_id} of generation {generation_id} commits")

    def check_offsets(self) -> None:
        """Tell of an offset that is not what was committed last."""
        shard = self._coordinator.shard
        for (topic, partition), offset in self.committed.items():
            value = shard.offsets.get(GROUP, topic, partition)
            if value is None or value.offset != offset:
                raise Fault("offsets", f"{topic}-{partition} is {value}, {offset} was committed")

    def forget_topic(self, name: str) -> None:
        """A topic was deleted, and what was committed for it."""
        for key in [key for key in self.committed if key[0] == name]:
            del self.committed[key]

    def _check_era(self, group: Any) -> None:
        era = _era(group)
        if group is None:
            self.claims.forget_generations()
            self._epochs.clear()
        elif era < self._era:
            raise Fault("epochs", f"the group goes from {self._era} back to {era}")
        self._era = era

    def _check_epochs(self, group: ConsumerGroup) -> None:
        if not group.assignment_epoch <= group.group_epoch:
            raise Fault("epochs", f"target {group.assignment_epoch} of {group.group_epoch}")
        for member_id, member in group.members.items():
            epoch = member.member_epoch
            if epoch > group.group_epoch:
                raise Fault("epochs", f"{member_id} is at {epoch} of {group.group_epoch}")
            if 0 < epoch < self._epochs.get(member_id, 0):
                raise Fault("epochs", f"{member_id} goes back to {epoch}")
            self._epochs[member_id] = max(epoch, self._epochs.get(member_id, 0))


def _era(group: Any) -> int:
    if group is None:
        return -1
    era: int = group.group_epoch if isinstance(group, ConsumerGroup) else group.generation_id
    return era
