"""The lists of a bundle, each written to a temporary file while its run is read.

The history of a run is read once, in order, while the members of a bundle stand in the order of
their names. So each list is put aside until it is its turn. Small ones stay in memory.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from types import TracebackType
from typing import Any, NamedTuple, Self

from durable_workflow.server.exporting.canonical import canonical
from durable_workflow.server.exporting.payloads import PayloadNote
from durable_workflow.server.exporting.redaction import Redaction

_IN_MEMORY = 262_144
# A bundle is sent in parts of about so many bytes.
PART_BYTES = 65_536


class Entry(NamedTuple):
    """Where an element of a list stands in its file.

    Attributes:
        key: Elements are sorted by it.
        notes: What the manifest says of its payloads.
        redacted: Paths in it where a secret stood.
    """

    key: Any
    offset: int
    length: int
    notes: tuple[PayloadNote, ...]
    redacted: tuple[str, ...]


class Section:
    """One list of a bundle.

    Args:
        name: The member of the bundle.
        redaction: Takes secrets out of the elements.
    """

    def __init__(self, name: str, redaction: Redaction) -> None:
        self.name = name
        self._redaction = redaction
        self._file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115  closed by `close`
        self._size = 0
        self._entries: list[Entry] = []
        self._sorted = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with contextlib.suppress(OSError):  # what is not written is not wanted any more
            self._file.close()

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, element: Any, *notes: PayloadNote, key: Any = None) -> None:
        """Add an element.

        Args:
            key: What the list is sorted by; without one it stays in the order of the additions.
        """
        text, redacted = self._redaction.apply(canonical(element))
        key = len(self._entries) if key is None else key
        if self._entries and key < self._entries[-1].key:
            self._sorted = False
        self._entries.append(Entry(key, self._size, len(text), notes, tuple(redacted)))
        self._file.write(text)
        self._size += len(text)

    def sort(self) -> None:
        """Put the elements into order. Nothing is added after this.

        Raises:
            OSError: There is no room for them. Later, while they are sent, nothing is written.
        """
        self._file.flush()
        if not self._sorted:
            self._entries.sort(key=lambda entry: entry.key)

    def redacted(self) -> Iterator[str]:
        """The paths in the bundle where a secret stood."""
        for index, entry in enumerate(self._entries):
            for path in entry.redacted:
                yield f"{self.name}.{index}{path}"

    def notes(self) -> Iterator[tuple[PayloadNote, ...]]:
        """What the manifest says of each element, in order."""
        return (entry.notes for entry in self._entries)

    def parts(self) -> Iterator[bytes]:
        """The list as JSON, in parts."""
        part = bytearray(b"[")
        for index, entry in enumerate(self._entries):
            if index:
                part += b","
            part += self._read(entry)
            if len(part) >= PART_BYTES:
                yield bytes(part)
                part.clear()
        yield bytes(part) + b"]"

    def _read(self, entry: Entry) -> bytes:
        self._file.seek(entry.offset)
        return self._file.read(entry.length)


class Scratch:
    """Texts that are wanted again later, by their keys."""

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115  closed by `close`
        self._places: dict[Any, tuple[int, int]] = {}
        self._size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with contextlib.suppress(OSError):  # what is not written is not wanted any more
            self._file.close()

    def put(self, key: Any, text: bytes) -> None:
        """Keep a text; one that is kept under the key already is replaced."""
        self._file.seek(self._size)
        self._file.write(text)
        self._places[key] = (self._size, len(text))
        self._size += len(text)

    def get(self, key: Any) -> bytes | None:
        """What is kept under a key, or None."""
        place = self._places.get(key)
        if place is None:
            return None
        self._file.seek(place[0])
        return self._file.read(place[1])
