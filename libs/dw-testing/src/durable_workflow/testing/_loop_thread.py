"""An event loop in a thread of its own, for tests that have none or whose own must not be held."""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from typing import Any, Generic, TypeVar

from durable_workflow._event_loops import loop_factory

T = TypeVar("T")


class LoopThread(Generic[T]):
    """Runs an asynchronous context manager in a thread, from `start` to `stop`.

    Args:
        name: Name of the thread.
        enter: Makes the context manager; called in the thread.
    """

    def __init__(self, name: str, enter: Callable[[], AbstractAsyncContextManager[T]]) -> None:
        self._enter = enter
        self._entered = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._value: list[T] = []
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)

    def start(self) -> T:
        """Enter, and return what it gives.

        Raises:
            BaseException: What entering raised.
        """
        self._thread.start()
        self._entered.wait()
        if not self._value:
            self._thread.join()
            self._raise()
        return self._value[0]

    def stop(self) -> None:
        """Leave, and wait until that is done.

        Raises:
            BaseException: What leaving raised.
        """
        loop, stop = self._loop, self._stop
        if loop is not None and stop is not None:
            with contextlib.suppress(RuntimeError):  # it has ended by itself
                loop.call_soon_threadsafe(stop.set)
        self._thread.join()
        self._raise()

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine in the thread's loop, and wait for it."""
        assert self._loop is not None
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def _work(self) -> None:
        try:
            with asyncio.Runner(loop_factory=loop_factory()) as runner:
                runner.run(self._main())
        except BaseException as error:  # noqa: BLE001 - raised again by whoever waits
            self._error = error
        finally:
            self._entered.set()

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        async with self._enter() as value:
            self._value.append(value)
            self._entered.set()
            await self._stop.wait()

    def _raise(self) -> None:
        error, self._error = self._error, None
        if error is not None:
            raise error
