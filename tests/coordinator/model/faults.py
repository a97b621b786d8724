"""What a history may uncover: a rule of groups that did not hold."""

from __future__ import annotations


class Fault(AssertionError):  # noqa: N818 - of the machine, not of the test
    """Something that must never be was; `rule` names which."""

    def __init__(self, rule: str, what: str) -> None:
        super().__init__(f"{rule}: {what}")
        self.rule = rule
