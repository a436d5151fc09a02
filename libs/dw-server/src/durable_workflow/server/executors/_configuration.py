"""A configuration that was read: what matches a task, and what cluster info says of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any, Final

from durable_workflow.server.executors._mappings import ActivityMapping, activity_mapping
from durable_workflow.server.executors._problems import Problem
from durable_workflow.server.executors._validation import ACTIVITY, task_queue_of


class ExternalExecutors:
    """The external-executor configuration of a server.

    Args:
        path: Of the file; None where none is configured.
        overlay: The overlay that was asked for.
        document: The configuration with its overlay applied.
        problems: What is wrong with it; anything at all keeps it from being used.
    """

    def __init__(
        self,
        path: str | None,
        overlay: str | None,
        document: Mapping[str, Any],
        problems: Sequence[Problem] = (),
    ) -> None:
        self.problems = tuple(problems)
        self._path = path
        self._overlay = overlay
        self._document: Mapping[str, Any] = {} if self.problems else document
        self._of_activities: dict[tuple[str, str], ActivityMapping] = {}
        defaults = self._document.get("defaults", {})
        for mapping in self._document.get("mappings", ()):
            if mapping["kind"] == ACTIVITY:
                key = (task_queue_of(mapping, defaults), mapping["activity_type"])
                # Of two mappings for one activity the first counts.
                self._of_activities.setdefault(key, activity_mapping(mapping, self._document))

    def warnings(self) -> list[str]:
        """What an operator is told of a configuration that is not used, a line each."""
        return [
            f"the external-executor configuration {self._path} is not used: {each.message} "
            f"({each.code})"
            for each in self.problems
        ]

    def of_activity(self, task_queue: str, activity_type: str) -> ActivityMapping | None:
        """The mapping that matches an activity; None where a worker runs it."""
        return self._of_activities.get((task_queue, activity_type))

    def runtime(self) -> dict[str, Any]:
        """What cluster info says: whether there is a configuration, and what is wrong with it."""
        if self._path is None:
            return _runtime("not_configured")
        source = {
            "type": "file",
            "basename": PurePath(self._path).name,
            "sha256": hashlib.sha256(self._path.encode(errors="surrogateescape")).hexdigest(),
        }
        mappings = self._document.get("mappings", ())
        return _runtime(
            "invalid" if self.problems else "valid",
            source=source,
            overlay=self._overlay,
            carrier_count=len(self._document.get("carriers", ())),
            mapping_count=len(mappings),
            mapping_kinds=sorted({mapping["kind"] for mapping in mappings}),
            errors=[problem.document() for problem in self.problems],
        )


def _runtime(
    status: str,
    *,
    source: dict[str, Any] | None = None,
    overlay: str | None = None,
    carrier_count: int = 0,
    mapping_count: int = 0,
    mapping_kinds: Sequence[str] = (),
    errors: Sequence[dict[str, Any]] = (),
) -> dict[str, Any]:
    return {
        "configured": source is not None,
        "status": status,
        "source": source,
        "overlay": overlay,
        "summary": {
            "carrier_count": carrier_count,
            "mapping_count": mapping_count,
            "mapping_kinds": list(mapping_kinds),
        },
        "errors": list(errors),
    }


NOT_CONFIGURED: Final = ExternalExecutors(None, None, {})
