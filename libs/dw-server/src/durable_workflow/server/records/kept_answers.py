"""Answers that are kept to be repeated, by the idempotency key of the request."""

from __future__ import annotations

from typing import Final

from durable_workflow.server.store.protocol import Read, Tx

_AT_ONCE: Final = 64


def find(read: Read, namespace: str, key: str) -> tuple[str, str] | None:
    """The fingerprint of the request that came first under a key, and its answer; or None."""
    row = read.one("kept_answer", namespace=namespace, idempotency_key=key)
    return None if row is None else (row[0], row[1])


def keep(tx: Tx, namespace: str, key: str, fingerprint: str, answer: str) -> None:
    """Keep the answer to the first request under a key."""
    tx.do(
        "keep_answer",
        namespace=namespace,
        idempotency_key=key,
        fingerprint=fingerprint,
        answer=answer,
        now=tx.now,
    )


def delete_some(tx: Tx, cutoff: int) -> bool:
    """Delete some that were kept before a time; whether there may be more."""
    return len(tx.all("delete_kept_answers", cutoff=cutoff, most=_AT_ONCE)) == _AT_ONCE
