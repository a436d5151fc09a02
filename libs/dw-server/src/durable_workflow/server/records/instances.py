"""Workflow ids that are in use: which run is current, and how many commands there were."""

from __future__ import annotations

import msgspec

from durable_workflow.server.store.protocol import Key, Read, Tx


class Instance(msgspec.Struct):
    """A workflow id that is in use."""

    workflow_type: str
    current_run_id: str
    run_count: int
    command_sequence: int


def find(read: Read, namespace: str, workflow_id: str) -> Instance | None:
    """What is known of a workflow id, or None."""
    row = read.one("instance", namespace=namespace, workflow_id=workflow_id)
    return None if row is None else Instance(*row)


def lock(tx: Tx, namespace: str, workflow_id: str) -> Instance | None:
    """A workflow id, locked: no other unit uses or takes it before this one ends."""
    tx.lock(Key.workflow(namespace, workflow_id))
    return find(tx, namespace, workflow_id)


def insert(
    tx: Tx,
    namespace: str,
    workflow_id: str,
    *,
    workflow_type: str,
    run_id: str,
    command_sequence: int,
) -> None:
    """Write a workflow id that is used for the first time."""
    tx.do(
        "insert_instance",
        namespace=namespace,
        workflow_id=workflow_id,
        workflow_type=workflow_type,
        current_run_id=run_id,
        command_sequence=command_sequence,
        created_at=tx.now,
    )


def point(tx: Tx, namespace: str, workflow_id: str, run_id: str) -> None:
    """Make a further run of the id the current one."""
    tx.do("point_instance", namespace=namespace, workflow_id=workflow_id, current_run_id=run_id)


def retype(tx: Tx, namespace: str, workflow_id: str, workflow_type: str) -> None:
    """Note that the id was taken over by another workflow type."""
    tx.do(
        "retype_instance",
        namespace=namespace,
        workflow_id=workflow_id,
        workflow_type=workflow_type,
    )


def count_command(tx: Tx, namespace: str, workflow_id: str, instance: Instance) -> int:
    """Count one more command to a workflow id, which the unit has locked; the command's number."""
    tx.do("count_command", namespace=namespace, workflow_id=workflow_id)
    instance.command_sequence += 1
    return instance.command_sequence
