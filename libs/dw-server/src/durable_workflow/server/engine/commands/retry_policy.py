"""The retry policy of activities and children, as commands carry it."""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec

from durable_workflow._wire.json_values import dict_or_none
from durable_workflow.server.engine.refusal import InvalidCommands
from durable_workflow.server.fields import LONGEST_SECONDS, Inside, Listed, Reading, Whole, texts

_MOST_TYPES: Final = 1000


class RetryPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """What a command says about retries, with the defaults filled in.

    Attributes:
        backoff_seconds: There may be many: workers write one for each attempt.
    """

    max_attempts: Annotated[int, Whole(least=1, most=LONGEST_SECONDS)] = 1
    backoff_seconds: Annotated[list[int], Listed(each=Whole(most=LONGEST_SECONDS))] = []
    non_retryable_error_types: Annotated[list[str], texts(most=_MOST_TYPES)] = []


class Retries(Inside, frozen=True, kw_only=True):
    """A retry policy, which says something of retries."""

    def read(self, value: Any, at: str, reading: Reading) -> Any:
        policy = dict_or_none(value)
        known = RetryPolicy.__struct_fields__
        if policy is not None and not policy.keys() & {*known}:
            raise InvalidCommands(f"{at} has none of the fields {', '.join(sorted(known))}")
        return super().read(value, at, reading)
