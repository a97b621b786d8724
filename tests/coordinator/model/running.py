"""One history run to its end, and what must hold when all is quiet again.

While things happen the watch looks on. Then nobody is disturbed any more, and within the bound
every partition has one owner, everybody knows what it has, nobody waits, and everyone can commit.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from pykbroker.coordinator.commands import (
    DeleteGroupCommand,
    LeaveCommand,
    LeavingMember,
)
from pykbroker.errors import ErrorCode
from tests.coordinator.model import leading
from tests.coordinator.model.classic_member import ClassicMember, topics_of
from tests.coordinator.model.consumer_member import ConsumerMember, subscription_of
from tests.coordinator.model.coordinator import Asked
from tests.coordinator.model.faults import Fault
from tests.coordinator.model.history import TOPICS, Event, History, Kind, Protocols, Slot
from tests.coordinator.model.process import Process
from tests.coordinator.model.watch import Watch
from tests.coordinator.model.world import GROUP, HEARTBEAT_MS, REBALANCE_MS, SESSION_MS, World

BOUND_MS = 2 * (SESSION_MS + REBALANCE_MS) + 10 * HEARTBEAT_MS
"""Within which all is quiet after the last disturbance, without what settings add."""
PATTERNS_MS = 10_000
"""How long the resolution of patterns may be put off."""
_ABSENCES = (ErrorCode.NOT_COORDINATOR, ErrorCode.COORDINATOR_LOAD_IN_PROGRESS)
_ENDS = (Kind.STOP, Kind.CRASH, Kind.RESTART, Kind.TWIN, Kind.CONVERT)
STAYS_MS = 3 * HEARTBEAT_MS
LOOK_MS = 250


@dataclass(slots=True)
class Outcome:
    """What became of a history."""

    fault: str | None = None
    rule: str | None = None
    events: int = 0
    decisions: int = 0
    quiet_after_ms: int = 0
    """How long it took until all was quiet."""
    answers: dict[ErrorCode, int] = field(default_factory=dict)
    fates: list[ErrorCode] = field(default_factory=list)


class Run:
    """A history while it runs."""

    def __init__(self, history: History) -> None:
        setting = history.setting
        self._setting = setting
        self.world = World(
            history.seed,
            setting.partitions,
            initial_delay_ms=setting.initial_delay_ms,
            assignment_interval_ms=setting.assignment_interval_ms,
            migration_policy=setting.migration_policy,
        )
        self.watch = Watch(self.world)
        self._slots: dict[int, Slot] = dict(enumerate(setting.slots))
        self._running: dict[int, Process] = {}
        self._settled: set[int] = set()
        """Slots whose member stays to the end. A classic group does not look at what topics a
        static member wants that comes back (KIP-345), so one that wants others does not."""
        self.processes: list[Process] = []
        """All that ever were."""

    # -- events --------------------------------------------------------------------------------

    def happen(self, event: Event) -> None:
        """Let time pass, and then let something happen."""
        self.world.pass_time(event.after_ms)
        process = self._running.get(event.who)
        if process is not None and not process.is_alive:
            process = None
        if process is not None:
            self._to_process(event, process)
        elif event.kind in (Kind.START, Kind.RESTART, Kind.CONVERT):
            self._start(event.who)
        self._to_cluster(event)

    def _to_process(self, event: Event, process: Process) -> None:
        """Let a member end, or trouble it."""
        if event.who in self._settled and event.kind in _ENDS:
            return
        match event.kind:
            case Kind.STOP:
                process.stop()
            case Kind.CRASH:
                process.die()
            case Kind.RESTART:
                process.die()
                self._start(event.who)
            case Kind.TWIN if process.instance_id is not None:
                self._start(event.who)
            case Kind.CONVERT:
                self._convert(event, process)
            case Kind.SUBSCRIBE:
                process.subscribe(event.number)
                if process.instance_id is not None and isinstance(process, ClassicMember):
                    self._settled.add(event.who)
            case Kind.DISMISS:
                self._dismiss(process)
            case _:
                _trouble(event, process)

    def _to_cluster(self, event: Event) -> None:
        world, number = self.world, event.number
        topic = f"t{event.who % TOPICS}"
        match event.kind:
            case Kind.CREATE:
                world.create(topic, 1 + number % 5)
            case Kind.GROW:
                world.grow(topic, 1 + number % 2)
            case Kind.DROP if world.coordinator.absence is None:
                if world.drop(topic):
                    self.watch.forget_topic(topic)
            case Kind.JUMP:
                world.jump((number - 500) * 5_000)
            case Kind.RELOAD:
                self._reload(number)
            case Kind.REFUSE:
                world.coordinator.refuses_append = True
            case Kind.DELETE:
                asked = Asked(DeleteGroupCommand(GROUP), None, lambda _: None)
                world.coordinator.submit(asked)

    def _reload(self, number: int) -> None:
        """Build the machine anew, at once or in a while."""
        coordinator = self.world.coordinator

        def come_back() -> None:
            share = len(coordinator.log) * (number // 2 % 3) // 2
            coordinator.restart(compacted_records=share, keeps_tombstones=number % 2 == 0)

        if number % 5:
            come_back()
        else:
            coordinator.go_away(_ABSENCES[number % len(_ABSENCES)])
            self.world.later(number * 5, come_back)

    def _start(self, who: int) -> None:
        slot = self._slots[who]
        name = f"m{len(self.processes)}"
        instance_id = f"i{who}" if slot.is_static else None
        process: Process
        if slot.is_classic:
            process = ClassicMember(
                self.world,
                name,
                instance_id,
                assignors=self._assignors(slot),
                topics=topics_of(slot.subscription),
                is_old=slot.is_old,
            )
        else:
            topics, regex = subscription_of(slot.subscription)
            process = ConsumerMember(
                self.world,
                name,
                instance_id,
                topics=topics,
                regex=regex,
                server_assignor=self._setting.server_assignor if who % 2 else None,
                is_old=slot.is_old,
            )
        self._running[who] = process
        self.processes.append(process)
        process.start()

    def _assignors(self, slot: Slot) -> tuple[str, ...]:
        if slot.is_transitional:
            return (leading.COOPERATIVE, leading.RANGE)
        is_eager = self._setting.protocols is Protocols.EAGER
        return (leading.RANGE,) if is_eager else (leading.COOPERATIVE,)

    def _convert(self, event: Event, process: Process) -> None:
        if not self._setting.may_convert:
            return
        process.stop()
        slot = self._slots[event.who]
        self._slots[event.who] = replace(slot, is_classic=not slot.is_classic)
        self._start(event.who)

    def _dismiss(self, process: Process) -> None:
        if process.instance_id is not None:
            leaving = LeavingMember("", process.instance_id)
        else:
            leaving = LeavingMember(process.member_id or "nobody", None)
        self.world.coordinator.submit(Asked(LeaveCommand(GROUP, (leaving,)), None, lambda _: None))

    # -- quiet ---------------------------------------------------------------------------------

    def settle(self) -> int:
        """Disturb nobody any more; give how long it took until all was quiet."""
        if self.world.coordinator.absence is not None:
            self.world.coordinator.restart()
        began_ms = self.world.now_ms
        self.world.coordinator.refuses_append = False
        newest = {each.instance_id: each for each in self.processes}
        for process in self.processes:
            process.wake()
            process.drag_ms = 0
            if process.instance_id is not None and process is not newest[process.instance_id]:
                process.die()
        bound_ms = BOUND_MS + self._setting.initial_delay_ms + self._setting.assignment_interval_ms
        if any(isinstance(each, ConsumerMember) and each.regex for each in self.processes):
            bound_ms += PATTERNS_MS
        quiet_ms = began_ms
        while (found := self.unrest()) is not None or self.world.now_ms - quiet_ms < STAYS_MS:
            if found is not None:
                quiet_ms = self.world.now_ms + LOOK_MS
            if quiet_ms - began_ms > bound_ms:
                raise Fault("rebalance bound", f"after {bound_ms} ms: {found}")
            self.world.pass_time(LOOK_MS)
        self.watch.check_offsets()
        self._all_commit()
        return quiet_ms - began_ms

    def unrest(self) -> str | None:
        """Tell what is not yet as it must be; None when all is."""
        alive = [process for process in self.processes if process.is_alive]
        coordinator = self.world.coordinator
        group = coordinator.shard.groups.get(GROUP)
        members = set() if group is None else set(getattr(group, "members", ()))
        waiting = [asked.command for asked in coordinator.parked.values() if asked.is_awaited]
        if waiting:
            return f"{waiting[0]} waits"
        if members != {process.member_id for process in alive}:
            return f"members {sorted(members)}, alive {sorted(p.member_id for p in alive)}"
        if group is not None and alive and group.state_name != "Stable":
            return f"the group is {group.state_name}"
        for process in alive:
            if not process.is_settled:
                return f"{process.member_id} is not settled"
        wanted = frozenset[tuple[bytes, int]]().union(*(process.wants() for process in alive))
        owners: dict[tuple[bytes, int], str] = {}
        for process in alive:
            for partition in process.owned & wanted:
                if partition in owners:
                    return f"{partition} is of {owners[partition]} and of {process.member_id}"
                owners[partition] = process.member_id
                if partition not in process.wants():
                    return f"{process.member_id} has {partition} and does not want it"
        lacking = sorted(wanted - owners.keys())
        return f"nobody has {lacking}" if lacking else None

    def _all_commit(self) -> None:
        for process in self.processes:
            if process.is_alive and process.owned:
                command = process.commit_of(process.owned, _epoch_of(process))
                if command is None:
                    continue  # all its topics are deleted
                answers: list[object] = []
                self.world.coordinator.submit(Asked(command, None, answers.append))
                if answers != [tuple(ErrorCode.NONE for _ in command.offsets)]:
                    raise Fault("commits", f"{command} is answered {answers}")
        self.watch.check_offsets()


def _trouble(event: Event, process: Process) -> None:
    match event.kind:
        case Kind.SLEEP:
            process.sleep(event.number * 10)
        case Kind.DRAG:
            process.drag_ms = event.number * 6
        case Kind.CUT:
            process.cut(arrives=event.number % 2 == 1)


def _epoch_of(process: Process) -> int:
    if isinstance(process, ClassicMember):
        return process.generation_id
    assert isinstance(process, ConsumerMember)
    return process.member_epoch


def run(history: History) -> Outcome:
    """Run a history; what goes wrong, in whatever way, is its fault."""
    outcome = Outcome(events=len(history.events))
    running: Run | None = None
    try:
        running = Run(history)
        for event in history.events:
            running.happen(event)
        outcome.quiet_after_ms = running.settle()
    except Fault as fault:
        outcome.fault, outcome.rule = str(fault), fault.rule
    except Exception as error:  # noqa: BLE001 - whatever the machine raises is found by this history
        outcome.fault, outcome.rule = f"{type(error).__name__}: {error}", "no error of its own"
    if running is not None:
        outcome.decisions = running.world.coordinator.decisions
        outcome.answers = running.watch.answers
        outcome.fates = [each.fate for each in running.processes if each.fate is not None]
    return outcome
