"""Places in code as people read them: file, line, function and the text of the line."""

import linecache
import os
import sysconfig
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from durable_workflow._kernel.places import Place

_OTHERS: Final = tuple(
    path
    for name in ("stdlib", "platstdlib", "purelib", "platlib")
    if (path := sysconfig.get_paths().get(name))
)


@dataclass(frozen=True, slots=True)
class SourceLine:
    """A line of code.

    Attributes:
        file: Relative to the working folder where it lies below that.
        line: From 1.
        function: The function's qualified name.
        code: The text of the line; empty where the source cannot be read.
    """

    file: str
    line: int
    function: str
    code: str

    def to_dict(self) -> dict[str, Any]:
        """A JSON object with the attributes."""
        return asdict(self)


def source_lines(places: Iterable[Place]) -> list[SourceLine]:
    """Places with the text of their lines, in the same order."""
    return [
        SourceLine(
            file=_shown(place.file),
            line=place.line,
            function=place.function,
            code=linecache.getline(place.file, place.line).strip(),
        )
        for place in places
    ]


def own_place(places: Sequence[Place], workflow_cls: type) -> Place | None:
    """The innermost place in the author's own code.

    That is what stands in the same top package as the workflow; where there is none, what is not
    installed among other people's packages.
    """
    package = workflow_cls.__module__.partition(".")[0]
    same = [place for place in places if place.module.partition(".")[0] == package]
    written = [place for place in places if not place.file.startswith(_OTHERS)]
    for found in (same, written, places):
        if found:
            return found[-1]
    return None


def _shown(file: str) -> str:
    try:
        return str(Path(file).relative_to(os.getcwd()))
    except (ValueError, OSError):
        return file
