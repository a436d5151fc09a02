"""What units remember for those that follow them, so that these need not read it again.

Beside what they say themselves that is what they have read of tables that hardly ever change.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, TypeAlias

from durable_workflow.server.store.protocol import RecallKey, Row, Value

# Each is a few kilobytes at most.
_MOST: Final = 2_000
# Tables that are read with every start and every poll, and changed by operators, or by a worker as
# often as it says that it is alive.
SETTLED: Final = frozenset({"build_rollouts", "namespaces", "workers"})
# A list of more rows than these is read again.
_MOST_ROWS: Final = 20

# A statement and what it was run with.
Question: TypeAlias = tuple[str, tuple[Value, ...]]


class Remembered:
    """What the units that ended well have remembered; of a kind the oldest is forgotten first."""

    def __init__(self) -> None:
        # Of a plain dict the first item is looked for behind all that were deleted before it.
        self._kinds: defaultdict[str, OrderedDict[str, object]] = defaultdict(OrderedDict)

    def get(self, key: RecallKey) -> Any:
        """What was remembered last under a key; None where that is not known."""
        kind, which = key
        return self._kinds[kind].get(which)

    def keep(self, remembered: Mapping[RecallKey, object]) -> None:
        """A unit has ended well: what it has remembered holds for those that follow."""
        for (kind, which), value in remembered.items():
            values = self._kinds[kind]
            values.pop(which, None)
            if value is not None:
                values[which] = value
                if len(values) > _MOST:
                    values.popitem(last=False)

    def clear(self) -> None:
        """Forget everything."""
        self._kinds.clear()


class Answers:
    """What statements find that read settled tables alone, until one of these is changed."""

    def __init__(self) -> None:
        self._of_tables: defaultdict[frozenset[str], dict[Question, Sequence[Row]]] = defaultdict(
            dict
        )

    def get(self, tables: frozenset[str], question: Question) -> Sequence[Row] | None:
        """The rows that are found in some tables; None where that is not known."""
        return self._of_tables[tables].get(question)

    def put(self, tables: frozenset[str], question: Question, rows: Sequence[Row]) -> None:
        """These were found."""
        if len(rows) > _MOST_ROWS:
            return
        found = self._of_tables[tables]
        if len(found) >= _MOST:
            found.clear()
        found[question] = rows

    def forget(self, changed: Collection[str]) -> None:
        """These tables were changed."""
        for tables, found in self._of_tables.items():
            if found and not tables.isdisjoint(changed):
                found.clear()

    def clear(self) -> None:
        """A change was taken back."""
        self._of_tables.clear()
