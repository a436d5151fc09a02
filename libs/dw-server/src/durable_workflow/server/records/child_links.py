"""Steps that are child workflows."""

from __future__ import annotations

from durable_workflow.server.engine.state import ChildLink
from durable_workflow.server.records.columns import values_from
from durable_workflow.server.store.protocol import Read, Row, Tx

_params = values_from(ChildLink, "link_id")


def load(row: Row) -> ChildLink:
    """A step of its row."""
    return ChildLink(*row)


def get(read: Read, link_id: str) -> ChildLink:
    """One step, which there must be."""
    row = read.one("child_link", link_id=link_id)
    assert row is not None
    return load(row)


def open_of_run(read: Read, run_id: str) -> list[ChildLink]:
    """The open children of a run, in order."""
    return [load(row) for row in read.all("open_child_links", run_id=run_id)]


def insert(tx: Tx, link: ChildLink) -> None:
    """Write a new step."""
    tx.do_many("insert_child_link", [_params(link)])


def save(tx: Tx, link: ChildLink) -> None:
    """Write the columns of a step that may change."""
    tx.do(
        "save_child_link",
        link_id=link.link_id,
        child_run_id=link.child_run_id,
        child_run_number=link.child_run_number,
        child_type=link.child_type,
        attempts=link.attempts,
        status=link.status,
    )
