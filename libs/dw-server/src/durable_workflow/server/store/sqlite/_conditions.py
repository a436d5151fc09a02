"""Conditions on runs in SQLite's words. Values are parameters always; columns have our names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, assert_never

from durable_workflow.server.filters.tree import (
    Absent,
    All,
    Among,
    Attribute,
    Condition,
    Either,
    Mentions,
    Moment,
    Not,
    Range,
    System,
    SystemName,
)
from durable_workflow.server.filters.tree import Value as Literal
from durable_workflow.server.store.protocol import Value

# Of a run `r`. An open run is `running` while it has a task; the column says less.
_SHOWN_STATUS: Final = (
    "CASE WHEN r.closed_at IS NOT NULL OR r.tasks_completed = 0 THEN r.status"
    " WHEN r.task_status IS NOT NULL THEN 'running' ELSE 'waiting' END"
)
COLUMNS: Final[dict[SystemName, str]] = {
    "WorkflowType": "workflow_type",
    "WorkflowId": "workflow_id",
    "RunId": "run_id",
    "Status": "status",
    "StartTime": "started_at",
    "CloseTime": "closed_at",
    "TaskQueue": "task_queue",
    "BuildId": "compatibility",
}
# The indexes of fields that end in the order of lists.
INDEXES: Final[dict[SystemName, str]] = {
    "WorkflowType": "runs_by_type",
    "TaskQueue": "runs_by_task_queue",
    "Status": "runs_by_status",
    "BuildId": "runs_by_build",
}
# Of more values than these the row is read, once.
_MOST_LOOKED_UP: Final = 8
# How an open run stands in the column `status`, whatever is shown of it.
_OPEN: Final = ("pending", "running", "waiting")
_SHOWN_OPEN: Final = frozenset({"pending", "running", "waiting"})
# The plus keeps SQLite from making a join of the subquery: planning a join of twenty tables takes
# it a tenth of a second, and of sixty a whole one.
_HAS: Final = "+EXISTS"
_BY_VALUE: Final = {
    "text_value": "run_attributes_by_text",
    "number_value": "run_attributes_by_number",
}


class Parameters:
    """The parameters of a statement in the making."""

    def __init__(self) -> None:
        self.values: dict[str, Value] = {}

    def add(self, value: Value) -> str:
        """A new parameter's name, as the statement writes it."""
        name = f"p{len(self.values)}"
        self.values[name] = value
        return f":{name}"


class Conditions:
    """Writes conditions on a run.

    Of a walk only the place of a run is known, ``k``. Equalities are looked up by it in indexes
    that end in the order of lists: a walk meets their pages one after the other. For the rest the
    run's row is ``r``, where `needs_run`, and its details ``d``, where `needs_details`.

    Args:
        namespace: The parameter that holds the namespace.
    """

    def __init__(self, parameters: Parameters, namespace: str) -> None:
        self._parameters = parameters
        self._namespace = namespace
        self.needs_run = False
        self.needs_details = False

    def write(self, condition: Condition) -> str:
        """The condition as an expression that is true or false, never null."""
        match condition:
            case Among() | Range() | Absent():
                return self._of_field(condition)
            case Mentions(text=text) if "\0" in text:
                # No id and no key has a null character; `LIKE` would read the text up to it. A
                # constant SQLite would fold, and then find no use for the indexes that are named.
                return f"({self._parameters.add(False)})"
            case Mentions(text=text):
                self.needs_details = True
                pattern = self._parameters.add(_pattern(text))
                return f"(d.folded LIKE {pattern} ESCAPE '!')"
            case Not(part=part):
                return f"NOT {self.write(part)}"
            case All(parts=parts):
                return f"({' AND '.join(map(self.write, parts))})"
            case Either(parts=parts):
                return f"({' OR '.join(map(self.write, parts))})"
        assert_never(condition)

    def _of_field(self, condition: Among | Range | Absent) -> str:
        field = condition.field
        if isinstance(field, Attribute):
            return self._of_attribute(field.name, condition)
        if isinstance(condition, Among) and len(condition.values) <= _MOST_LOOKED_UP:
            found = self._looked_up(field.name, condition)
            if found is not None:
                return found
        column = self._column(field.name)
        if isinstance(condition, Absent):
            return f"({column} IS NULL)"
        return f"coalesce({self.compared(column, condition)}, 0)"

    def _column(self, name: SystemName) -> str:
        if name in ("StartTime", "RunId"):
            return f"k.{COLUMNS[name]}"
        self.needs_run = True
        return _SHOWN_STATUS if name == "Status" else f"r.{COLUMNS[name]}"

    def _looked_up(self, name: SystemName, condition: Among) -> str | None:
        index = INDEXES.get(name)
        values: Sequence[Literal] = condition.values
        if name == "Status":
            words = [str(value) for value in values]
            values = stored_statuses(words)
            index = index if is_as_stored(words) else None
        if index is None:
            return None
        return (
            f"{_HAS} (SELECT 1 FROM runs AS x INDEXED BY {index}"
            f" WHERE x.namespace = {self._namespace} AND x.{COLUMNS[name]} {self.listed(values)}"
            " AND x.started_at = k.started_at AND x.run_id = k.run_id)"
        )

    def _of_attribute(self, name: str, condition: Among | Range | Absent) -> str:
        given = self._parameters.add(name)
        if isinstance(condition, Absent):
            return (
                "NOT EXISTS (SELECT 1 FROM run_attributes AS a"
                f" WHERE a.run_id = k.run_id AND a.name = {given})"
            )
        if isinstance(condition, Among):
            return self._has_one_of(given, condition.values)
        column, kind = value_column(_bound(condition))
        return (
            f"{_HAS} (SELECT 1 FROM run_attributes AS a"
            f" WHERE a.run_id = k.run_id AND a.name = {given} AND a.kind = '{kind}'"
            f" AND {self.compared(f'a.{column}', condition)})"
        )

    def _has_one_of(self, name: str, values: tuple[Literal, ...]) -> str:
        tests: list[str] = []
        for column, kind in sorted({value_column(value) for value in values}):
            fitting = [value for value in values if value_column(value) == (column, kind)]
            tests.append(
                f"{_HAS} (SELECT 1 FROM run_attributes AS a INDEXED BY {_BY_VALUE[column]}"
                f" WHERE a.namespace = {self._namespace} AND a.name = {name}"
                f" AND a.kind = '{kind}' AND a.{column} {self.listed(fitting)}"
                " AND a.started_at = k.started_at AND a.run_id = k.run_id)"
            )
        return f"({' OR '.join(tests)})"

    def compared(self, column: str, condition: Among | Range) -> str:
        """A column compared; null where it is null."""
        if isinstance(condition, Among):
            return f"({column} {self.listed(list(condition.values))})"
        tests: list[str] = []
        if condition.low is not None:
            sign = ">=" if condition.with_low else ">"
            tests.append(f"{column} {sign} {self._parameters.add(condition.low)}")
        if condition.high is not None:
            sign = "<=" if condition.with_high else "<"
            tests.append(f"{column} {sign} {self._parameters.add(condition.high)}")
        return f"({' AND '.join(tests)})"

    def listed(self, values: Sequence[Literal]) -> str:
        """What follows a column that has to have one of `values`."""
        given = [self._parameters.add(value) for value in values]
        return f"= {given[0]}" if len(given) == 1 else f"IN ({', '.join(given)})"


def value_column(value: Literal) -> tuple[str, str]:
    """The column of search attributes that holds values like this, and their kind."""
    if isinstance(value, str):
        return "text_value", "s"
    if isinstance(value, Moment):
        return "number_value", "d"
    return "number_value", "b" if isinstance(value, bool) else "n"


def _bound(condition: Range) -> Literal:
    bound = condition.high if condition.low is None else condition.low
    assert bound is not None
    return bound


def stored_statuses(words: list[str]) -> list[str]:
    """What stands in the column of runs that are shown with one of the words."""
    return sorted(
        {stored for word in words for stored in (_OPEN if word in _SHOWN_OPEN else [word])}
    )


def is_as_stored(words: list[str]) -> bool:
    """Whether the column alone tells which runs are shown with one of the words."""
    return not _SHOWN_OPEN.intersection(words) or set(words) >= _SHOWN_OPEN


def is_system(field: System | Attribute, name: SystemName) -> bool:
    """Whether a field is the one of that name that every run has."""
    return isinstance(field, System) and field.name == name


def _pattern(text: str) -> str:
    escaped = text.casefold().replace("!", "!!").replace("%", "!%").replace("_", "!_")
    return f"%{escaped}%"
