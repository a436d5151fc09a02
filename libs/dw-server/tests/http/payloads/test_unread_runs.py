"""Payloads of runs from before it was noted who refers to which: they go with retention, too."""

from __future__ import annotations

from pathlib import Path

import apsw

from durable_workflow.server.store.sqlite._connection import connect

from .conftest import Place


def as_an_older_server_left_it(path: Path, *run_ids: str) -> None:
    """Take from the file what tells who refers to which payload, as migrations find old runs."""
    connection = connect(str(path), flags=apsw.SQLITE_OPEN_READWRITE, vfs=None, statement_cache=0)
    connection.execute("DELETE FROM external_payloads")
    for run_id in run_ids:
        connection.execute("INSERT INTO unread_runs VALUES (?)", (run_id,))
    connection.close()


async def test_payloads_of_runs_from_before_they_were_noted_go_with_the_last_of_them(
    place: Place, tmp_path: Path
) -> None:
    given, argument, result = place.keep([1]), place.keep([2]), place.keep("three")
    shared = place.keep(["shared"])
    await place.start("old", given)
    schedule = {"type": "schedule_activity", "activity_type": "a", "arguments": argument}
    await place.decide(await place.task(), schedule)
    await place.report(await place.task("activity"), "complete", result=result)
    await place.ok("POST", "/workflows/old/signal/go", {"input": shared})
    old = await place.end("old")
    await place.start("other", shared)
    other = await place.end("other")
    as_an_older_server_left_it(tmp_path / "state.db", old, other)

    [pruned] = await place.prune(old)
    assert pruned["outcome"] == "pruned"
    # Another run is unread, and may refer to any of them.
    assert pruned["external_payloads_deleted"] == 0
    assert all(place.path(each).exists() for each in (given, argument, result, shared))

    await place.look()
    assert not any(place.path(each).exists() for each in (given, argument, result))
    assert place.path(shared).exists()
    await place.prune(other)
    assert not place.path(shared).exists()
