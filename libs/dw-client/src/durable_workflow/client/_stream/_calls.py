"""Calls of others into the thread of a stream, and the answers on their way back."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

from durable_workflow._meet import ServerUnreachable, StreamEnded
from durable_workflow.client._stream._loop_calls import Answer, LoopCalls, Loops


class Calls:
    """The way to one stream from any thread, while the stream lasts.

    Args:
        loops: The ways into the loops that call.

    Attributes:
        ended: Why the stream has ended; None before.
        lock: Held while something is made for the stream. Its thread waits for it, others only
            where both begin at once.
    """

    def __init__(self, loops: Loops) -> None:
        self.ended: StreamEnded | None = None
        self.lock = threading.Lock()
        self._loops = loops
        self._loop_calls: LoopCalls | None = None

    @property
    def is_open(self) -> bool:
        """Whether the stream has begun, and not ended."""
        return self._loop_calls is not None and self.ended is None

    def begin(self) -> None:
        """Take calls on this loop from now on."""
        self._loop_calls = self._loops.to(asyncio.get_running_loop())

    def end(self, ended: StreamEnded) -> None:
        """Fail what is asked from now on, and what was not begun."""
        self.ended = ended
        if self._loop_calls is not None:
            self._loop_calls.run()  # nobody would, later

    async def ask(
        self,
        make: Callable[[Answer], None],
        forget: Callable[[Answer], None],
        make_here: Callable[[Answer], bool] | None = None,
    ) -> Any:
        """Have a request made, and wait for its answer.

        Args:
            make: Makes it, in the stream's thread.
            forget: Called there when nobody waits for the answer any more.
            make_here: Makes it in this thread where that can be now; returns whether it did.

        Raises:
            StreamEnded: The stream has ended.
            ServerUnreachable: It has not begun.
        """
        if self.ended is not None:
            raise self.ended
        if self._loop_calls is None:
            raise ServerUnreachable("the stream has not begun")
        answer = Answer(self._loops)
        assert answer.future is not None
        if make_here is None or not self._was_made(make_here, answer):
            self._loop_calls.call(self._begin, make, answer)
        if self.ended is not None:  # perhaps before anybody took the call
            answer.fail(self.ended)
        try:
            return await answer.future
        except asyncio.CancelledError:
            self.call(forget, answer)
            raise

    def call(self, callback: Callable[..., None], *arguments: Any) -> None:
        """Make a call in the stream's thread, unless the stream has not begun or has ended."""
        if self._loop_calls is not None:
            self._loop_calls.call(self._unless_ended, callback, *arguments)

    def _was_made(self, make_here: Callable[[Answer], bool], answer: Answer) -> bool:
        """Make a request in this thread, unless the stream's is about to make something."""
        if self.lock.locked():
            return False
        with (
            self.lock
        ):  # not `acquire`: an interrupt right behind it would leave it locked for ever
            is_idle = self._loop_calls is not None and self._loop_calls.is_idle
            return is_idle and self.ended is None and make_here(answer)

    def _begin(self, make: Callable[[Answer], None], answer: Answer) -> None:
        try:
            if self.ended is not None:
                raise self.ended
            with self.lock:
                make(answer)
        except Exception as error:  # noqa: BLE001 - raised where it is waited for
            answer.fail(error)

    def _unless_ended(self, callback: Callable[..., None], *arguments: Any) -> None:
        if self.ended is None:
            with self.lock:
                callback(*arguments)
