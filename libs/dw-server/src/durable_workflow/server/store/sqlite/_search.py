"""Finding runs: the ways that lead to them are tried side by side, a slice at a time.

Which way is shortest depends on what is in the file: among a million runs that are mostly
`completed`, one customer's are found by the customer; and a customer with half of them is found by
going back from the newest. Statistics would have to be kept, and can be wrong. So each way is gone
in turn for as many runs as the others, and the first to arrive has the answer: that costs at most
as many times the shortest as there are ways.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

from durable_workflow.server.store.errors import SearchTooBroad
from durable_workflow.server.store.protocol import Read
from durable_workflow.server.store.search import RunKey, RunSearch
from durable_workflow.server.store.sqlite._transaction import SqliteRead
from durable_workflow.server.store.sqlite._walk_choice import walks_for
from durable_workflow.server.store.sqlite._walks import AnyWalk, RangeWalk, Select

# Runs `work` on a view of the database.
View: TypeAlias = Callable[[Callable[[Select], None]], Awaitable[None]]

# Runs of the first slices, and bounds of later ones.
_FIRST_SLICE: Final = 256
_LONGEST_SLICE: Final = 65_536
# A slice runs on the event loop: nobody else is served while it lasts.
_SLICE_SECONDS: Final = 0.005


def selecting(read: Read) -> Select:
    """What walks over a view read with."""
    assert isinstance(read, SqliteRead)  # every view that this store gives is one
    return read.select


async def find_runs(view: View, search: RunSearch) -> list[RunKey]:
    """The runs of a search, newest first.

    Raises:
        SearchTooBroad: No way has led to a page within the time of the search.
    """
    if search.most < 1:
        return []
    walks = walks_for(search)
    lengths = {walk: _first_length(walk) for walk in walks}
    spent = 0.0
    while True:
        for walk in walks:
            took = await _step(view, walk, lengths[walk])
            if walk.done:
                return walk.found
            spent += took
            lengths[walk] = _next_length(lengths[walk], took)
            if spent > search.seconds:
                raise SearchTooBroad(f"no page was found within {search.seconds:g} s")
            # Others get their turn between two slices.
            await asyncio.sleep(0)


async def _step(view: View, walk: AnyWalk, length: int) -> float:
    took = 0.0

    def work(select: Select) -> None:
        nonlocal took
        began = time.perf_counter()
        walk.step(select, length)
        took = time.perf_counter() - began

    await view(work)
    return took


def _first_length(walk: AnyWalk) -> int:
    # In the order of values mostly the index is read, which is quick.
    return _FIRST_SLICE * (8 if isinstance(walk, RangeWalk) else 1)


def _next_length(length: int, took: float) -> int:
    if took > _SLICE_SECONDS:
        return max(length // 2, _FIRST_SLICE)
    return min(length * 2, _LONGEST_SLICE) if took < _SLICE_SECONDS / 2 else length
