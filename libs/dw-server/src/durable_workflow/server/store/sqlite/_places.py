"""Whether the files that are written are still those that the next start will find.

An open file outlives its name. If somebody deletes the database or its log, or replaces it with an
older copy, the server would otherwise go on writing into files that nobody ever opens again. And
without the lock file a second server could start beside it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TypeAlias

_Identity: TypeAlias = tuple[int, int]


class Places:
    """The names of open files, and which file each belonged to when it was opened.

    Args:
        paths: The names. Those that name no file, because a database is not kept in files of the
            system, are not looked at.
    """

    def __init__(self, paths: Iterable[Path]) -> None:
        found = [(os.fspath(path), _identity(os.fspath(path))) for path in paths]
        self._files = [(name, identity) for name, identity in found if identity is not None]

    def lost(self) -> str | None:
        """A name that is gone or is another file's by now; None while all are as they were."""
        for name, identity in self._files:
            if _identity(name) != identity:
                return name
        return None


def _identity(name: str) -> _Identity | None:
    try:
        found = os.stat(name)
    except OSError:
        return None
    return found.st_dev, found.st_ino
