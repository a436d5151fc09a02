"""What this server can do beyond the required, by the names of the wire.

One table: whoever builds an extension puts its name here, and it appears in cluster info and in
every answer of the worker plane.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

Encoding: TypeAlias = Literal["gzip", "deflate"]

# Name to version. A worker uses an extension only when it stands here.
EXTENSIONS: Final[dict[str, int]] = {
    "deregister": 1,
    "held_tasks": 1,
    "passed_signals": 1,
    "prefer_wait": 1,
    "sticky_history": 1,
    "update_validation": 1,
}

# What a completion of a workflow task may hold, beside the commands of extensions.
WORKFLOW_TASK_COMMANDS: Final = (
    "complete_workflow",
    "fail_workflow",
    "continue_as_new",
    "schedule_activity",
    "start_timer",
    "start_child_workflow",
    "complete_update",
    "fail_update",
    "record_side_effect",
    "record_version_marker",
    "upsert_search_attributes",
    "open_condition_wait",
)

# How answers may be compressed.
ENCODINGS: Final[tuple[Encoding, ...]] = ("gzip", "deflate")
