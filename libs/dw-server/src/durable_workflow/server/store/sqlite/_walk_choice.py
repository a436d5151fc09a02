"""Which walks lead to the runs of a search.

A condition that all runs of a page must fit leads to an index: an equality to the part of it that
belongs to a value, a range to one that has the runs in the order of the values. All other
conditions are tested on the way.
"""

from __future__ import annotations

from typing import Final, TypeAlias

from durable_workflow.server.filters.tree import (
    Among,
    Attribute,
    Condition,
    Range,
    SystemName,
    conjuncts,
)
from durable_workflow.server.filters.tree import Value as Literal
from durable_workflow.server.store.search import RunSearch
from durable_workflow.server.store.sqlite._conditions import (
    COLUMNS,
    INDEXES,
    is_as_stored,
    stored_statuses,
    value_column,
)
from durable_workflow.server.store.sqlite._walks import (
    AnyWalk,
    Part,
    RangeWalk,
    Several,
    Walk,
    Way,
)

# So many equal values are merged into one walk: SQLite prepares a part of a statement for each.
_MOST_MERGED: Final = 32
# Of more values than these it may be shorter to read all their runs, and sort them.
_FEW: Final = 8

# A way to be gone together with others, or a walk of its own.
Found: TypeAlias = Way | AnyWalk


def walks_for(search: RunSearch) -> list[AnyWalk]:
    """The walks on which the runs of a search can be found. Each leads to the same runs."""
    parts = conjuncts(search.condition)
    ways: list[Way] = []
    others: list[AnyWalk] = []
    for at, condition in enumerate(parts):
        rest = [*parts[:at], *parts[at + 1 :]]
        if isinstance(condition, Among) and len(condition.values) > _FEW:
            others += _through_all(search, condition, rest)
        found = _walk(search, condition, rest)
        if isinstance(found, Way):
            ways.append(found)
        elif found is not None:
            others.append(found)
    # All runs are a way too, but one that is never shorter than those with a part of them.
    ways = ways or [Way([Part("runs INDEXED BY runs_listed")], parts)]
    return [*others, Walk(search, ways)]


def _walk(search: RunSearch, condition: Condition, rest: list[Condition]) -> Found | None:
    if not isinstance(condition, Among | Range):
        return None
    if isinstance(condition.field, Attribute):
        return _attribute_walk(search, condition, condition.field.name, rest)
    name = condition.field.name
    if name == "Status":
        return _status_way(condition, rest)
    if name in ("WorkflowId", "RunId"):
        return _id_walk(search, condition, name, rest)
    index = "runs_by_close" if name == "CloseTime" else INDEXES.get(name)
    if index is None:
        return None
    column = COLUMNS[name]
    source = f"runs INDEXED BY {index}"
    if isinstance(condition, Among):
        return _merged(search, [Part(source, ((column, v),)) for v in condition.values], rest)
    return RangeWalk(search, Part(source), (column, "started_at", "run_id"), condition, rest)


def _attribute_walk(
    search: RunSearch, condition: Among | Range, name: str, rest: list[Condition]
) -> Found:
    if isinstance(condition, Among):
        return _merged(search, [_of_value(name, value) for value in condition.values], rest)
    bound = condition.high if condition.low is None else condition.low
    assert bound is not None
    part, column = _of_kind(name, *value_column(bound))
    return RangeWalk(search, part, (column, "started_at", "run_id"), condition, rest)


def _through_all(search: RunSearch, condition: Among, rest: list[Condition]) -> list[AnyWalk]:
    """A walk through all runs of some values, where one index has them."""
    order = ("started_at", "run_id")
    if isinstance(condition.field, Attribute):
        kinds = {value_column(value) for value in condition.values}
        if len(kinds) > 1:
            return []
        part, column = _of_kind(condition.field.name, *kinds.pop())
        return [RangeWalk(search, part, (column, *order), condition, rest)]
    name = condition.field.name
    if name not in ("WorkflowType", "TaskQueue", "BuildId"):
        return []
    part = Part(f"runs INDEXED BY {INDEXES[name]}")
    return [RangeWalk(search, part, (COLUMNS[name], *order), condition, rest)]


def _merged(search: RunSearch, parts: list[Part], tested: list[Condition]) -> Found:
    if len(parts) <= _MOST_MERGED:
        return Way(parts, tested)
    groups = [parts[at : at + _MOST_MERGED] for at in range(0, len(parts), _MOST_MERGED)]
    return Several(search, [Walk(search, [Way(group, tested)]) for group in groups])


def _of_kind(name: str, column: str, kind: str) -> tuple[Part, str]:
    if column == "text_value":
        return Part("run_attributes INDEXED BY run_attributes_by_text", (("name", name),)), column
    fixed: tuple[tuple[str, Literal], ...] = (("name", name), ("kind", kind))
    return Part("run_attributes INDEXED BY run_attributes_by_number", fixed), column


def _of_value(name: str, value: Literal) -> Part:
    part, column = _of_kind(name, *value_column(value))
    return Part(part.source, (*part.fixed, (column, value)))


def _status_way(condition: Among | Range, rest: list[Condition]) -> Way | None:
    if isinstance(condition, Range):
        return None
    words = [str(value) for value in condition.values]
    stored = stored_statuses(words)
    parts = [Part("runs INDEXED BY runs_by_status", (("status", word),)) for word in stored]
    return Way(parts, rest if is_as_stored(words) else [condition, *rest])


def _id_walk(
    search: RunSearch, condition: Among | Range, name: SystemName, rest: list[Condition]
) -> AnyWalk:
    if name == "RunId":
        # Its index knows no namespace, which is looked up in the table.
        part = Part("runs INDEXED BY sqlite_autoindex_runs_1")
        return RangeWalk(search, part, ("run_id",), condition, rest)
    source = "runs INDEXED BY runs_of_instance"
    if isinstance(condition, Range):
        return RangeWalk(search, Part(source), ("workflow_id", "run_number"), condition, rest)
    walks: list[Walk | RangeWalk] = []
    for value in condition.values:
        part = Part(source, (("workflow_id", value),))
        walks.append(RangeWalk(search, part, ("run_number",), None, rest))
    return Several(search, walks) if len(walks) > 1 else walks[0]
