"""A real worker that a test starts, kills and lets fail."""

import asyncio
import contextlib
import itertools
import logging
import threading
from collections import defaultdict, deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any, Self

import durable_workflow
from durable_workflow.testing._loop_thread import LoopThread
from durable_workflow.testing._mocks import injected
from durable_workflow.testing._wheels import wheel

_log = logging.getLogger(__name__)

_LONGEST_PAUSE_SECONDS = 1.0
_REGISTRATION_SECONDS = 30.0


class RunningWorker:
    """A worker of `dw-worker` with a client of its own.

    In an `async with` it works on the test's event loop, as in a program; in a `with`, for tests
    that are no coroutines, in a thread. The block begins once the worker is registered, so that its
    first query finds a worker; leaving it stops the worker.

    Example::

        async with dw_worker(workflows=[Order], activities=[charge]) as worker:
            worker.fail_next_activity("charge", times=2)
            ...
            worker.kill_worker()
    """

    def __init__(
        self, connect: Callable[[], "durable_workflow.Client"], options: dict[str, Any]
    ) -> None:
        self._connect = connect
        self._faults = _Faults()
        self._options = options | {"interceptors": [*options.get("interceptors", ()), self._faults]}
        self._scope: contextlib.AbstractAsyncContextManager[None] | None = None
        self._thread: LoopThread[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._worker: durable_workflow.Worker | None = None
        self._running: asyncio.Task[None] | None = None
        self._killed: list[asyncio.Task[None]] = []
        self._client: durable_workflow.Client | None = None

    @property
    def worker(self) -> "durable_workflow.Worker":
        """The worker that works now; another one after `kill_worker`.

        Raises:
            RuntimeError: None does.
        """
        if self._worker is None:
            raise RuntimeError("the worker was not started: use it in a `with` or an `async with`")
        return self._worker

    def fail_next_activity(
        self, name: str, error: BaseException | None = None, *, times: int = 1
    ) -> None:
        """Let the next attempts of an activity on this worker fail, without calling it.

        Args:
            name: The activity's name.
            error: What they fail with; None for a `RuntimeError`.
            times: How many attempts.
        """
        self._faults.add(name, injected(error), times)

    def kill_worker(self, *, restart: bool = True) -> None:
        """Let the worker die with everything that it holds, and start another in its place.

        What it was doing is reported by nobody. The server offers it again at once, as it does
        once the leases of a worker that died have ended.

        Args:
            restart: Start the next worker; False leaves the queue without one.
        """
        loop = self._loop
        if loop is None:
            raise RuntimeError("the worker was not started: use it in a `with` or an `async with`")
        if _runs_here(loop):
            self._kill(restart=restart)
            return
        done = threading.Event()

        def kill() -> None:
            self._kill(restart=restart)
            done.set()

        loop.call_soon_threadsafe(kill)
        done.wait()

    # --- life -----------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        """Work on the running event loop, once the worker is registered.

        Raises:
            TimeoutError: The server could not be reached within 30 seconds.
            Exception: What the worker's `run` ended with, such as `Unauthorized`.
        """
        self._scope = self._serve()
        await self._scope.__aenter__()
        return self

    async def __aexit__(self, *exc: Any) -> None:
        """Stop."""
        scope, self._scope = self._scope, None
        if scope is not None:
            await scope.__aexit__(None, None, None)

    def __enter__(self) -> Self:
        """Work in a thread, once the worker is registered.

        Raises:
            TimeoutError: The server could not be reached within 30 seconds.
            Exception: What the worker's `run` ended with, such as `Unauthorized`.
        """
        self._thread = LoopThread("dw-test-worker", self._serve)
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        """Stop."""
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.stop()

    @contextlib.asynccontextmanager
    async def _serve(self) -> AsyncGenerator[None, None]:
        self._loop = asyncio.get_running_loop()
        async with self._connect() as self._client:
            try:
                self._start()
                await self._registered(self.worker)
                yield
            finally:
                await self._end()

    def _start(self) -> None:
        worker_class = wheel("worker", "dw-worker", type(self).__name__).Worker
        self._worker = worker_class(self._client, **self._options)
        assert self._worker is not None
        self._running = asyncio.get_running_loop().create_task(
            self._worker.run(), name="dw-test-worker"
        )

    async def _registered(self, worker: "durable_workflow.Worker") -> None:
        """Wait until the server knows the worker: it refuses a query that no worker can answer."""
        running = self._running
        assert running is not None
        registered = worker._registration.registered  # pyright: ignore[reportPrivateUsage]
        waiting = asyncio.create_task(registered.wait())
        try:
            await asyncio.wait(
                {waiting, running},
                timeout=_REGISTRATION_SECONDS,
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            waiting.cancel()
        if running.done():
            await running
        if not registered.is_set():
            raise TimeoutError(
                f"worker {worker.worker_id} was not registered on task queue {worker.task_queue} "
                f"within {_REGISTRATION_SECONDS:g} s: its log says why"
            )

    async def _end(self) -> None:
        worker, running = self._worker, self._running
        self._worker = self._running = self._loop = None
        if worker is not None and running is not None:
            await worker.stop()
            await running
        for releasing in self._killed:
            releasing.cancel()
        await asyncio.gather(*self._killed, return_exceptions=True)

    def _kill(self, *, restart: bool) -> None:
        worker, running = self._worker, self._running
        self._worker = self._running = None
        if worker is not None and running is not None:
            running.cancel()
            for task in list(worker._in_flight):  # pyright: ignore[reportPrivateUsage]
                task.cancel()
            self._killed.append(asyncio.ensure_future(self._release(worker, running)))
        if restart:
            self._start()

    async def _release(
        self, worker: "durable_workflow.Worker", running: asyncio.Task[None]
    ) -> None:
        """Free what a killed worker held: nobody wants to wait until its leases have ended.

        Again and again, until the test is over: a poll of the dead worker whose end the server has
        not noticed yet may be given the very task that was just freed.
        """
        await asyncio.wait({running})
        assert self._client is not None
        for attempt in itertools.count():
            try:
                await self._client.release_worker(
                    worker_id=worker.worker_id, session=worker.session
                )
            except Exception as error:  # noqa: BLE001 - the server may be away: it is asked again
                _log.debug("could not free what %s held: %s", worker.worker_id, error)
            await asyncio.sleep(min(0.05 * 2**attempt, _LONGEST_PAUSE_SECONDS))


def _runs_here(loop: asyncio.AbstractEventLoop) -> bool:
    try:
        return asyncio.get_running_loop() is loop
    except RuntimeError:
        return False


class _Faults:
    """The interceptor that lets activities fail."""

    def __init__(self) -> None:
        self._errors: dict[str, deque[BaseException]] = defaultdict(deque)

    def add(self, name: str, error: BaseException, times: int) -> None:
        """Let the next attempts of an activity raise an error."""
        if times < 1:
            raise ValueError(f"times must be at least 1, got {times}")
        self._errors[name].extend([error] * times)

    async def execute_workflow_task(
        self, context: Any, next: Callable[[Any], Awaitable[Any]]
    ) -> Any:
        """Go on."""
        return await next(context)

    async def execute_activity(self, context: Any, next: Callable[[Any], Awaitable[Any]]) -> Any:
        """Raise what was planned, or go on."""
        errors = self._errors.get(context.activity_type)
        if errors:
            raise errors.popleft()
        return await next(context)

    async def execute_query_task(self, context: Any, next: Callable[[Any], Awaitable[Any]]) -> Any:
        """Go on."""
        return await next(context)
