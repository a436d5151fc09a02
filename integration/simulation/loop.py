"""The event loop: time jumps to what is due next, and a node that is killed runs no more."""

from __future__ import annotations

import asyncio
import contextvars
import itertools
import weakref
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from contextvars import Context, ContextVar
from typing import Any, TypeVar

T = TypeVar("T")

# Fractions of less than this would be lost in the server's microseconds.
_RESOLUTION = 1e-6


class Node:
    """A simulated process: what was begun in its context ends with it.

    Attributes:
        name: Unique within a run.
        dead: It was killed: nothing of it runs any more.
        tasks: Its tasks that have not ended.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.dead = False
        self.tasks: weakref.WeakSet[asyncio.Task[Any]] = weakref.WeakSet()
        self.context = Context()
        self.context.run(_node.set, self)


_node: ContextVar[Node] = ContextVar("node")


class Stalled(Exception):
    """Nothing is left that would ever happen."""


class SimulatedLoop(asyncio.BaseEventLoop):
    """Runs everything of one seed.

    Attributes:
        world: What is no process: the network, and who decides what happens.
        unhandled: Errors of nodes that live that nobody has looked at.
    """

    def __init__(self) -> None:
        super().__init__()
        self._selector = _Selector(self)
        self._clock_resolution = _RESOLUTION
        self._now = 1000.0
        self.world = Node("world")
        self._current = self.world
        self._numbers = itertools.count()
        self._graveyard: list[asyncio.Task[Any]] = []
        self.unhandled: list[str] = []
        self.set_task_factory(self._make_task)  # type: ignore[arg-type]
        self.set_exception_handler(self._note_unhandled)

    def time(self) -> float:
        """Seconds since some moment before the run."""
        return self._now

    @property
    def running(self) -> Node:
        """The node whose code runs now."""
        return self._current

    def pass_time(self, seconds: float) -> None:
        """Let time pass."""
        self._now += seconds

    # --- nodes -----------------------------------------------------------------------------

    def start_on(self, node: Node, coroutine: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run a coroutine as a task of a node."""
        return self.create_task(coroutine, context=node.context.copy())

    def call_on(
        self, node: Node, seconds: float, callback: Callable[..., object], *args: Any
    ) -> None:
        """Call something of a node, in some time."""
        self.call_later(seconds, callback, *args, context=node.context)

    def kill(self, node: Node) -> None:
        """Let nothing of a node run any more, not even its `finally`."""
        node.dead = True
        tasks = sorted(node.tasks, key=hash)
        for task in tasks:
            task._log_destroy_pending = False  # type: ignore[attr-defined]
        # What is collected is unwound, which would run code of the dead.
        self._graveyard += tasks

    def run_of(self, node: Node, run: Callable[..., object], *args: Any) -> None:
        """Run a callback in the name of a node, unless it is dead."""
        if node.dead:
            return
        before, self._current = self._current, node
        try:
            run(*args)
        finally:
            self._current = before

    def _owner(self, context: Context) -> Node:
        return context.get(_node, self._current)

    # --- what asyncio asks for ---------------------------------------------------------------

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        """Call something in the next turn."""
        context = contextvars.copy_context() if context is None else context
        handle = _Handle(callback, args, self, context)
        handle.node = self._owner(context)
        self._ready.append(handle)  # type: ignore[attr-defined]
        return handle

    def call_soon_threadsafe(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        """The same: there are no threads."""
        self._check_closed()  # type: ignore[attr-defined]
        return self.call_soon(callback, *args, context=context)

    def call_at(  # type: ignore[override]
        self,
        when: float,
        callback: Callable[..., object],
        *args: Any,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Call something at a time."""
        context = contextvars.copy_context() if context is None else context
        run = _Timed(self, self._owner(context), callback, args)
        return super().call_at(when, run, context=context)

    def create_future(self) -> asyncio.Future[Any]:
        """A future that is hashed by its number, and not by its address."""
        return _Future(next(self._numbers), loop=self)

    def run_in_executor(  # type: ignore[override]
        self, executor: Executor | None, func: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        """Do it here and now."""
        future: asyncio.Future[T] = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - the future's
            future.set_exception(error)
        return future

    def _make_task(
        self,
        loop: asyncio.AbstractEventLoop,
        coroutine: Coroutine[Any, Any, T],
        *,
        context: Context | None = None,
        **options: Any,
    ) -> asyncio.Task[T]:
        context = contextvars.copy_context() if context is None else context
        task = _Task(next(self._numbers), coroutine, loop=loop, context=context, **options)
        self._owner(context).tasks.add(task)
        return task

    def _note_unhandled(self, loop: asyncio.AbstractEventLoop, problem: dict[str, Any]) -> None:
        self.unhandled.append(f"{problem['message']}: {problem.get('exception')!r}")

    def _process_events(self, event_list: list[Any]) -> None:
        """There are none."""

    def _write_to_self(self) -> None:
        """Nobody else could sleep."""


class _Selector:
    """Waits for nothing: it lets the time pass."""

    def __init__(self, loop: SimulatedLoop) -> None:
        self._loop = loop

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None:
            raise Stalled
        if timeout > 0:
            self._loop.pass_time(timeout)
        return []


class _Handle(asyncio.Handle):
    __slots__ = ("node",)
    node: Node

    def _run(self) -> None:
        if not self.node.dead:
            loop: SimulatedLoop = self._loop  # type: ignore[attr-defined]
            loop.run_of(self.node, super()._run)


class _Timed:
    """What a timer calls, in the name of its node."""

    __slots__ = ("_args", "_callback", "_loop", "_node")

    def __init__(
        self, loop: SimulatedLoop, node: Node, callback: Callable[..., object], args: Any
    ) -> None:
        self._loop = loop
        self._node = node
        self._callback = callback
        self._args = args

    def __call__(self) -> None:
        self._loop.run_of(self._node, self._callback, *self._args)


class _Future(asyncio.Future[Any]):
    """Sets of futures are walked in the same order in every run."""

    def __init__(self, number: int, **options: Any) -> None:
        super().__init__(**options)
        self._number = number

    def __hash__(self) -> int:
        return self._number


class _Task(asyncio.Task[Any]):
    """Sets of tasks are walked in the same order in every run."""

    def __init__(self, number: int, coroutine: Coroutine[Any, Any, Any], **options: Any) -> None:
        self._number = number
        super().__init__(coroutine, **options)

    def __hash__(self) -> int:
        return self._number
