"""All questions, by subject."""

from __future__ import annotations

from interop.group_questions.consumer_alone import CONSUMER_ALONE
from interop.group_questions.consumer_described import CONSUMER_DESCRIBED
from interop.group_questions.consumer_offsets import CONSUMER_OFFSETS
from interop.group_questions.consumer_regex import CONSUMER_REGEX
from interop.group_questions.consumer_requests import CONSUMER_REQUESTS
from interop.group_questions.consumer_static import CONSUMER_STATIC
from interop.group_questions.consumer_together import CONSUMER_TOGETHER
from interop.group_questions.describe_groups import DELETE_GROUPS, DESCRIBE_GROUPS, LIST_GROUPS
from interop.group_questions.find_coordinator import FIND_COORDINATOR
from interop.group_questions.group_configs import GROUP_CONFIGS
from interop.group_questions.heartbeat_leave import HEARTBEAT, LEAVE_GROUP
from interop.group_questions.join_group import JOIN_GROUP
from interop.group_questions.join_group_of_two import JOIN_GROUP_OF_TWO
from interop.group_questions.limits import LIMITS
from interop.group_questions.migration import MIGRATION
from interop.group_questions.odd_requests import ODD_REQUESTS
from interop.group_questions.offset_commit import OFFSET_COMMIT
from interop.group_questions.offset_fetch import OFFSET_DELETE, OFFSET_FETCH
from interop.group_questions.open_transactions import OPEN_TRANSACTIONS
from interop.group_questions.questions import Question
from interop.group_questions.static_members import STATIC_MEMBERS
from interop.group_questions.sync_group import SYNC_GROUP
from interop.group_questions.timeouts import TIMEOUTS

SUBJECTS = (
    FIND_COORDINATOR,
    JOIN_GROUP,
    JOIN_GROUP_OF_TWO,
    STATIC_MEMBERS,
    SYNC_GROUP,
    HEARTBEAT,
    LEAVE_GROUP,
    OFFSET_COMMIT,
    OFFSET_FETCH,
    OFFSET_DELETE,
    DESCRIBE_GROUPS,
    LIST_GROUPS,
    DELETE_GROUPS,
    CONSUMER_REQUESTS,
    CONSUMER_ALONE,
    CONSUMER_TOGETHER,
    CONSUMER_STATIC,
    CONSUMER_REGEX,
    CONSUMER_OFFSETS,
    CONSUMER_DESCRIBED,
    MIGRATION,
    GROUP_CONFIGS,
    ODD_REQUESTS,
    OPEN_TRANSACTIONS,
    TIMEOUTS,
)


def all_questions(*, limits: bool = False) -> list[Question]:
    """Give every question once: those for Kafka's defaults, or those for `limits.PROPERTIES`.

    Raises ValueError if two have the same name.
    """
    subjects = (LIMITS,) if limits else SUBJECTS
    found = [question for subject in subjects for question in subject.found]
    names = [question.name for question in found]
    if len(names) != len(set(names)):
        raise ValueError(f"asked twice: {sorted({n for n in names if names.count(n) > 1})}")
    return found
