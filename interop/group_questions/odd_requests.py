"""What no client does on purpose: names and contents of unusual sizes, topics that come and go."""

from __future__ import annotations

from typing import Any

from interop.group_questions.asker import Asker
from interop.group_questions.classic import (
    enter,
    heartbeat,
    join,
    leave,
    new_member_id,
    stable_group,
    sync,
)
from interop.group_questions.consumer import (
    Consumer,
    a_consumer,
    first_beat,
    topic_for_members,
    until_next_assignment,
)
from interop.group_questions.describe_groups import delete
from interop.group_questions.offsets import commit, fetch
from interop.group_questions.questions import Questions

ODD_REQUESTS = Questions("odd_requests")
LONGEST_STRING = 32_767
LARGER_THAN_A_RECORD = 1_200_000


def longest(name: str) -> str:
    """Fill a name up to the longest that a string can be."""
    return name + "x" * (LONGEST_STRING - len(name))


@ODD_REQUESTS.about(90)
def the_longest_group_id(asker: Asker) -> Any:
    group, topic = longest(asker.group()), asker.topic()
    committed = commit(asker, group, {topic: {0: 1}}, version=9)
    member = new_member_id(asker, group)
    entered = join(asker, group, member)
    synced = sync(asker, group, member, 1, {member: b"all"})
    left = leave(asker, group, member, version=2)
    return (
        committed["topics"][0]["partitions"],
        entered["error_code"],
        synced,
        left,
        [each["error_code"] for each in delete(asker, group)["results"]],
    )


@ODD_REQUESTS.about(90, alone=True)
def the_longest_client_id(asker: Asker) -> Any:
    client, group = asker.another("c" * 32_000), asker.group()
    return join(client, group)["error_code"], join(client, group, version=0)["error_code"]


@ODD_REQUESTS.about(93, alone=True)
def the_longest_instance_id(asker: Asker) -> Any:
    return join(asker, asker.group(), group_instance_id=longest("i"))["error_code"]


@ODD_REQUESTS.about(112)
def the_longest_names_of_a_consumer(asker: Asker) -> Any:
    group = longest(asker.group())
    return (
        first_beat(asker, group)["error_code"],
        first_beat(asker, asker.group(), longest("m"))["error_code"],
        first_beat(asker, asker.group(), instance_id=longest("i"))["error_code"],
        first_beat(asker, asker.group(), rack_id=longest("r"))["error_code"],
    )


@ODD_REQUESTS.about(90, group=["a b", "ä", "a/b", "\x00", "a" * 300, "null"])
def a_group_id_of_unusual_letters(asker: Asker, group: str) -> Any:
    name, topic = f"{asker.group()}{group}", asker.topic()
    committed = commit(asker, name, {topic: {0: 1}}, version=9)
    found = fetch(asker, name, version=9)["groups"][0]["topics"][0]["partitions"]
    return committed, found, [each["error_code"] for each in delete(asker, name)["results"]]


@ODD_REQUESTS.about(97, alone=True)
def metadata_that_no_record_can_hold(asker: Asker) -> Any:
    group = asker.group()
    fields = {"protocol_type": "large", "protocols": {"any": bytes(LARGER_THAN_A_RECORD)}}
    entered = enter(asker, group, **fields)
    names = {"protocol_type": "large", "protocol_name": "any"}
    synced = sync(asker, group, entered["member_id"], 1, {}, **names)
    return entered["error_code"], synced, asker.state(group)


@ODD_REQUESTS.about(93, 97, alone=True)
def metadata_of_a_static_member_that_no_record_can_hold(asker: Asker) -> Any:
    group = asker.group()
    fields = {"protocol_type": "large", "group_instance_id": "one"}
    small = stable_group(asker, group, protocols={"any": b""}, **fields)
    large = {"any": bytes(LARGER_THAN_A_RECORD)}
    back = join(asker, group, protocols=large, **fields)
    old = heartbeat(asker, group, small["member_id"], 1, group_instance_id="one")
    return back["error_code"], back["member_id"], old


@ODD_REQUESTS.about(97)
def many_members_in_one_request_to_leave(asker: Asker) -> Any:
    group = asker.group()
    stable_group(asker, group)
    answer = leave(asker, group, *(f"nobody {number}" for number in range(2_000)))
    return len(answer["members"]), {each["error_code"] for each in answer["members"]}


@ODD_REQUESTS.about(101)
def many_partitions_in_one_commit(asker: Asker) -> Any:
    group, topic = asker.group(), asker.topic(100)
    committed = commit(asker, group, {topic: dict.fromkeys(range(100), 7)})
    found = fetch(asker, group)["groups"][0]["topics"][0]["partitions"]
    return len(committed["topics"][0]["partitions"]), len(found)


@ODD_REQUESTS.about(104, alone=True)
def more_metadata_in_one_commit_than_a_record_holds(asker: Asker) -> Any:
    group, topic = asker.group(), asker.topic(300)
    told = {"committed_offset": 1, "committed_metadata": "m" * 4096}
    committed = commit(asker, group, {topic: dict.fromkeys(range(300), told)})
    codes = {each["error_code"] for each in committed["topics"][0]["partitions"]}
    return codes, len(fetch(asker, group)["groups"][0]["topics"])


@ODD_REQUESTS.about(105, 110)
def offsets_of_a_deleted_topic(asker: Asker) -> Any:
    group, topic, kept = asker.group(), asker.topic(), asker.topic()
    commit(asker, group, {topic: {0: 1}, kept: {0: 2}})
    asker.delete_topic(topic)
    asker.until(
        lambda: fetch(asker, group, version=9)["groups"][0]["topics"],
        lambda topics: len(topics) == 1,
    )
    return (
        fetch(asker, group, version=9),
        fetch(asker, group, {topic: [0]}, version=9),
        fetch(asker, group, {topic: [0]}),
        commit(asker, group, {topic: {0: 3}}, version=9),
        commit(asker, group, {topic: {0: 3}}),
    )


@ODD_REQUESTS.about(105, 110)
def offsets_of_the_last_topic_that_is_deleted(asker: Asker) -> Any:
    group, topic = asker.group(), asker.topic()
    commit(asker, group, {topic: {0: 1}})
    asker.delete_topic(topic)
    asker.until(
        lambda: fetch(asker, group, version=9)["groups"][0]["topics"],
        lambda topics: not topics,
    )
    return asker.state(group)


@ODD_REQUESTS.about(105)
def offsets_of_a_topic_that_was_made_again(asker: Asker) -> Any:
    group, topic = asker.group(), asker.topic()
    commit(asker, group, {topic: {0: 1}})
    asker.delete_topic(topic)
    asker.until(
        lambda: fetch(asker, group, version=9)["groups"][0]["topics"],
        lambda topics: not topics,
    )
    again = asker.topic(name=topic)
    return (
        fetch(asker, group, {again: [0]}),
        fetch(asker, group, {topic: [0]})["groups"][0]["topics"][0]["partitions"],
        commit(asker, group, {topic: {0: 3}})["topics"][0]["partitions"],
        commit(asker, group, {again: {0: 4}})["topics"][0]["partitions"],
    )


@ODD_REQUESTS.about(112)
def a_topic_that_was_made_again_between_two_heartbeats(asker: Asker) -> Any:
    topic = topic_for_members(asker)
    member = a_consumer(asker, topic)
    until_next_assignment(asker)
    asker.delete_topic(topic)
    gone = asker.until(member.beat, lambda answer: answer["assignment"] is not None)
    member.own()
    until_next_assignment(asker)
    asker.topic(2, name=topic)
    back = asker.until(member.own, lambda answer: answer["assignment"] is not None)
    return len(gone["assignment"]["topic_partitions"]), [
        each["partitions"] for each in back["assignment"]["topic_partitions"]
    ]


@ODD_REQUESTS.about(112)
def two_consumers_on_one_connection(asker: Asker) -> Any:
    topic = topic_for_members(asker, 2)
    one = Consumer(asker, asker.group(), "alice", topic)
    two = Consumer(asker, asker.group(), "alice", topic)
    return one.join(), two.join()
