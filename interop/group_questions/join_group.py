"""JoinGroup of one dynamic member: what is refused, and what the answer says."""

from __future__ import annotations

from typing import Any

from interop.group_questions.asker import Asker
from interop.group_questions.classic import (
    NEWEST_JOIN,
    enter,
    heartbeat,
    join,
    leave,
    new_member_id,
    pending_member,
    stable_group,
)
from interop.group_questions.consumer_bytes import OTHERWISE, SUBSCRIBED
from interop.group_questions.questions import Questions

JOIN_GROUP = Questions("join_group")
MAX_SESSION_TIMEOUT_MS = 1_800_000
MIN_SESSION_TIMEOUT_MS = 6_000


@JOIN_GROUP.about(87, version=range(NEWEST_JOIN + 1))
def an_empty_group_id(asker: Asker, version: int) -> Any:
    return join(asker, "", version=version)


@JOIN_GROUP.about(88, version=[0, 4, 9], timeout_ms=[MIN_SESSION_TIMEOUT_MS - 1, 0, -1,
                                                     MAX_SESSION_TIMEOUT_MS + 1])  # fmt: skip
def a_session_timeout_outside_the_limits(asker: Asker, version: int, timeout_ms: int) -> Any:
    return join(asker, asker.group(), version=version, session_timeout_ms=timeout_ms)


@JOIN_GROUP.about(88, timeout_ms=[MIN_SESSION_TIMEOUT_MS, MAX_SESSION_TIMEOUT_MS])
def a_session_timeout_at_the_limits(asker: Asker, timeout_ms: int) -> Any:
    return join(asker, asker.group(), session_timeout_ms=timeout_ms)


@JOIN_GROUP.about(87, 88)
def an_empty_group_id_and_a_bad_session_timeout(asker: Asker) -> Any:
    return join(asker, "", session_timeout_ms=1)


@JOIN_GROUP.about(89, version=[0, 3, 4, 7])
def no_protocols(asker: Asker, version: int) -> Any:
    return join(asker, asker.group(), version=version, protocols={})


@JOIN_GROUP.about(89, version=[0, 3, 4, 7])
def an_empty_protocol_type(asker: Asker, version: int) -> Any:
    return join(asker, asker.group(), version=version, protocol_type="")


@JOIN_GROUP.about(89)
def an_empty_protocol_type_of_an_unknown_member(asker: Asker) -> Any:
    return join(asker, asker.group(), "nobody", protocol_type="")


@JOIN_GROUP.about(89)
def an_empty_protocol_name(asker: Asker) -> Any:
    return enter(asker, asker.group(), protocols={"": SUBSCRIBED})


@JOIN_GROUP.about(90, version=range(NEWEST_JOIN + 1))
def a_new_member(asker: Asker, version: int) -> Any:
    return join(asker, asker.group(), version=version)


@JOIN_GROUP.about(90, version=[0, 4, 9], client_id=["", None])
def a_new_member_of_a_client_without_a_name(
    asker: Asker, version: int, client_id: str | None
) -> Any:
    return join(asker.another(client_id), asker.group(), version=version)


@JOIN_GROUP.about(90, version=range(4, NEWEST_JOIN + 1))
def a_new_member_with_its_id(asker: Asker, version: int) -> Any:
    group = asker.group()
    return enter(asker, group, version=version), asker.state(group)


@JOIN_GROUP.about(90)
def a_new_member_changes_no_generation_of_a_stable_group(asker: Asker) -> Any:
    group = asker.group()
    first = stable_group(asker, group)
    new_member_id(asker.another(), group)
    return asker.state(group), heartbeat(asker, group, first["member_id"], 1)


@JOIN_GROUP.about(90)
def a_group_of_pending_members_only(asker: Asker) -> Any:
    group = asker.group()
    member = pending_member(asker, group)
    return (
        asker.state(group),
        heartbeat(asker, group, member, 0),
        heartbeat(asker, group, member, -1),
        leave(asker, group, member),
        leave(asker, group, member),
        join(asker, group, member),
    )


@JOIN_GROUP.about(90, slow=True)
def a_pending_member_is_forgotten_after_its_session_timeout(asker: Asker) -> Any:
    group = asker.group()
    member = new_member_id(asker, group, session_timeout_ms=MIN_SESSION_TIMEOUT_MS)
    asker.sleep_ms(MIN_SESSION_TIMEOUT_MS + 1_000)
    return join(asker, group, member)


@JOIN_GROUP.about(91, version=[0, 4, 9])
def a_member_id_in_an_unknown_group(asker: Asker, version: int) -> Any:
    return join(asker, asker.group(), "nobody", version=version)


@JOIN_GROUP.about(91, version=[0, 4, 9])
def an_unknown_member_id(asker: Asker, version: int) -> Any:
    group = asker.group()
    stable_group(asker, group)
    return join(asker, group, "nobody", version=version)


@JOIN_GROUP.about(91)
def an_unknown_member_id_of_an_empty_group(asker: Asker) -> Any:
    group = asker.group()
    first = stable_group(asker, group)
    leave(asker, group, first["member_id"])
    return join(asker, group, "nobody"), join(asker, group, first["member_id"])


@JOIN_GROUP.about(89, version=[0, 4, 9])
def another_protocol_type(asker: Asker, version: int) -> Any:
    group = asker.group()
    stable_group(asker, group)
    return join(asker.another(), group, version=version, protocol_type="connect")


@JOIN_GROUP.about(89, version=[0, 4, 9])
def no_common_protocol(asker: Asker, version: int) -> Any:
    group = asker.group()
    stable_group(asker, group)
    return join(asker.another(), group, version=version, protocols={"sticky": SUBSCRIBED})


@JOIN_GROUP.about(89)
def a_member_changes_to_a_protocol_of_its_own(asker: Asker) -> Any:
    group = asker.group()
    first = stable_group(asker, group)
    return join(asker, group, first["member_id"], protocols={"sticky": OTHERWISE})


@JOIN_GROUP.about(89)
def a_member_changes_the_protocol_type(asker: Asker) -> Any:
    group = asker.group()
    first = stable_group(asker, group)
    return join(asker, group, first["member_id"], protocol_type="connect")


@JOIN_GROUP.about(89)
def an_empty_group_takes_another_protocol_type(asker: Asker) -> Any:
    group = asker.group()
    first = stable_group(asker, group)
    leave(asker, group, first["member_id"])
    return enter(asker, group, protocol_type="connect", protocols={"sessioned": b""})


@JOIN_GROUP.about(95, version=[0, 4, 9])
def the_leader_joins_again_in_a_stable_group(asker: Asker, version: int) -> Any:
    group = asker.group()
    first = stable_group(asker, group)
    again = join(asker, group, first["member_id"], version=version)
    return again, asker.state(group)


@JOIN_GROUP.about(95)
def the_leader_joins_again_before_it_syncs(asker: Asker) -> Any:
    group = asker.group()
    first = enter(asker, group)
    return (
        join(asker, group, first["member_id"]),
        join(asker, group, first["member_id"], protocols={"range": OTHERWISE}),
        asker.state(group),
    )


@JOIN_GROUP.about(88, version=[0, 1])
def a_rebalance_timeout_is_known_from_v1(asker: Asker, version: int) -> Any:
    return join(asker, asker.group(), version=version, rebalance_timeout_ms=-1)


@JOIN_GROUP.about(88, timeout_ms=[-1, 0])
def an_odd_rebalance_timeout(asker: Asker, timeout_ms: int) -> Any:
    return enter(asker, asker.group(), rebalance_timeout_ms=timeout_ms)


@JOIN_GROUP.about(90)
def a_reason(asker: Asker) -> Any:
    return enter(asker, asker.group(), reason="because")


@JOIN_GROUP.about(90)
def the_protocols_of_the_first_in_order(asker: Asker) -> Any:
    return enter(
        asker, asker.group(), protocols=dict.fromkeys(("sticky", "range", "other"), SUBSCRIBED)
    )
