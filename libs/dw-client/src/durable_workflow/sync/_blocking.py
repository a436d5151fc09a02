"""What the generated classes are built on: an async client or handle, and how to wait for it."""

import os
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any, Final, Self, TypeVar

from durable_workflow.client import Client as AsyncClient
from durable_workflow.errors import ClientClosed
from durable_workflow.sync._loop import Closable, close_at_exit, wait

T = TypeVar("T")

_FORKED: Final = "this client was made before a fork: make one in each process"


class _Connections(Closable):
    """Closes an async client; the interpreter's exit finds it as long as the client is there."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client

    async def aclose(self) -> None:
        await self._client.aclose()


class Blocking:
    """A blocking client: waits for the calls of an async one.

    Attributes:
        base_url: Origin of the server.
        namespace: The namespace that calls are about.
    """

    def __init__(self, client: AsyncClient) -> None:
        self._async = client
        self._process = os.getpid()
        self._closed = False
        self._connections = _Connections(client)
        close_at_exit(self._connections)

    @property
    def base_url(self) -> str:
        """Origin of the server."""
        return self._async.base_url

    @property
    def namespace(self) -> str:
        """The namespace that calls are about."""
        return self._async.namespace

    def close(self) -> None:
        """Close the connections. May be called again.

        Calls that wait in other threads end at once with `ClientClosed`, a `RuntimeError`, and so
        does each later one.
        """
        if not self._closed:
            self._closed = True
            if self._process == os.getpid():
                wait(self._async.aclose(), depth=1)

    def __enter__(self) -> Self:
        """Return the client itself."""
        return self

    def __exit__(self, *exc: Any) -> None:
        """Close the client."""
        self.close()

    def __repr__(self) -> str:
        # Without tokens, because representations get into logs.
        return f"durable_workflow.sync.{self._async!r}"

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        if self._closed:
            work.close()
            raise ClientClosed
        if self._process != os.getpid():
            work.close()
            raise RuntimeError(_FORKED)
        return wait(work, depth=2)

    def _iterate(self, items: AsyncIterator[T]) -> Iterator[T]:
        return _iterated(items, self._wait)


class BlockingHandle:
    """A handle whose methods wait. It uses the connections of the client that made it."""

    def __init__(self) -> None:
        self._process = os.getpid()

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        if self._process != os.getpid():
            work.close()
            raise RuntimeError(_FORKED)
        return wait(work, depth=2)

    def _iterate(self, items: AsyncIterator[T]) -> Iterator[T]:
        return _iterated(items, self._wait)


def _iterated(
    items: AsyncIterator[T], wait_for: Callable[[Coroutine[Any, Any, Any]], Any]
) -> Iterator[T]:
    done = object()
    while (item := wait_for(_next(items, done))) is not done:
        yield item


async def _next(items: AsyncIterator[T], done: object) -> T | object:
    return await anext(items, done)


def wrapped(argument: str, handle: Any) -> Any:
    """The async handle in a blocking one.

    Raises:
        TypeError: It is no blocking handle.
    """
    if not isinstance(handle, BlockingHandle):
        raise TypeError(
            f"{argument} must be a handle of a blocking client, not of type {type(handle).__name__}"
        )
    return vars(handle)["_handle"]
