"""Fields that activities and children have in common, whoever starts them: retries and timeouts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

import msgspec

from durable_workflow._wire.json_values import JsonObject
from durable_workflow.server.fields.containers import Listed, texts
from durable_workflow.server.fields.numbers import LONGEST_SECONDS, Whole
from durable_workflow.server.fields.reading import Reading
from durable_workflow.server.fields.schemas import Schemas
from durable_workflow.server.fields.tables import Say
from durable_workflow.server.slices import Slices

_MOST_TYPES: Final = 1000
_MOST_KEPT_AS_GIVEN: Final = 100
# Each must not be longer than the other.
_ORDER: Final = (
    ("heartbeat_timeout", "start_to_close_timeout"),
    ("start_to_close_timeout", "schedule_to_close_timeout"),
    ("schedule_to_start_timeout", "schedule_to_close_timeout"),
)


class Delay(Whole, frozen=True, kw_only=True):
    """Seconds before an attempt. Nobody waits longer than for the longest duration.

    A policy whose waits double has longer ones far down its list, which no attempt may ever reach.
    """

    def read(self, value: Any, at: str, reading: Reading) -> int | None:
        if isinstance(value, int) and value > LONGEST_SECONDS:
            return LONGEST_SECONDS
        found = super().read(value, at, reading)
        return None if found is None else min(found, LONGEST_SECONDS)

    def schema(self, schemas: Schemas, *, needed: bool) -> JsonObject:
        described = super().schema(schemas, needed=needed)
        del described["maximum"]
        return described


class Delays(Listed, frozen=True, kw_only=True):
    """Seconds between attempts: a list, or one number that stands for all.

    The last of a list stands for all that follow it, so a long one is kept without those that only
    repeat it: each retry writes the whole policy into the history.
    """

    def read_in_slices(self, value: Any, at: str, reading: Reading) -> Slices[list[Any] | None]:
        # A number may come in digits, as every other one.
        if isinstance(value, int | str) and not isinstance(value, bool):
            delay = self.each.read(value, at, reading)
            return None if delay is None else [delay]
        delays = yield from super().read_in_slices(value, at, reading)
        if delays is None or len(delays) <= _MOST_KEPT_AS_GIVEN:
            return delays
        end = len(delays)
        while end > 1 and delays[end - 2] == delays[-1]:
            end -= 1
        return delays[:end]

    def schema(self, schemas: Schemas, *, needed: bool) -> JsonObject:
        return {
            "anyOf": [
                self.each.schema(schemas, needed=needed),
                super().schema(schemas, needed=needed),
            ]
        }


class RetryPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """What is said about retries, with the defaults filled in.

    Attributes:
        backoff_seconds: There may be many: workers write one for each attempt. The last repeats.
    """

    max_attempts: Annotated[int, Whole(least=1, most=LONGEST_SECONDS)] = 1
    backoff_seconds: Annotated[list[int], Delays(each=Delay())] = []
    non_retryable_error_types: Annotated[list[str], texts(most=_MOST_TYPES)] = []


def check_timeouts(values: Mapping[str, Any], say: Say, *, suffix: str = "") -> None:
    """Check that no timeout of an activity is longer than the one that it is within.

    Args:
        suffix: What the names of the fields end in.
    """
    for shorter, longer in _ORDER:
        low, high = values.get(shorter + suffix), values.get(longer + suffix)
        if low is not None and high is not None and low > high:
            say(shorter + suffix, f"must not be greater than {longer}{suffix}.")
