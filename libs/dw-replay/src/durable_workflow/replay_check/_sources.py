"""Where histories come from: each unit is one run, small enough to be sent to another process."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias


class SourceError(Exception):
    """Histories cannot be had from there; the text says why."""


@dataclass(frozen=True, slots=True)
class HistoryFile:
    """A history in a file."""

    path: str

    @property
    def label(self) -> str:
        """Names it in reports."""
        return self.path

    def read(self) -> bytes:
        """What is in the file.

        Raises:
            OSError: It cannot be read.
        """
        return Path(self.path).read_bytes()


@dataclass(frozen=True, slots=True)
class ServerRun:
    """A run that a server knows."""

    workflow_id: str
    run_id: str
    workflow_type: str

    @property
    def label(self) -> str:
        """Names it in reports."""
        return f"{self.workflow_id}/{self.run_id}"


Unit: TypeAlias = HistoryFile | ServerRun


def files_in(path: str | Path) -> Iterator[HistoryFile]:
    """The history files of a folder and those below it, by name; or the one file.

    Raises:
        SourceError: There is no such thing, or no `*.json` in it.
    """
    if not str(path):
        raise SourceError("the path of a history file or folder is empty")
    place = Path(path)
    if place.is_file():
        yield HistoryFile(str(place))
        return
    if not place.is_dir():
        raise SourceError(f"{place} is neither a file nor a folder")
    found = False
    for file in sorted(place.rglob("*.json")):
        found = True
        yield HistoryFile(str(file))
    if not found:
        raise SourceError(f"no *.json in {place}")
