"""Subscriptions by regular expression (KIP-848): refused, resolved, changed."""

from __future__ import annotations

from typing import Any

from interop.group_questions.asker import Asker
from interop.group_questions.consumer import (
    Consumer,
    a_consumer,
    describe,
    first_beat,
    topic_for_members,
    until_next_assignment,
)
from interop.group_questions.questions import Questions

CONSUMER_REGEX = Questions("consumer_regex")
REFRESHED_AT_MOST_EVERY_MS = 10_000
NAMES = {"subscribed_topic_names": None}


def by_regex(asker: Asker, regex: str, member_id: str = "alice") -> Consumer:
    """Give a member that has joined a new group with an expression and no names."""
    member = Consumer(asker, asker.group(), member_id)
    member.join(subscribed_topic_regex=regex, **NAMES)
    return member


def has_partitions(answer: Any) -> bool:
    """Tell whether an answer assigns something."""
    return bool(answer["assignment"] and answer["assignment"]["topic_partitions"])


COMPILING = (
    r"\d+ [[:alpha:]]+ (?i)A \pL a{2,3} a{,3} a{1000} a*? a| (?P<n>a) (?<n>a) \Qa\E \z \bx\b"
)
COMPILING += r" (?s). (?i:a) \x41 \p{Greek} []a] (?U)a+ { a{"
FAILING = r"[ ( ) *a a(?=b) (a)\1 a{1001} (?P<n>a \ a++ \Z (?x)a \h [a- [b-a] a** (?#a) (?>a)"
FAILING += r" \p{Alpha} [^] \C"
EXPRESSIONS = (COMPILING + " " + FAILING).split()
MATCHES = ["a", "a.*", "A", "(?i)A", "a|ab", "(a|ab)", ".*", "a\\d", "[ab]+", "ab?", "a\\.b", "^a$"]


@CONSUMER_REGEX.about(112, regex=EXPRESSIONS)
def that_may_compile(asker: Asker, regex: str) -> Any:
    answer = first_beat(asker, asker.group(), subscribed_topic_regex=regex, **NAMES)
    return answer["error_code"], answer["member_epoch"]


@CONSUMER_REGEX.about(112, regex=MATCHES)
def matching(asker: Asker, regex: str) -> Any:
    prefix = asker.names.fresh("prefix")
    suffixes = ("a", "ab", "a1", "A", "a.b", "b")
    topics = {asker.topic(1, name=f"{prefix}{each}").topic_id: each for each in suffixes}
    topic_for_members(asker, 1)
    member = by_regex(asker, f"{prefix}(?:{regex})")
    until_next_assignment(asker)
    member.own()
    return sorted(topics[each["topic_id"]] for each in member.share)


@CONSUMER_REGEX.about(112)
def that_does_not_compile_creates_no_group(asker: Asker) -> Any:
    group = asker.group()
    first_beat(asker, group, subscribed_topic_regex="[", **NAMES)
    return describe(asker, group)


@CONSUMER_REGEX.about(112)
def that_is_not_known_in_v0(asker: Asker) -> Any:
    fields = {"subscribed_topic_regex": "a", "version": 0}
    return first_beat(asker, asker.group(), **fields)


@CONSUMER_REGEX.about(112)
def that_is_empty(asker: Asker) -> Any:
    group = asker.group()
    joined = first_beat(asker, group, subscribed_topic_regex="", **NAMES)
    return joined, describe(asker, group)


@CONSUMER_REGEX.about(112)
def that_matches_a_topic(asker: Asker) -> Any:
    topic = topic_for_members(asker)
    member = Consumer(asker, asker.group(), "alice")
    joined = member.join(subscribed_topic_regex=f"{topic}.*", **NAMES)
    told = asker.until(member.beat, has_partitions)
    return (
        joined,
        told,
        member.own(),
        describe(asker, member.group),
    )


@CONSUMER_REGEX.about(112)
def that_matches_only_a_part_of_the_name(asker: Asker) -> Any:
    topic = topic_for_members(asker)
    member = by_regex(asker, topic[:-1])
    asker.sleep_ms(500)
    until_next_assignment(asker)
    return member.own()


@CONSUMER_REGEX.about(112)
def that_matches_nothing(asker: Asker) -> Any:
    member = Consumer(asker, asker.group(), "alice")
    joined = member.join(subscribed_topic_regex="nothing-like-it", **NAMES)
    until_next_assignment(asker)
    return joined, member.own(), describe(asker, member.group)


@CONSUMER_REGEX.about(112)
def that_matches_internal_topics(asker: Asker) -> Any:
    member = by_regex(asker, "__consumer_off.*")
    asker.until(member.beat, has_partitions)
    return len(member.share)


@CONSUMER_REGEX.about(112)
def beside_names(asker: Asker) -> Any:
    named, matched = topic_for_members(asker, 1), topic_for_members(asker, 2)
    member = Consumer(asker, asker.group(), "alice", named)
    joined = member.join(subscribed_topic_regex=matched)
    told = asker.until(member.own, lambda answer: answer["member_epoch"] > joined["member_epoch"])
    return joined, told


@CONSUMER_REGEX.about(112)
def that_names_follow(asker: Asker) -> Any:
    topic, other = topic_for_members(asker, 1), topic_for_members(asker, 2)
    member = by_regex(asker, topic)
    asker.until(member.own, has_partitions)
    until_next_assignment(asker)
    changed = member.own(subscribed_topic_regex="", subscribed_topic_names=[other])
    return changed, member.own(), member.own(), describe(asker, member.group)


@CONSUMER_REGEX.about(112)
def that_follows_names(asker: Asker) -> Any:
    topic, other = topic_for_members(asker, 1), topic_for_members(asker, 2)
    member = a_consumer(asker, topic)
    until_next_assignment(asker)
    changed = member.own(subscribed_topic_regex=other, subscribed_topic_names=[])
    return changed, asker.until(member.own, has_partitions), member.own()


@CONSUMER_REGEX.about(112)
def that_becomes_bad(asker: Asker) -> Any:
    topic = topic_for_members(asker, 1)
    member = by_regex(asker, topic)
    asker.until(member.own, has_partitions)
    return member.beat(subscribed_topic_regex="["), member.beat()


@CONSUMER_REGEX.about(112)
def that_another_member_has_already(asker: Asker) -> Any:
    topic = topic_for_members(asker, 2)
    one = by_regex(asker, topic)
    asker.until(one.own, has_partitions)
    until_next_assignment(asker)
    two = Consumer(asker, one.group, "bob")
    joined = two.join(subscribed_topic_regex=topic, **NAMES)
    return joined, one.beat(), one.own(), two.own()


@CONSUMER_REGEX.about(112, slow=True)
def that_a_later_topic_matches(asker: Asker) -> Any:
    topic = topic_for_members(asker, 1)
    member = by_regex(asker, f"{topic}.*")
    asker.until(member.own, has_partitions)
    asker.topic(2, name=f"{topic}-later")
    asker.sleep_ms(REFRESHED_AT_MOST_EVERY_MS + 500)
    told = asker.until(member.own, has_partitions)
    return sorted(len(each["partitions"]) for each in told["assignment"]["topic_partitions"])
