"""Reading in the loop that asks for tasks, so that what arrives wakes one thread and not two.

A stream has a thread of its own, which nothing holds up. But to wake that thread for a frame, and
another one for what is in it, takes longer than most frames do otherwise. So the loop that asks
for tasks reads itself, from a second descriptor of the socket. The stream's thread looks ten times
a second whether what has arrived is read, and twice a second while the worker has nothing to do. It
reads itself again where it is not, because that loop is held up, and whatever is no whole frame
that any thread may take. The loop that reads also sends what it reports; where it is held up with
that, the stream's thread sends it when it looks.
"""

import asyncio
import contextlib
import os
import select
import socket
import threading
import weakref
from collections.abc import Callable
from typing import Final, Protocol

from durable_workflow.client._stream._connection import Connection, StreamConnection, text_frame
from durable_workflow.client._stream._loop_calls import LoopCalls
from durable_workflow.client._stream._shortcut import second_socket

_LOOK_SECONDS: Final = 0.1
# The same where the worker has nothing that a late answer or a late look at a cut could harm.
_IDLE_LOOK_SECONDS: Final = 0.5
# What has arrived and is not read so much later is read by the stream's thread.
_PATIENCE_SECONDS: Final = 0.02
# A frame that is larger comes in pieces, which the stream's thread puts together.
_BYTES: Final = 64 * 1024


class Lendable(Protocol):
    """A connection that another thread may read from. Used in the thread of its own loop."""

    def lend(self) -> bool:
        """Read no more; False where it can't be lent now, as within a message."""
        ...

    def take_back(self, data: bytes, /) -> None:
        """Take what another thread has read last, if anything, and read again."""
        ...

    def fail(self, error: Exception, /) -> None:
        """End, because another thread could not take what it has read."""
        ...

    def abort(self) -> None:
        """End at once: nobody knows what was taken of what was read."""
        ...

    def hear(self) -> None:
        """Something has come. From any thread."""
        ...


class Reading:
    """Has one connection read by the loop that asks for tasks.

    Args:
        connection: The one that is read.
        second: Another descriptor of its socket; this object closes it.
        take: Takes the text of a frame, in whichever thread; False where it is not for any.
        asking: The way into the loop that asks for tasks, once there is one.
        is_idle: Whether the worker holds nothing and waits for no answer.
        send_waiting: Sends what the other loop has gathered, and may be held up with.
    """

    def __init__(
        self,
        connection: Lendable,
        second: socket.socket,
        take: Callable[[bytes], bool],
        asking: Callable[[], LoopCalls | None],
        is_idle: Callable[[], bool] = lambda: False,
        send_waiting: Callable[[], None] = lambda: None,
    ) -> None:
        self._connection = connection
        self._second = fileno = second.detach()
        # At the latest with this: a loop that has ended makes no more calls.
        self._close_second = weakref.finalize(self, os.close, fileno)
        self._take = take
        self._asking = asking
        self._is_idle = is_idle
        self._send_waiting = send_waiting
        self._own = asyncio.get_running_loop()
        # Held while anything is read by the other loop, and where it changes who reads.
        self._lock = threading.Lock()
        self._lent_to: LoopCalls | None = None
        self._reads = 0
        # In the stream's thread alone.
        self._has_lent: LoopCalls | None = None
        self._is_asked = False
        self._unread_at = -1
        self._poll = select.poll()
        self._poll.register(fileno, select.POLLIN)
        self._timer: asyncio.Handle | None = self._own.call_soon(self._look)

    def is_done_by(self, loop: asyncio.AbstractEventLoop) -> bool:
        """Whether this loop reads, and is not held up. From any thread."""
        lent_to = self._lent_to
        return lent_to is not None and lent_to.loop is loop

    # --- in the stream's thread -----------------------------------------------------------

    def end(self) -> None:
        """Have the connection read in its own thread from now on. A second time does nothing."""
        if self._timer is None:
            return
        self._timer.cancel()
        self._timer = None
        self._reclaim()
        # A descriptor that a loop looks at is closed by that loop.
        if self._has_lent is None or not _call(self._has_lent.loop, self._close, self._has_lent):
            self._close_second()

    def _look(self) -> None:
        """See to it that somebody reads who is not held up."""
        pause = _IDLE_LOOK_SECONDS if self._is_idle() else _LOOK_SECONDS
        self._send_waiting()
        if self._lent_to is None:
            self._ask()
        elif not self._poll.poll(0):
            self._unread_at = -1
        elif self._unread_at == self._reads:
            self._reclaim()
        else:
            self._unread_at, pause = self._reads, _PATIENCE_SECONDS
        self._timer = self._own.call_later(pause, self._look)

    def _ask(self) -> None:
        """Ask the other loop whether it is there."""
        asking = self._asking()
        if asking is not None and asking.loop is not self._own and not self._is_asked:
            # One that is closed is not asked again.
            self._is_asked = True
            _call(asking.loop, self._answer, asking)

    def _lend(self, asking: LoopCalls) -> None:
        self._is_asked = False
        if self._timer is None or not self._connection.lend():
            return
        self._unread_at = -1
        self._has_lent = asking
        with self._lock:
            self._lent_to = asking
        if not _call(asking.loop, self._watch, asking):
            self._reclaim()

    def _reclaim(self) -> None:
        with self._lock:
            lent_to, self._lent_to = self._lent_to, None
        if lent_to is not None:
            _call(lent_to.loop, lent_to.loop.remove_reader, self._second)
            self._connection.take_back(b"")

    # --- in the loop that asks ------------------------------------------------------------

    def _answer(self, asking: LoopCalls) -> None:
        _call(self._own, self._lend, asking)

    def _watch(self, asking: LoopCalls) -> None:
        if self._lent_to is asking:
            asking.loop.add_reader(self._second, asking.gather, self._read, asking)

    def _close(self, asking: LoopCalls) -> None:
        asking.loop.remove_reader(self._second)
        self._close_second()

    def _read(self, asking: LoopCalls) -> None:
        """Take what has arrived, or give the connection back with what is not to be taken here."""
        with self._lock:
            if self._lent_to is not asking:
                asking.loop.remove_reader(self._second)
                return
            self._reads += 1
            try:
                rest = self._take_frames()
            except Exception as error:  # noqa: BLE001 - raised where the connection is served
                self._give_back(asking, self._connection.fail, error)
            except BaseException:  # an interrupt: nobody knows how much was taken
                self._give_back(asking, self._connection.abort)
                raise
            else:
                if rest is not None:
                    self._give_back(asking, self._connection.take_back, rest)

    def _give_back(self, asking: LoopCalls, how: Callable[..., None], *arguments: object) -> None:
        self._lent_to = None
        asking.loop.remove_reader(self._second)
        _call(self._own, how, *arguments)

    def _take_frames(self) -> bytes | None:
        """Read once, and take the frames; returns what is the connection's to take, if anything."""
        try:
            data = os.read(self._second, _BYTES)
        except (BlockingIOError, InterruptedError):
            return None
        except OSError:
            return b""  # the connection meets it again
        if not data:
            return data  # the end, likewise
        self._connection.hear()
        while data:
            size, at = text_frame(data)
            if not 0 < size <= len(data) or not self._take(data[at:size]):
                return data
            data = data[size:]
        return None


def reading_of(
    connection: Connection,
    take: Callable[[bytes], bool],
    asking: Callable[[], LoopCalls | None],
    is_idle: Callable[[], bool],
    send_waiting: Callable[[], None],
) -> Reading | None:
    """Have a connection read by the loop that asks for tasks, where others may read from it."""
    if not isinstance(connection, StreamConnection):
        return None
    second = second_socket(connection.transport)
    if second is None:
        return None
    return Reading(connection, second, take, asking, is_idle, send_waiting)


def _call(
    loop: asyncio.AbstractEventLoop, callback: Callable[..., object], *arguments: object
) -> bool:
    """Make a call in a loop; False where it is closed."""
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(callback, *arguments)
        return True
    return False
