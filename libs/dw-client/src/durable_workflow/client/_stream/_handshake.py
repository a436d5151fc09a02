"""The first messages of a connection: hello, and the welcome or what stands in its place."""

import asyncio
from typing import Final

from durable_workflow._meet import StreamEnded, StreamListener
from durable_workflow._wire.json_values import JsonObject
from durable_workflow.client._stream._connecting import Away
from durable_workflow.client._stream._connection import Connection, messages_of
from durable_workflow.client._stream._outbox import encode
from durable_workflow.errors import DurableWorkflowError, error_for

_WELCOME_SECONDS: Final = 10.0
_REGISTER: Final = 412


async def shake_hands(
    connection: Connection, hello: JsonObject, listener: StreamListener
) -> tuple[JsonObject, list[JsonObject]]:
    """Say hello; returns the welcome, and the messages that followed it.

    Raises:
        Away: The server has no time, or does not know the worker, which registers again.
        StreamEnded: It refuses.
    """
    await connection.send(f"[{encode(hello).decode()}]")
    try:
        async with asyncio.timeout(_WELCOME_SECONDS):
            messages = messages_of(await connection.recv())
    except TimeoutError as error:
        raise Away("no welcome came") from error
    first = messages[0] if messages else {}
    if first.get("type") == "refused":
        await _refused(first, str(hello["worker_id"]), listener)
    if first.get("type") != "welcome":
        raise StreamEnded(f"the hello was answered with {str(first.get('type'))[:50]!r}")
    return first, messages[1:]


async def _refused(refusal: JsonObject, worker_id: str, listener: StreamListener) -> None:
    """Raise what a refused hello means, once the worker has registered where it has to."""
    status, body = refusal.get("status"), refusal.get("body")
    if not isinstance(status, int):
        raise StreamEnded("the hello was refused")
    error = error_for(status, body, context=worker_id)
    if status == _REGISTER:
        await _register_again(listener)
        raise Away(str(error))
    if status == 429 or status >= 500:
        raise Away(str(error))
    raise StreamEnded(f"the hello was refused: {error}")


async def _register_again(listener: StreamListener) -> None:
    try:
        await listener.register_again()
    except DurableWorkflowError as error:
        status: object = getattr(error, "status", None)
        if isinstance(status, int) and (status == 429 or status >= 500):
            raise Away(str(error)) from error
        raise StreamEnded(f"the worker could not register again: {error}") from error
    except ConnectionError as error:
        raise Away(str(error)) from error
