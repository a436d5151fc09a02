"""Tasks one at a time, of any kind, for `run_until`.

A server may hold a poll for half a minute, and which kind of task comes next is not always known:
of three activities that run beside each other, only the last is followed by a workflow task. So a
poll that is held is left waiting while the other kind is asked for too.
"""

import asyncio
from dataclasses import dataclass
from typing import Final

from durable_workflow._wire.json_values import JsonObject
from durable_workflow.worker._log import log
from durable_workflow.worker._polling import PollTarget

# A poll without an answer after this long is taken for one that the server holds.
_HELD_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer to a poll.

    Attributes:
        target: What was asked for.
        task: The task, or None where there was none.
    """

    target: PollTarget
    task: JsonObject | None


class Turns:
    """Asks for two kinds of tasks in turn, and for both at once while the server holds a poll."""

    def __init__(self, first: PollTarget, second: PollTarget) -> None:
        self._first = first
        self._second = second
        self._held: dict[str, asyncio.Task[JsonObject | None]] = {}

    async def next(self, seconds: float) -> Answered | None:
        """The next answer, or None when there was none for this long.

        An answer without a task makes it the other kind's turn; after a task, say whose turn it is.

        Raises:
            Exception: What the poll raised.
        """
        first, second = self._first, self._second
        was_held = first.kind in self._held
        asked = self._ask(first)
        if not was_held:
            await asyncio.wait({asked}, timeout=min(_HELD_SECONDS, seconds))
        if not asked.done():
            both = {asked, self._ask(second)}
            await asyncio.wait(both, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for target in (first, second):
            poll = self._held.get(target.kind)
            if poll is not None and poll.done():
                del self._held[target.kind]
                if (task := poll.result()) is None and target is first:
                    self._first, self._second = second, first
                return Answered(target, task)
        return None

    def prefer(self, kind: str) -> None:
        """Say which kind to ask for first the next time."""
        if self._first.kind != kind:
            self._first, self._second = self._second, self._first

    async def end(self) -> None:
        """Ask no more. A task that came meanwhile is leased, and started without waiting for it."""
        polls, self._held = self._held, {}
        for poll in polls.values():
            poll.cancel()
        answers = await asyncio.gather(*polls.values(), return_exceptions=True)
        for kind, answer in zip(polls, answers, strict=True):
            if isinstance(answer, Exception):
                log.debug("%s poll failed when nobody waited for it: %s", kind, answer)
            elif isinstance(answer, dict):
                target = self._first if self._first.kind == kind else self._second
                if target.slots is not None:
                    await target.slots.acquire()
                await target.start(answer)

    def _ask(self, target: PollTarget) -> asyncio.Task[JsonObject | None]:
        if target.kind not in self._held:
            self._held[target.kind] = asyncio.create_task(target.poll_once())
        return self._held[target.kind]
