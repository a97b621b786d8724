"""Patterns that members of consumer groups subscribe to instead of topic names (KIP-848).

The engine is RE2, whose time is linear in the name and whose memory is bounded, as Kafka's RE2/J;
Python's `re` takes minutes for (a+)+$ and is never used. RE2 is imported with the first pattern.

Of 50,000 patterns that RE2/J and RE2 were both given, none that both took matched differently. RE2
alone takes group names that are not ASCII, two groups of one name, `{*`, `a{99999999999}` as text,
and younger scripts (\\p{Adlam}); RE2/J alone a backslash before a letter that is not ASCII, and
counts that multiply to more than 1,000. `\\C`, which RE2 alone takes, is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pykbroker.errors import ErrorCode, KafkaError

if TYPE_CHECKING:
    from types import ModuleType

PATTERN_BYTES_MAX = 8192
"""Longest pattern, in bytes of UTF-8; Kafka has no limit, but here patterns are compiled while
others wait: a hostile one of this length takes 10 ms, and one of 64 KiB seconds and 700 MiB."""

COUNTS_MAX = 100
"""Most braces of a pattern: a count, as in a{1000}, takes 40 µs to compile."""

UNICODE_CLASSES_MAX = 16
"""Most Unicode classes of a pattern: one, as \\pL, takes up to 550 µs to compile."""

OPTIONAL_MAX = 1024
"""Most question marks of a pattern: compiling a row of them takes the square of their number."""

_MEMORY_BYTES_MAX = 192 << 10
"""For a compiled pattern and its cache of states: 250 topic names of 30 characters with | between
them, or .{1000}, but no \\pL{50}. RE2 keeps the last 128 patterns."""

_SHOWN_CHARS_MAX = 100
_ESCAPES = rb"(?s)\\(?:Q.*?(?:\\E|\z)|.)"


class TopicPattern:
    """A compiled pattern."""

    __slots__ = ("_compiled", "pattern")

    def __init__(self, pattern: str, compiled: Any) -> None:
        self.pattern = pattern
        self._compiled = compiled

    @property
    def steps(self) -> int:
        """The size of the compiled pattern in instructions, above 0; what matching takes goes
        with it."""
        return max(int(self._compiled.programsize), 1)

    def matches(self, topic_name: str) -> bool:
        """Tell whether the whole name matches: about 1 µs, at most 10 ms for a hostile pattern."""
        return self._compiled.fullmatch(topic_name.encode()) is not None

    def __repr__(self) -> str:
        return f"TopicPattern({self.pattern!r})"


def compile_pattern(pattern: str) -> TopicPattern:
    """Compile what a member subscribed to, in at most about 10 ms.

    Raises INVALID_REGULAR_EXPRESSION for a pattern that is none, or that is too large.
    """
    text = pattern.encode()
    _check_size(pattern, text)
    re2 = _engine()
    try:
        compiled = re2.compile(text, _options(re2))
        escapes = re2.findall(_ESCAPES, text)
    except re2.error as fault:
        raise _refusal(pattern, _words(fault)) from None
    if b"\\C" in escapes:
        raise _refusal(pattern, "\\C, a single byte, is not served")
    return TopicPattern(pattern, compiled)


def _check_size(pattern: str, text: bytes) -> None:
    if len(text) > PATTERN_BYTES_MAX:
        reason = f"it has {len(text)} bytes; {PATTERN_BYTES_MAX} are allowed"
    elif text.count(b"{") > COUNTS_MAX:
        reason = f"it has more than {COUNTS_MAX} counts in braces"
    elif text.count(b"\\p") + text.count(b"\\P") > UNICODE_CLASSES_MAX:
        reason = f"it has more than {UNICODE_CLASSES_MAX} Unicode classes"
    elif text.count(b"?") > OPTIONAL_MAX:
        reason = f"it has more than {OPTIONAL_MAX} question marks"
    else:
        return
    raise _refusal(pattern, reason)


def _engine() -> ModuleType:
    """Import RE2, which takes 3 ms and 3 MiB that a broker without patterns does not pay."""
    try:
        import re2
    except ImportError:
        raise KafkaError(
            ErrorCode.INVALID_REGULAR_EXPRESSION,
            "this broker has no engine for patterns: install google-re2 beside it"
            " (pip install 'pykbroker[regex]'), or subscribe to topic names",
        ) from None
    module: ModuleType = re2
    return module


def _options(re2: ModuleType) -> Any:
    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    options.max_mem = _MEMORY_BYTES_MAX
    return options


def _words(fault: Exception) -> str:
    reason = fault.args[0] if fault.args else ""
    return reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)


def _refusal(pattern: str, reason: str) -> KafkaError:
    return KafkaError(
        ErrorCode.INVALID_REGULAR_EXPRESSION,
        "topics cannot be subscribed to by the regular expression"
        f" {_shortened(pattern)}: {_shortened(reason)}",
    )


def _shortened(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARS_MAX else text[:_SHOWN_CHARS_MAX] + "..."
