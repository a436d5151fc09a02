"""`record_version_marker`: remember which version of a piece of code this run follows."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from durable_workflow._wire import names
from durable_workflow.server.engine.commands.fields import Errors, integer, text
from durable_workflow.server.engine.commands.turn import Turn


class RecordVersionMarker(msgspec.Struct):
    """The command."""

    terminal: ClassVar[bool] = False
    update_outcome: ClassVar[bool] = False

    change_id: str
    version: int
    min_supported: int
    max_supported: int

    @property
    def step(self) -> tuple[str, str] | None:
        return None

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


def read(raw: dict[str, Any], at: str, codec: str, errors: Errors) -> RecordVersionMarker:
    """Read the command from its wire form."""
    change_id = text(raw, "change_id", at, errors, required=True)
    version, low, high = (
        integer(raw, name, at, errors, required=True)
        for name in ("version", "min_supported", "max_supported")
    )
    if version is None or low is None or high is None:
        return RecordVersionMarker(change_id, 0, 0, 0)
    if not low <= version <= high:
        errors[f"{at}.version"] = [
            f"The {at}.version field must be between min_supported and max_supported."
        ]
    return RecordVersionMarker(change_id, version, low, high)
