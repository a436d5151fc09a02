"""What workers say they hold, unchecked: whoever does the work refuses what is malformed."""

from __future__ import annotations

from collections.abc import Iterable

from durable_workflow._wire.json_values import JsonObject, dict_or_none, list_or_none


def stored_tasks(named: object) -> list[object]:
    """The members of a list that are of the store: all but query tasks."""
    return [each for each in list_or_none(named) or [] if _members(each).get("kind") != "query"]


def attempts_of(held: Iterable[object]) -> set[tuple[str, int | str]]:
    """The attempts that a list names."""
    found: set[tuple[str, int | str]] = set()
    for each in map(_members, held):
        task_id, attempt = each.get("task_id"), each.get("attempt")
        if isinstance(task_id, str) and isinstance(attempt, int | str):
            found.add((task_id, attempt))
    return found


def _members(value: object) -> JsonObject:
    """The members of an object; what is none has none."""
    return dict_or_none(value) or {}
