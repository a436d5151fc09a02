"""Payloads that are kept elsewhere: who refers to them, and which are to be deleted.

Drivers give the same bytes the same URI, so several runs may refer to one object. It goes with the
last of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from durable_workflow._wire.json_values import JsonObject
from durable_workflow.server.records.columns import text, value
from durable_workflow.server.store.protocol import Read, Tx

_AT_ONCE: Final = 64


class Released(msgspec.Struct, frozen=True):
    """A payload to delete.

    Attributes:
        namespace: Of who referred to it last.
        policy: Of that namespace, when it was released.
    """

    uri: str
    namespace: str
    policy: JsonObject


def hold(tx: Tx, holder: str, uris: Iterable[str]) -> None:
    """Note that a run or a schedule refers to payloads."""
    for uri in uris:
        tx.do("hold_payload", holder=holder, uri=uri)


def is_holding(read: Read, holder: str) -> bool:
    """Whether a run or a schedule refers to any."""
    return bool(read.all("held_payloads", holder=holder, most=1))


def unread_runs(read: Read, most: int) -> list[str]:
    """Some runs from before it was noted who refers to what, and which were not read since."""
    return [row[0] for row in read.all("unread_runs", most=most)]


def is_unread(read: Read, run_id: str) -> bool:
    """Whether a run is one of them."""
    return read.one("is_unread_run", holder=run_id) is not None


def hold_all_of_unread(tx: Tx, run_id: str, uris: Iterable[str]) -> None:
    """Note all that an unread run refers to."""
    hold(tx, run_id, uris)
    tx.do("forget_unread_run", holder=run_id)


def is_held(read: Read, uri: str) -> bool:
    """Whether anybody refers to a payload."""
    return read.one("holder_of_payload", uri=uri) is not None


def release_some_of_run(tx: Tx, run_id: str) -> int:
    """Release some payloads of a removed run; none are left where it is 0."""
    uris = _some_held(tx, run_id)
    if uris:
        found = tx.one("policy_of_removed_run", run_id=run_id)
        namespace, policy = ("", None) if found is None else (found[0], value(found[1]))
        _release(tx, run_id, uris, namespace, policy)
    return len(uris)


def release_all_of_schedule(
    tx: Tx, namespace: str, schedule_ulid: str, *, but: Iterable[str] = ()
) -> None:
    """Release what a schedule refers to.

    Args:
        but: What it goes on to refer to.
    """
    uris = sorted({*_some_held(tx, schedule_ulid)} - {*but})
    if uris:
        _release(tx, schedule_ulid, uris, namespace, _policy(tx, namespace))


def release_some_of_schedules(tx: Tx, namespace: str) -> int:
    """Release some of what the schedules of a namespace refer to; none are left where it is 0."""
    found = tx.all("payloads_of_schedules", namespace=namespace, most=_AT_ONCE)
    if found:
        policy = _policy(tx, namespace)
        for holder, uri in found:
            _release(tx, holder, [uri], namespace, policy)
    return len(found)


def some_released(
    read: Read, after: str, *, holder: str | None = None, most: int = _AT_ONCE
) -> list[Released]:
    """Some payloads to delete behind a URI, in order.

    Args:
        holder: Only those that this run referred to last.
    """
    if holder is None:
        found = read.all("released_payloads", after=after, most=most)
    else:
        found = read.all("released_payloads_of", holder=holder, after=after, most=most)
    return [Released(uri, namespace, value(policy)) for uri, namespace, policy in found]


def forget_released(tx: Tx, uris: Iterable[str]) -> None:
    """Note that payloads are deleted, or stay."""
    for uri in uris:
        tx.do("forget_released_payload", uri=uri)


def _some_held(read: Read, holder: str) -> list[str]:
    return [row[0] for row in read.all("held_payloads", holder=holder, most=_AT_ONCE)]


def _policy(read: Read, namespace: str) -> JsonObject | None:
    found = read.one("policy_of_namespace", namespace=namespace)
    return None if found is None else value(found[0])


def _release(
    tx: Tx, holder: str, uris: list[str], namespace: str, policy: JsonObject | None
) -> None:
    deletes = policy is not None and policy.get("enabled", True)
    for uri in uris:
        tx.do("let_go_of_payload", holder=holder, uri=uri)
        # Without a policy the server knows nothing of the place: nobody asked it to delete there.
        if deletes:
            tx.do(
                "release_payload",
                uri=uri,
                holder=holder,
                removed_from=namespace,
                policy=text(policy),
            )
