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


class Place(NamedTuple):
    """Where a text stands in its file, in bytes."""

    offset: int
    length: int


class Entry(NamedTuple):
    """An element of a list.

    Attributes:
        key: Elements are sorted by it.
        place: Where its text stands.
        notes: What the manifest says of its payloads.
        redacted: Paths in it where a secret stood.
    """

    key: Any
    place: Place
    notes: tuple[PayloadNote, ...]
    redacted: tuple[str, ...]


class Texts:
    """Texts in a temporary file, which is gone at the end of the block."""

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115  closed by `__exit__`
        self._size = 0
        # To seek is to write what is buffered: only where something was read.
        self._is_at_end = True

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

    def _append(self, text: bytes) -> Place:
        if not self._is_at_end:
            self._file.seek(self._size)
            self._is_at_end = True
        self._file.write(text)
        place = Place(self._size, len(text))
        self._size += len(text)
        return place

    def _read(self, place: Place) -> bytes:
        self._file.seek(place.offset)
        self._is_at_end = False
        return self._file.read(place.length)


class Section(Texts):
    """One list of a bundle.

    Args:
        name: The member of the bundle.
        redaction: Takes secrets out of the elements.
    """

    def __init__(self, name: str, redaction: Redaction) -> None:
        super().__init__()
        self.name = name
        self._redaction = redaction
        self._entries: list[Entry] = []
        self._sorted = True

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
        self._entries.append(Entry(key, self._append(text), notes, tuple(redacted)))

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
            part += self._read(entry.place)
            if len(part) >= PART_BYTES:
                yield bytes(part)
                part.clear()
        yield bytes(part) + b"]"


class Scratch(Texts):
    """Texts that are wanted again later, by their keys."""

    def __init__(self) -> None:
        super().__init__()
        self._places: dict[Any, Place] = {}

    def put(self, key: Any, text: bytes) -> None:
        """Keep a text; one that is kept under the key already is replaced."""
        self._places[key] = self._append(text)

    def get(self, key: Any) -> bytes | None:
        """What is kept under a key, or None."""
        place = self._places.get(key)
        return None if place is None else self._read(place)
