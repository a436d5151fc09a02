"""What a worker's threads are made with: given to it, so that a simulation needs no thread."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from types import CodeType
from typing import Any, Protocol

from durable_workflow.worker._client_thread import ClientThread
from durable_workflow.worker._code_threads import CodeThreads
from durable_workflow.worker._loop_code import LoopCode
from durable_workflow.worker._loop_watch import LoopWatch
from durable_workflow.worker._polling import Pacing


class MakeCodeThreads(Protocol):
    """Makes a pool for user code."""

    def __call__(
        self, name: str, size: int, *, limit_seconds: float | None = None
    ) -> CodeThreads: ...


class MakeLoopCode(Protocol):
    """Makes what runs quick workflow code on the loop."""

    def __call__(
        self, threads: CodeThreads, *, limit_seconds: float | None, may_block: bool = False
    ) -> LoopCode: ...


class MakeClientThread(Protocol):
    """Makes what serves with a client of its own."""

    def __call__(
        self,
        name: str,
        clone: Callable[[], Any],
        serve: Callable[[Any, Pacing], Coroutine[Any, Any, None]],
    ) -> ClientThread: ...


@dataclass(frozen=True, slots=True)
class ThreadKinds:
    """Makes the threads of one worker.

    Attributes:
        code: For user code.
        loop: For workflow code on the loop, which has a watchdog in a thread.
        client: For the stream, heartbeats and queries.
        watch: The watch over the event loop.
    """

    code: MakeCodeThreads = CodeThreads
    loop: MakeLoopCode = LoopCode
    client: MakeClientThread = ClientThread
    watch: Callable[[CodeType], LoopWatch] = LoopWatch
