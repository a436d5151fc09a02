"""`record_version_marker`: remember which version of a piece of code this run follows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final

from durable_workflow._wire import names
from durable_workflow.server.engine.commands.turn import Command, Turn
from durable_workflow.server.fields import LONGEST_SECONDS, Say, Text, Whole

_VERSION: Final = Whole(least=-LONGEST_SECONDS, most=LONGEST_SECONDS)


class RecordVersionMarker(Command):
    """The command."""

    word: ClassVar[str] = names.RECORD_VERSION_MARKER

    change_id: Annotated[str, Text()]
    version: Annotated[int, _VERSION]
    min_supported: Annotated[int, _VERSION]
    max_supported: Annotated[int, _VERSION]

    @staticmethod
    def check(values: Mapping[str, Any], say: Say) -> None:
        """The version is one of those that the code supports."""
        if len(values) < 4:
            return  # one of them is missing, which has been said
        if not values["min_supported"] <= values["version"] <= values["max_supported"]:
            say("version", "must be between min_supported and max_supported.")

    def apply(self, turn: Turn) -> None:
        turn.append(
            names.VERSION_MARKER_RECORDED,
            {
                "sequence": turn.next_sequence(),
                "change_id": self.change_id,
                "version": self.version,
                "min_supported": self.min_supported,
                "max_supported": self.max_supported,
            },
        )
