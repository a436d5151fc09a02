"""A search for runs of a namespace: what they must fit, and how long the store looks."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from durable_workflow.server.filters.tree import Condition


class RunKey(NamedTuple):
    """Where a run stands in a list: newest first, then the greater id first."""

    started_at: int
    run_id: str


class RunSearch(msgspec.Struct, frozen=True, kw_only=True):
    """The next runs of a namespace, newest first.

    Attributes:
        condition: What they fit; None is all.
        after: The run that they come after, in the order of the list; None is the beginning.
        most: At most this many.
        seconds: How long to look before `SearchTooBroad`.
    """

    namespace: str
    condition: Condition | None = None
    after: RunKey | None = None
    most: int
    seconds: float = 1.0
