"""A real server in the process of the tests."""

import asyncio
import concurrent.futures
import os
from collections.abc import Callable, Generator, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Self

import durable_workflow
from durable_workflow.testing._loop_thread import LoopThread
from durable_workflow.testing._wheels import wheel
from durable_workflow.testing._worker import RunningWorker


class Passing:
    """Time that passes on a server: to be awaited, or waited for."""

    def __init__(self, future: concurrent.futures.Future[None]) -> None:
        self._future = future

    def __await__(self) -> Generator[Any, None, None]:
        """Wait on the running event loop."""
        return asyncio.wrap_future(self._future).__await__()

    def wait(self, timeout: float | None = None) -> None:
        """Wait in this thread, for so many seconds of real time at most.

        Raises:
            TimeoutError: They have passed.
        """
        self._future.result(timeout)


class WorkflowTestServer:
    """The server of `dw-server`, in this process and in a thread of its own.

    Programs under test speak to it as to any other: over HTTP, with a real client and a real
    worker. It serves plain and asynchronous tests alike.

    Example::

        with WorkflowTestServer() as server:
            asyncio.run(program(server.url))

    Attributes:
        namespace: The namespace that clients and workers made here use.
    """

    def __init__(
        self,
        *,
        db: str | os.PathLike[str] = ":memory:",
        token: str | None = None,
        namespace: str = "default",
        time_skipping: bool = True,
        **options: Any,
    ) -> None:
        """Set a server up. It serves from `start` to `stop`, or for the length of a `with`.

        Args:
            db: Path of the state file; by default the state is in memory and gone at the end.
            token: What callers must present; None lets everybody on this machine in.
            namespace: The namespace that clients and workers made here use.
            time_skipping: Skip the time in which nothing happens while somebody waits for a
                result; else time is that of the machine.
            **options: Further arguments of `durable_workflow.server.embedded_server`.
        """
        self.namespace = namespace
        self._token = token
        self._options: dict[str, Any] = {"db": db, "token": token, **options}
        self._time_skipping = time_skipping
        self._clock: Any = None
        self._thread: LoopThread[str] | None = None
        self._url = ""

    @property
    def url(self) -> str:
        """Where it serves, such as ``http://127.0.0.1:40123``.

        Raises:
            RuntimeError: It does not.
        """
        if self._thread is None:
            raise RuntimeError("the server was not started: use it in a `with`, or call start()")
        return self._url

    def start(self) -> None:
        """Serve.

        Raises:
            ImportError: dw-server is not installed.
        """
        if self._thread is not None:
            raise RuntimeError("the server was started already")
        server = wheel("server", "dw-server", type(self).__name__)
        if self._time_skipping and self._clock is None:
            self._clock = server.SkippingClock()
        options = self._options | ({"clock": self._clock} if self._time_skipping else {})
        thread = LoopThread[str]("dw-test-server", lambda: server.embedded_server(**options))
        self._url = thread.start()
        self._thread = thread

    def stop(self) -> None:
        """Stop serving; once more does nothing."""
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.stop()

    def restart(self) -> None:
        """Stop and start again at the same URL: what is in a state file is there again."""
        self._options["port"] = int(self.url.rpartition(":")[2])
        self.stop()
        self.start()

    def __enter__(self) -> Self:
        """Serve."""
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        """Stop serving."""
        self.stop()

    def now(self) -> datetime:
        """The server's present moment, aware."""
        if self._clock is None:
            return datetime.now(UTC)
        return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=self._clock.now())

    def advance(self, length: float | timedelta) -> Passing:
        """Let time pass, and have done what falls due meanwhile.

        Time stands while a task is leased or ready for a worker, so that all of it is done at the
        moment that it fell due. Await what this returns, or call its `wait()`.

        Args:
            length: How long; a number is in seconds.
        Raises:
            RuntimeError: The server does not skip time, or was not started.
        """
        if self._clock is None:
            raise RuntimeError("the server does not skip time, or was not started")
        return Passing(self._clock.advance(length))

    def client(self, **options: Any) -> "durable_workflow.Client":
        """A client of this server. Close it, or use it in an `async with`.

        Args:
            **options: Further arguments of `durable_workflow.Client`.
        Raises:
            ImportError: dw-client is not installed.
        """
        client_class = wheel("client", "dw-client", "WorkflowTestServer.client").Client
        settings = {"token": self._token, "namespace": self.namespace} | options
        client: durable_workflow.Client = client_class(self.url, **settings)
        return client

    def worker(
        self,
        *,
        workflows: Iterable[type] = (),
        activities: Iterable[Callable[..., Any]] = (),
        task_queue: str = "default",
        **options: Any,
    ) -> RunningWorker:
        """A worker of this server, that works for the length of a `with` or an `async with`.

        Args:
            workflows: Workflow classes.
            activities: Activity functions.
            task_queue: The queue to serve.
            **options: Further arguments of `durable_workflow.Worker`.
        """
        return RunningWorker(
            self.client,
            {
                "workflows": list(workflows),
                "activities": list(activities),
                "task_queue": task_queue,
                **options,
            },
        )
