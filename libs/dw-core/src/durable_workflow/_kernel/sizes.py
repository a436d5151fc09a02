"""Rough sizes of live objects: exact enough to bound a cache, cheap enough for every task."""

import sys
from collections import deque
from itertools import islice
from typing import Any, Final, cast

from durable_workflow._wire.json_values import is_object

_MOST_OBJECTS: Final = 400
_SAMPLE: Final = 16
# What holds nothing. Most objects are of these, and to look into one takes long.
_LEAVES: Final[frozenset[type]] = frozenset({str, int, float, bool, bytes, type(None)})
# Frames, generators and contexts that the walk does not see.
_BASE_BYTES: Final = 4096


def estimated_size(roots: list[Any], *, besides: object = None) -> int:
    """Bytes reachable from some objects, containers judged by a sample of their members.

    Args:
        besides: What is counted already: the context of the code, which is in what all have.
    """
    total = float(_BASE_BYTES)
    seen = {id(besides)}
    queue: deque[tuple[Any, float]] = deque([(root, 1.0) for root in roots])
    while queue and len(seen) < _MOST_OBJECTS:
        value, weight = queue.popleft()
        if id(value) in seen or isinstance(value, type):
            continue
        seen.add(id(value))
        total += sys.getsizeof(value) * weight
        if type(value) in _LEAVES:
            continue
        members, count = _members(value)
        if members:
            share = weight * count / len(members)
            queue.extend([(member, share) for member in members])
    return int(total)


def _members(value: Any) -> tuple[list[Any], int]:
    """A sample of what an object holds, and how much it holds in all."""
    if is_object(value):
        pairs = list(islice(value.items(), _SAMPLE))
        return [part for pair in pairs for part in pair], 2 * len(value)
    if isinstance(value, (list, tuple, set, frozenset, deque)):
        items = cast("list[Any]", value)
        return list(islice(items, _SAMPLE)), len(items)
    if callable(value):
        return [], 0
    members = list(getattr(value, "__dict__", {}).values())
    for cls in type(value).__mro__:
        slots = getattr(cls, "__slots__", ())
        members.extend(getattr(value, name, None) for name in slots)
    return members, len(members)
