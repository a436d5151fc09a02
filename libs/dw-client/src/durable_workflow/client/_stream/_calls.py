"""Calls of others into the thread of a stream, and the answers on their way back."""

import asyncio
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
    """

    def __init__(self, loops: Loops) -> None:
        self.ended: StreamEnded | None = None
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

    async def ask(self, make: Callable[[Answer], None], forget: Callable[[Answer], None]) -> Any:
        """Have a request made in the stream's thread, and wait for its answer.

        Args:
            make: Makes it.
            forget: Called there when nobody waits for the answer any more.

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

    def _begin(self, make: Callable[[Answer], None], answer: Answer) -> None:
        try:
            if self.ended is not None:
                raise self.ended
            make(answer)
        except Exception as error:  # noqa: BLE001 - raised where it is waited for
            answer.fail(error)

    def _unless_ended(self, callback: Callable[..., None], *arguments: Any) -> None:
        if self.ended is None:
            callback(*arguments)
