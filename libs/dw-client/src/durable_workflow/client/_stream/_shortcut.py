"""A second way onto the socket of a connection: for threads other than that of its loop.

To wake that thread takes longer than to send what most frames hold. Frames stay whole and in order:
what the system does not take of one is the loop's to write, before anything else, and while the
loop has something to write nobody sends here.
"""

import asyncio
import contextlib
import os
import socket
import struct
import threading
from typing import Final

try:
    from websockets.speedups import apply_mask
except ImportError:  # where it is not compiled
    from websockets.utils import apply_mask

# To mask and to copy a larger one is work that the loop's thread does beside the others.
MOST_BYTES: Final = 64 * 1024
# The first byte of a frame that is a whole text, and the bit of the second for one with a mask.
_WHOLE_TEXT: Final = 0x81
_MASKED: Final = 0x80
# While a peer reads slowly the loop looks so often whether it has caught up.
_LOOK_SECONDS: Final = 0.05


class Shortcut:
    """Sends text frames of a client.

    Attributes:
        lock: Held while anything is written, by whichever thread: the loop's waits for it, others
            only where both begin at once.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self.lock = threading.Lock()
        self._transport = transport
        self._loop = loop
        self._socket: socket.socket | None = second_socket(transport)
        # What the system did not take of a frame.
        self._rest = b""
        # Whether the loop may have something to write. Only its thread can ask that: asyncio takes
        # what it writes out of its buffer, and puts the rest back.
        self._is_behind = False
        self._looks_again = False

    def send(self, text: bytes) -> bool:
        """Send a frame now, if nothing waits and the system takes it. With the lock, in any thread.

        A connection that is lost by that is ended: so much as for a frame that the loop sends.
        """
        if self._socket is None or self._rest or len(text) > MOST_BYTES:
            return False
        if self._is_behind or self._transport.is_closing():
            return False
        frame = masked(text)
        sent = 0
        try:
            sent = self._socket.send(frame)
        except BlockingIOError:
            return False
        except OSError:
            self._loop.call_soon_threadsafe(self._transport.abort)
            return True
        except BaseException:  # an interrupt: nobody knows how much of it is sent
            self._loop.call_soon_threadsafe(self._transport.abort)
            raise
        if sent < len(frame):
            self._rest = frame[sent:]
            self._loop.call_soon_threadsafe(self._finish)
        return True

    def write_rest(self) -> None:
        """Write what is left of a frame. With the lock, in the loop's thread, before all else."""
        rest, self._rest = self._rest, b""
        if rest and not self._transport.is_closing():
            self._transport.write(rest)

    def note_written(self) -> None:
        """The loop's thread has written something. With the lock."""
        self._is_behind = self._has_unwritten()
        if self._is_behind and not self._looks_again:
            self._looks_again = True
            self._loop.call_soon(self._look_again)  # uvloop writes at the end of a turn

    def close(self) -> None:
        """Send nothing any more. In the loop's thread, as soon as the connection is lost."""
        with self.lock:
            self._rest = b""
            if self._socket is not None:
                # The peer sees the end now, whoever else has a descriptor.
                with contextlib.suppress(OSError):
                    self._socket.shutdown(socket.SHUT_RDWR)
                self._socket.close()
                self._socket = None

    def _finish(self) -> None:
        with self.lock:
            self.write_rest()
            self.note_written()

    def _look_again(self) -> None:
        with self.lock:
            self._is_behind = self._has_unwritten()
            self._looks_again = self._is_behind and not self._transport.is_closing()
            if self._looks_again:
                self._loop.call_later(_LOOK_SECONDS, self._look_again)

    def _has_unwritten(self) -> bool:
        # uvloop does not tell of one that is closed.
        return self._transport.is_closing() or self._transport.get_write_buffer_size() > 0


def masked(text: bytes) -> bytes:
    """A text as the frame in which a client sends it.

    The library's own takes three times as long: it knows of other kinds, and of extensions.
    """
    size, mask = len(text), os.urandom(4)
    if size < 126:
        head = struct.pack("!BB", _WHOLE_TEXT, _MASKED | size)
    elif size < 2**16:
        head = struct.pack("!BBH", _WHOLE_TEXT, _MASKED | 126, size)
    else:
        head = struct.pack("!BBQ", _WHOLE_TEXT, _MASKED | 127, size)
    return b"".join((head, mask, apply_mask(text, mask)))


def second_socket(transport: asyncio.Transport) -> socket.socket | None:
    """Another descriptor of a transport's socket; None where others may not write to it.

    A copy, since the transport's own may be closed, and its number be another file's, meanwhile.
    """
    if os.name != "posix" or transport.get_extra_info("sslcontext") is not None:
        return None
    own: socket.socket | None = transport.get_extra_info("socket")
    if own is None:
        return None
    try:
        second = socket.fromfd(own.fileno(), own.family, own.type)
    except OSError:  # too many open files: the loop sends everything
        return None
    second.setblocking(False)
    return second
