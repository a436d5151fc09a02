"""What the sessions of workers hold."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from durable_workflow.server.engine.state import Activity
from durable_workflow.server.records import activities
from durable_workflow.server.store.protocol import Read, Tx


class Holder(msgspec.Struct, frozen=True):
    """A session of a worker; '' for workers that name none."""

    namespace: str
    worker_id: str
    session: str


def run_ids(read: Read, holder: Holder) -> list[str]:
    """The runs whose workflow task a session holds."""
    return [row[0] for row in read.all("runs_leased_to", **msgspec.structs.asdict(holder))]


def held_activities(read: Read, holder: Holder) -> list[Activity]:
    """The activities whose task a session holds."""
    found = read.all("activities_leased_to", **msgspec.structs.asdict(holder))
    return [activities.load(row) for row in found]


def count(read: Read, holder: Holder) -> int:
    """How many tasks a session holds."""
    return len(run_ids(read, holder)) + len(held_activities(read, holder))


def prolong(tx: Tx, holders: Iterable[Holder], until: int) -> None:
    """Have every lease that these sessions hold last until `until`, at the least."""
    for holder in holders:
        held = msgspec.structs.asdict(holder)
        tx.do("prolong_workflow_leases", until=until, **held)
        tx.do("prolong_activity_leases", until=until, **held)


def restart_heartbeat_timeouts(tx: Tx) -> None:
    """Have the heartbeat timeouts of all activities that are leased begin now."""
    tx.do("restart_heartbeat_timeouts", now=tx.now)
