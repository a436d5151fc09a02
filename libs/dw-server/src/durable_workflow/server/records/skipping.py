"""What decides whether time may be skipped."""

from __future__ import annotations

from durable_workflow.server.store.protocol import Read, Tx


def any_leased(read: Read) -> bool:
    """Whether any task is leased."""
    row = read.one("any_leased")
    return row is not None and bool(row[0])


def newest_ready(read: Read, now: int) -> tuple[str | None, str | None]:
    """The newest workflow task and the newest activity task that wait to be taken at a moment."""
    row = read.one("newest_ready", now=now)
    assert row is not None
    return row[0], row[1]


def shift_workers(tx: Tx, by: int) -> None:
    """Let all workers have been heard later by as much as time was skipped."""
    tx.do("shift_workers", by=by)
