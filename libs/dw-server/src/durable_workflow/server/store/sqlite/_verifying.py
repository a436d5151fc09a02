"""Looking over a whole database file: slow, and not while it is opened to be served.

The statements stand here and not with the others, which must never read all that there is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from durable_workflow.server.store.errors import StoreUnusable
from durable_workflow.server.store.protocol import Value
from durable_workflow.server.store.schema import Migration, refuse_newer
from durable_workflow.server.store.sqlite import _migrating
from durable_workflow.server.store.sqlite._connection import Connection
from durable_workflow.server.store.sqlite._copying import open_for_reading
from durable_workflow.server.store.sqlite._transaction import translated

_MOST_OF_A_KIND: Final = 100

# What is being deleted is left out of all of them: its rows go in slices.
_GAPS: Final = """
SELECT run_id, workflow_id, last_sequence, events, highest
FROM (
    SELECT
        run_id, workflow_id, last_sequence,
        coalesce((SELECT sum(events) FROM history WHERE run_id = r.run_id), 0)
        + coalesce((SELECT sum(events) FROM closed_history WHERE run_id = r.run_id), 0) AS events,
        max(
            coalesce((SELECT max(sequence) FROM history WHERE run_id = r.run_id), 0),
            coalesce((SELECT max(sequence) FROM closed_history WHERE run_id = r.run_id), 0)
        ) AS highest
    FROM runs AS r
    WHERE removed_from IS NULL
)
WHERE events <> last_sequence OR highest <> last_sequence
LIMIT ?
"""
# A row has some events, and the number of the last. Where the sums are right and each row begins
# where another one ends, none is missing and none is there twice.
_LOOSE: Final = """
SELECT run_id, workflow_id, first
FROM (
    SELECT r.run_id, r.workflow_id, h.events, h.sequence - h.events + 1 AS first
    FROM runs AS r JOIN history AS h ON h.run_id = r.run_id
    WHERE r.removed_from IS NULL
    UNION ALL
    SELECT r.run_id, r.workflow_id, h.events, h.sequence - h.events + 1 AS first
    FROM runs AS r JOIN closed_history AS h ON h.run_id = r.run_id
    WHERE r.removed_from IS NULL
) AS f
WHERE events < 1
    OR (
        first <> 1
        AND NOT EXISTS (SELECT 1 FROM history WHERE run_id = f.run_id AND sequence = first - 1)
        AND NOT EXISTS (
            SELECT 1 FROM closed_history WHERE run_id = f.run_id AND sequence = first - 1
        )
    )
LIMIT ?
"""
_EVENTS: Final = """
SELECT (SELECT coalesce(sum(events), 0) FROM history)
    + (SELECT coalesce(sum(events), 0) FROM closed_history)
"""
_STUCK: Final = """
SELECT run_id, workflow_id FROM runs AS r
WHERE closed_at IS NULL AND removed_from IS NULL
    AND task_id IS NULL AND wait_id IS NULL AND buffered = 0
    AND NOT EXISTS (SELECT 1 FROM activities WHERE run_id = r.run_id AND closed_at IS NULL)
    AND NOT EXISTS (SELECT 1 FROM timers WHERE run_id = r.run_id AND status = 'pending')
    AND NOT EXISTS (SELECT 1 FROM child_links WHERE run_id = r.run_id AND status = 'pending')
LIMIT ?
"""
# Nobody may take them, and the clock does not look at them.
_HELD: Final = """
SELECT run_id, workflow_id, task_id FROM runs
WHERE closed_at IS NULL AND removed_from IS NULL AND task_id IS NOT NULL
    AND task_status IS NOT 'ready'
    AND NOT (task_status IS 'leased' AND lease_expires_at IS NOT NULL AND due_at IS NOT NULL)
UNION ALL
SELECT r.run_id, r.workflow_id, a.task_id
FROM activities AS a JOIN runs AS r ON r.run_id = a.run_id
WHERE a.closed_at IS NULL AND r.closed_at IS NULL AND r.removed_from IS NULL
    AND a.task_status IS NOT 'ready'
    AND NOT (a.task_status IS 'leased' AND a.lease_expires_at IS NOT NULL AND a.due_at IS NOT NULL)
LIMIT ?
"""
# Each is written with the run, and goes after it: without one, the run cannot be found or told.
_TORN: Final = """
SELECT run_id, workflow_id, 'details' FROM runs AS r
WHERE removed_from IS NULL
    AND NOT EXISTS (SELECT 1 FROM run_details WHERE run_id = r.run_id)
UNION ALL
SELECT run_id, workflow_id, 'namespace' FROM runs AS r
WHERE removed_from IS NULL
    AND NOT EXISTS (SELECT 1 FROM namespaces WHERE name = r.namespace)
UNION ALL
SELECT run_id, workflow_id, 'workflow id' FROM runs AS r
WHERE removed_from IS NULL
    AND EXISTS (SELECT 1 FROM namespaces WHERE name = r.namespace AND status = 'active')
    AND NOT EXISTS (
        SELECT 1 FROM workflow_instances
        WHERE namespace = r.namespace AND workflow_id = r.workflow_id
    )
LIMIT ?
"""
_CHILDLESS: Final = """
SELECT r.run_id, r.workflow_id, l.child_run_id
FROM child_links AS l
JOIN runs AS r ON r.run_id = l.run_id
LEFT JOIN runs AS c ON c.run_id = l.child_run_id
WHERE l.status = 'pending' AND r.closed_at IS NULL AND r.removed_from IS NULL
    AND (c.run_id IS NULL OR c.closed_at IS NOT NULL)
LIMIT ?
"""
# A history with a large string is as long as that at least: others are not read.
_HISTORIES: Final = """
SELECT r.run_id, r.workflow_id, h.record
FROM runs AS r JOIN history AS h ON h.run_id = r.run_id
WHERE r.removed_from IS NULL AND r.history_bytes >= :large
UNION ALL
SELECT r.run_id, r.workflow_id, h.record
FROM runs AS r JOIN closed_history AS h ON h.run_id = r.run_id
WHERE r.removed_from IS NULL AND r.history_bytes >= :large
"""
# A JSON text has no control characters of its own.
_COLUMNS: Final = """
SELECT r.run_id, r.workflow_id, CAST(found.kept AS BLOB)
FROM (
    SELECT run_id, coalesce(arguments, '') || coalesce(output, '') || coalesce(failure, '') AS kept
    FROM run_details
    UNION ALL SELECT run_id, arguments FROM activities
    UNION ALL SELECT run_id, arguments FROM activity_arguments
) AS found
JOIN runs AS r ON r.run_id = found.run_id
WHERE instr(found.kept, char(1)) > 0 AND r.removed_from IS NULL
"""
_IS_THERE: Final = "SELECT 1 FROM large_strings WHERE run_id = ? AND digest = ?"


class References(Protocol):
    """Tells which large strings a kept text of a run refers to, by their digests.

    Raises:
        ValueError: The text cannot be read.
    """

    def __call__(self, kept: bytes, /, *, is_packed: bool) -> Collection[bytes]: ...


class Verified(NamedTuple):
    """What was found.

    Attributes:
        problems: A line each; none where all is well.
        runs: How many there are.
        events: How many there are in all histories.
        older: Whether the schema is an older one, so that only the pages were looked at.
    """

    problems: list[str]
    runs: int = 0
    events: int = 0
    older: bool = False


def verify_database(
    path: Path, migrations: list[Migration], references: References, *, large: int
) -> Verified:
    """Look over a state file, which another process may be serving.

    Looked at are the pages, that no table or index is missing, that histories are dense, that the
    large strings that they and the payloads of runs refer to are there, that runs have the rows
    that were written with them, and that every open run has something that will move it: a task
    that can be taken or will be freed, a wait, or an open step.

    Args:
        large: Shorter strings than this are not kept apart.

    Raises:
        StoreUnusable: There is none, it is not ours, or a newer server has written to it.
        StoreUnavailable: It cannot be read.
    """
    connection = open_for_reading(path)
    try:
        with translated(f"cannot read {path}"):
            return _verify(connection, path, migrations, _Strings(connection, references, large))
    finally:
        connection.close()


def _verify(
    connection: Connection, path: Path, migrations: list[Migration], strings: _Strings
) -> Verified:
    damage = connection.execute(f"PRAGMA integrity_check({_MOST_OF_A_KIND})").fetchall()
    if damage != [("ok",)]:
        # Its rows may say anything.
        return Verified([f"damaged: {text}" for (text,) in damage])
    [(applied, name)] = connection.execute(
        "SELECT version, name FROM schema_migrations ORDER BY version DESC LIMIT 1"
    ).fetchall()
    try:
        refuse_newer(migrations, int(str(applied)), str(name))
    except StoreUnusable as error:
        raise StoreUnusable(f"{path}: {error}") from None
    if applied != migrations[-1].version:
        return Verified([], older=True)
    lost = _migrating.lost(connection, migrations)
    problems = [f"the {kind} {name} is missing" for kind, name in lost]
    if any(kind == "table" for kind, _ in lost):
        # The statements below would fail for want of it.
        return Verified(problems)
    [(runs,)] = connection.execute("SELECT count(*) FROM runs").fetchall()
    [(events,)] = connection.execute(_EVENTS).fetchall()
    problems += [*_problems(connection), *strings.problems()]
    return Verified(problems, int(str(runs)), int(str(events)))


def _problems(connection: Connection) -> Iterator[str]:
    for run, workflow, last, count, highest in connection.execute(
        _GAPS, (_MOST_OF_A_KIND,)
    ).fetchall():
        yield (
            f"the history of run {run} of {workflow} is not dense: it should have the events 1 to "
            f"{last}, and has {count} up to {highest}"
        )
    for run, workflow, first in connection.execute(_LOOSE, (_MOST_OF_A_KIND,)).fetchall():
        yield (
            f"the history of run {run} of {workflow} is not dense: the row that begins with the "
            f"event {first} follows no other"
        )
    for run, workflow, what in connection.execute(_TORN, (_MOST_OF_A_KIND,)).fetchall():
        yield f"run {run} of {workflow} has lost the row of its {what}"
    for run, workflow, task in connection.execute(_HELD, (_MOST_OF_A_KIND,)).fetchall():
        yield f"task {task} of run {run} of {workflow} is taken, and nothing will free it"
    for run, workflow in connection.execute(_STUCK, (_MOST_OF_A_KIND,)).fetchall():
        yield f"run {run} of {workflow} is open, and nothing will move it"
    for run, workflow, child in connection.execute(_CHILDLESS, (_MOST_OF_A_KIND,)).fetchall():
        yield f"run {run} of {workflow} waits for the child run {child}, which is not open"


class _Strings:
    """Looks whether the large strings are there that rows refer to."""

    def __init__(self, connection: Connection, references: References, large: int) -> None:
        self._connection = connection
        self._references = references
        self._large = large
        self._missing: dict[tuple[str, str], set[bytes]] = {}
        self._unreadable: dict[tuple[str, str], str] = {}

    def problems(self) -> Iterator[str]:
        """A line for each run that lacks any."""
        self._look(_HISTORIES, {"large": self._large}, is_packed=True)
        self._look(_COLUMNS, {}, is_packed=False)
        for (run, workflow), digests in list(self._missing.items())[:_MOST_OF_A_KIND]:
            yield (
                f"run {run} of {workflow} refers to large strings that are missing: {len(digests)}"
            )
        for (run, workflow), error in list(self._unreadable.items())[:_MOST_OF_A_KIND]:
            yield f"run {run} of {workflow} has a row that cannot be read: {error}"

    def _look(self, rows: str, params: dict[str, Value], *, is_packed: bool) -> None:
        cursor = self._connection.execute(rows, params)
        for run, workflow, kept in iter(cursor.fetchone, None):
            try:
                digests = self._references(bytes(kept), is_packed=is_packed)
            except ValueError as error:
                self._unreadable[run, workflow] = str(error)
                continue
            for digest in digests:
                if not self._connection.execute(_IS_THERE, (run, digest)).fetchall():
                    self._missing.setdefault((run, workflow), set()).add(digest)
