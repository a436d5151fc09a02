"""What a run has waited for, as a bundle lists it: activities, timers, conditions, children."""

from __future__ import annotations

from typing import Any, Final

from durable_workflow._wire.json_values import JsonObject
from durable_workflow.server.exporting.sections import Section

OPEN: Final = "open"
_EMPTY: Final[JsonObject] = dict.fromkeys(
    (
        "deadline_at",
        "resolved_at",
        "target_name",
        "target_type",
        "task_id",
        "task_type",
        "task_status",
        "command_id",
        "command_sequence",
        "command_status",
        "command_outcome",
        "history_unsupported_reason",
        "row_status",
        "parallel_group_kind",
        "parallel_group_id",
        "parallel_group_base_sequence",
        "parallel_group_size",
        "parallel_group_index",
        "timeout_fired_at",
    )
)
# A wait that ended in none of these ways was resolved.
_STATUSES: Final = {"open": OPEN, "cancelled": "cancelled"}


class Waits:
    """Lists waits: each when it ends, and those that are open at the end of the history."""

    def __init__(self, section: Section) -> None:
        self._section = section
        self._open: dict[str, JsonObject] = {}

    def begin(
        self, kind: str, ref: str, sequence: int | None, opened_at: str, **known: Any
    ) -> None:
        """A wait began.

        Args:
            kind: `activity`, `timer`, `condition` or `child`.
            ref: The id of what is waited for.
            known: Further members.
        """
        self._open[f"{kind}:{ref}"] = {
            **_EMPTY,
            "id": f"{kind}:{ref}",
            "kind": kind,
            "sequence": sequence,
            "opened_at": opened_at,
            "diagnostic_only": False,
            "external_only": False,
            "parallel_group_path": [],
            "task_backed": known.get("task_id") is not None,
            "resume_source_kind": None,
            "resume_source_id": None,
            "history_authority": "typed_history",
            **known,
        }

    def note(self, kind: str, ref: str, **known: Any) -> None:
        """More is known of an open wait."""
        wait = self._open.get(f"{kind}:{ref}")
        if wait is not None:
            wait |= known

    def end(self, kind: str, ref: str, source_status: str, at: str, summary: str) -> None:
        """A wait ended; one that is not open is skipped."""
        wait = self._open.pop(f"{kind}:{ref}", None)
        if wait is not None:
            self._add(wait, source_status, at, summary)

    def finish(self) -> None:
        """The history is at its end: what is open is listed as open."""
        for wait in self._open.values():
            self._add(wait, OPEN, None, f"Waiting for {wait['kind']}.")
        self._open.clear()

    def _add(self, wait: JsonObject, source_status: str, at: str | None, summary: str) -> None:
        wait |= {
            "status": _STATUSES.get(source_status, "resolved"),
            "source_status": source_status,
            "resolved_at": at,
            "summary": summary,
        }
        self._section.add(wait, key=(wait["sequence"] or 0, wait["opened_at"]))
