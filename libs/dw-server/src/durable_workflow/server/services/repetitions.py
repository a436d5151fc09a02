"""Requests that are sent again: under the same idempotency key the first answer is repeated.

A caller whose connection tore cannot know whether its request was carried out, so it sends it
again. The key of a start is stored with its command, of starts that were refused too. Of what is no
command to a workflow the whole answer is kept, for a day.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Generic, TypeAlias, TypeVar

import msgspec

from durable_workflow._wire.json_values import object_or_empty
from durable_workflow.server.engine.times import SECOND
from durable_workflow.server.ids import id_of
from durable_workflow.server.records import command_records, kept_answers
from durable_workflow.server.records.command_records import CommandRecord
from durable_workflow.server.refusals import Invalid
from durable_workflow.server.replies import Reply
from durable_workflow.server.requests import Caller
from durable_workflow.server.service_settings import ServiceSettings
from durable_workflow.server.store.protocol import Read, Tx

_LONGEST_KEY: Final = 255
# Clients send again within seconds.
KEPT: Final = 86_400 * SECOND
_ANOTHER: Final = "The Idempotency-Key was used with another request."

T = TypeVar("T")
R = TypeVar("R")
Service: TypeAlias = Callable[[Tx, Caller, T, ServiceSettings], Reply]


class Kept(Generic[R]):
    """Answers that are kept under the idempotency key of a request.

    Args:
        caller: Who asks, with the key.
        kind: What is kept.
    Raises:
        Invalid: The key is too long.
    """

    def __init__(self, caller: Caller, kind: type[R]) -> None:
        check_key(caller)
        self._caller = caller
        self._kind = kind
        self._fingerprint = f"{caller.method} {caller.path} {caller.body_sha256}"

    def find(self, read: Read, part: int = 0) -> R | None:
        """What was answered, or a part of it; None where the key is new, or there is none.

        Raises:
            Invalid: It was the answer to another request.
        """
        if self._caller.idempotency_key is None:
            return None
        known = kept_answers.find(read, self._caller.namespace, self._key(part))
        if known is None:
            return None
        if known[0] != self._fingerprint:
            raise Invalid({"idempotency_key": [_ANOTHER]})
        return msgspec.json.decode(known[1], type=self._kind)

    def keep(self, tx: Tx, answer: R, part: int = 0) -> None:
        """Keep an answer, or a part of one, if there is a key."""
        if self._caller.idempotency_key is not None:
            text = msgspec.json.encode(answer).decode()
            namespace = self._caller.namespace
            kept_answers.keep(tx, namespace, self._key(part), self._fingerprint, text)

    def _key(self, part: int) -> str:
        key = self._caller.idempotency_key
        assert key is not None
        # No header has a NUL in it.
        return f"{key}\0{part}" if part else key


def once(service: Service[T]) -> Service[T]:
    """The service, carried out once for an idempotency key: later its answer is repeated.

    A refusal that is recorded is repeated, too. One that changes nothing is not kept.
    """

    def answer(tx: Tx, caller: Caller, asked: T, settings: ServiceSettings) -> Reply:
        kept = Kept(caller, Reply)
        reply = kept.find(tx)
        if reply is None:
            reply = service(tx, caller, asked, settings)
            kept.keep(tx, reply)
        return reply

    return answer


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
        raise Invalid({"idempotency_key": [_ANOTHER]})
    return found.record
