"""Upkeep by operators: repairs, activity timeouts, retention (control-plane 12)."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from durable_workflow.server.fields import Text, Whole, texts
from durable_workflow.server.fields.kind import Kind

# What a pass looks at, at most. A larger limit counts as this one.
MOST: Final = 100
_LONGEST_ID: Final = 128


def _ids() -> Kind:
    return texts(most=MOST, longest=_LONGEST_ID)


class RepairPass(msgspec.Struct, frozen=True, kw_only=True):
    """Have go on what has stopped in a namespace.

    Attributes:
        run_ids: These runs alone; none are all.
        instance_id: The current run of this workflow id alone.
    """

    run_ids: Annotated[list[str], _ids()] = []
    instance_id: Annotated[str | None, Text(longest=_LONGEST_ID)] = None


class LookUpkeep(msgspec.Struct, frozen=True, kw_only=True):
    """What a pass would find."""

    limit: Annotated[int, Whole(least=1)] = MOST


class ActivityTimeoutPass(msgspec.Struct, frozen=True, kw_only=True):
    """Time out the activities whose deadlines have passed.

    Attributes:
        execution_ids: These alone, however many; none are all.
    """

    limit: Annotated[int, Whole(least=1)] = MOST
    execution_ids: Annotated[list[str], _ids()] = []


class RetentionPass(msgspec.Struct, frozen=True, kw_only=True):
    """Remove runs that their namespace has kept long enough.

    Attributes:
        run_ids: These closed runs, expired or not; none are the expired ones.
    """

    limit: Annotated[int, Whole(least=1)] = MOST
    run_ids: Annotated[list[str], _ids()] = []
