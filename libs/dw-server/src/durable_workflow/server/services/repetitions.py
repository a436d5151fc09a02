"""Starts that are sent again: under the same idempotency key the first answer is repeated.

A caller whose connection tore cannot know whether its start was carried out, so it sends it again.
The key is stored with the command, of starts that were refused too.
"""

from __future__ import annotations

from typing import Final

from durable_workflow._wire.json_values import object_or_empty
from durable_workflow.server.ids import id_of
from durable_workflow.server.records import command_records
from durable_workflow.server.records.command_records import CommandRecord
from durable_workflow.server.refusals import Invalid
from durable_workflow.server.requests import Caller
from durable_workflow.server.store.protocol import Read

_LONGEST_KEY: Final = 255


def check_key(caller: Caller) -> None:
    """Check that a key can be stored.

    Raises:
        Invalid: It is too long.
    """
    if len(caller.idempotency_key or "") > _LONGEST_KEY:
        text = f"The Idempotency-Key must not be longer than {_LONGEST_KEY} characters."
        raise Invalid({"idempotency_key": [text]})


def workflow_id(caller: Caller) -> str | None:
    """The id of a workflow whose start names none: the same for each repetition of the start.

    Returns:
        None where the start has no key, so that its repetitions cannot be known.
    """
    key = caller.idempotency_key
    return None if key is None else id_of(f"{caller.namespace}\0{key}")


def find(read: Read, caller: Caller, workflow_id: str) -> CommandRecord | None:
    """The start that came first under the caller's key, or None.

    Raises:
        Invalid: It was another start.
    """
    key = caller.idempotency_key
    if key is None:
        return None
    found = command_records.start_of_key(read, caller.namespace, workflow_id, key)
    if found is None:
        return None
    fingerprint = object_or_empty(found.context.get("request")).get("fingerprint")
    if fingerprint != f"sha256:{caller.body_sha256}":
        raise Invalid({"idempotency_key": ["The Idempotency-Key was used with another request."]})
    return found.record
