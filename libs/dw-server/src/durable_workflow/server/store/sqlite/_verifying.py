"""Looking over a whole database file: slow, and not while it is opened to be served.

The statements stand here and not with the others, which must never read all that there is.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from durable_workflow.server.store.errors import StoreUnusable
from durable_workflow.server.store.schema import Migration, refuse_newer
from durable_workflow.server.store.sqlite._connection import Connection
from durable_workflow.server.store.sqlite._copying import open_for_reading
from durable_workflow.server.store.sqlite._database import APPLICATION_ID
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
_CHILDLESS: Final = """
SELECT r.run_id, r.workflow_id, l.child_run_id
FROM child_links AS l
JOIN runs AS r ON r.run_id = l.run_id
LEFT JOIN runs AS c ON c.run_id = l.child_run_id
WHERE l.status = 'pending' AND r.closed_at IS NULL AND r.removed_from IS NULL
    AND (c.run_id IS NULL OR c.closed_at IS NOT NULL)
LIMIT ?
"""


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


def verify_database(path: Path, migrations: list[Migration]) -> Verified:
    """Look over a state file, which another process may be serving.

    Looked at are the pages and indexes, that histories are dense, and that every open run has
    something that will move it: a task, a wait, or an open step.

    Raises:
        StoreUnusable: There is none, it is not ours, or a newer server has written to it.
        StoreUnavailable: It cannot be read.
    """
    connection = open_for_reading(path)
    try:
        with translated(f"cannot read {path}"):
            return _verify(connection, path, migrations)
    finally:
        connection.close()


def _verify(connection: Connection, path: Path, migrations: list[Migration]) -> Verified:
    if connection.execute("PRAGMA application_id").fetchall() != [(APPLICATION_ID,)]:
        raise StoreUnusable(f"{path} is no state file of dw-server")
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
    [(runs,)] = connection.execute("SELECT count(*) FROM runs").fetchall()
    [(events,)] = connection.execute(_EVENTS).fetchall()
    return Verified(list(_problems(connection)), int(str(runs)), int(str(events)))


def _problems(connection: Connection) -> Iterator[str]:
    for run, workflow, last, count, highest in connection.execute(
        _GAPS, (_MOST_OF_A_KIND,)
    ).fetchall():
        yield (
            f"the history of run {run} of {workflow} is not dense: it should have the events 1 to "
            f"{last}, and has {count} up to {highest}"
        )
    for run, workflow in connection.execute(_STUCK, (_MOST_OF_A_KIND,)).fetchall():
        yield f"run {run} of {workflow} is open, and nothing will move it"
    for run, workflow, child in connection.execute(_CHILDLESS, (_MOST_OF_A_KIND,)).fetchall():
        yield f"run {run} of {workflow} waits for the child run {child}, which is not open"
