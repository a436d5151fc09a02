"""Which attempt of an activity this is, and whether another follows if it fails.

Servers decide; this says in the log what they will decide (worker-protocol 5.6).
"""

from dataclasses import dataclass, replace
from typing import Final, cast

from durable_workflow._wire.json_values import (
    JsonObject,
    dict_or_none,
    integer_or_none,
    text_or_none,
)


@dataclass(frozen=True, slots=True)
class Attempts:
    """The policy that an activity task came with.

    Attributes:
        most: Most attempts.
        backoff: Seconds before each further attempt; the last counts for all after it.
        non_retryable: Types of failures after which there is no other attempt.
        heartbeat_timeout: Longest time between two heartbeats, in seconds; None for any.
        redeliveries: Attempts that were lost with their workers. The policy does not count them,
            their numbers do.
    """

    most: int = 1
    backoff: tuple[int, ...] = ()
    non_retryable: frozenset[str] = frozenset()
    heartbeat_timeout: int | None = None
    redeliveries: int = 0

    @property
    def last(self) -> int:
        """Number of the last attempt that there can be."""
        return self.most + self.redeliveries

    def outlook(self, attempt: int, failure_type: str | None, *, for_good: bool) -> str | None:
        """What the log says of the attempt to come; None where none comes.

        Args:
            attempt: The attempt that failed, from 1 on.
            failure_type: Name of the exception's class.
            for_good: Whether the failure itself says that another attempt is useless.
        """
        if for_good or failure_type in self.non_retryable or attempt >= self.last:
            return None
        seconds = self.backoff[min(attempt, len(self.backoff)) - 1] if self.backoff else 0
        return f"attempt {attempt} of {self.last}, next in {seconds} s"


# One attempt, as an activity without a policy has it.
NO_POLICY: Final = Attempts()


def read_attempts(policy: object, redeliveries: object = None) -> Attempts:
    """Read the `retry_policy` of an activity task, leaving out what is not of its type.

    Args:
        policy: As it came.
        redeliveries: The task's member of that name, as it came.
    """
    lost = integer_or_none(redeliveries) or 0
    given = dict_or_none(policy)
    if given is None:
        return replace(NO_POLICY, redeliveries=lost) if lost else NO_POLICY
    return Attempts(
        most=integer_or_none(given.get("max_attempts")) or 1,
        backoff=tuple(
            seconds
            for each in _items(given, "backoff_seconds")
            if (seconds := integer_or_none(each)) is not None
        ),
        non_retryable=frozenset(
            text
            for each in _items(given, "non_retryable_error_types")
            if (text := text_or_none(each)) is not None
        ),
        heartbeat_timeout=integer_or_none(given.get("heartbeat_timeout")),
        redeliveries=lost,
    )


def _items(given: JsonObject, key: str) -> list[object]:
    items = given.get(key)
    return cast("list[object]", items) if isinstance(items, list) else []
