"""The retry policy of activities and children, as commands carry it."""

from __future__ import annotations

from typing import Any

from durable_workflow._wire.json_values import dict_or_none
from durable_workflow.server.engine.refusal import InvalidCommands
from durable_workflow.server.fields import Inside, Reading, RetryPolicy
from durable_workflow.server.slices import Slices


class Retries(Inside, frozen=True, kw_only=True):
    """A retry policy, which says something of retries."""

    def read_in_slices(self, value: Any, at: str, reading: Reading) -> Slices[Any]:
        policy = dict_or_none(value)
        known = RetryPolicy.__struct_fields__
        if policy is not None and not policy.keys() & {*known}:
            raise InvalidCommands(f"{at} has none of the fields {', '.join(sorted(known))}")
        return (yield from super().read_in_slices(value, at, reading))
