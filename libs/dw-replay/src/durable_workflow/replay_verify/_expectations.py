"""What a case expects of its first command, and what a replay came to."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from durable_workflow.workflow import (
    Command,
    CompleteWorkflow,
    ScheduleActivity,
    StartChildWorkflow,
)

# What is told, and compared, of each command type; the second is what an absent member stands for.
_MEMBERS: Final[Mapping[str, Mapping[str, Any]]] = {
    CompleteWorkflow.__name__: {"result": None},
    ScheduleActivity.__name__: {"activity_type": None, "arguments": []},
    StartChildWorkflow.__name__: {"workflow_type": None},
}


def observed(commands: Sequence[Command]) -> dict[str, Any]:
    """The first command of a replay, as a JSON object."""
    if not commands:
        return {"command_type": None}
    first = commands[0]
    name = type(first).__name__
    members = _MEMBERS.get(name, {})
    return {"command_type": name, **{member: getattr(first, member) for member in members}}


def difference(expected: Mapping[str, Any], found: Mapping[str, Any]) -> str | None:
    """How what was observed differs from what was expected, or None.

    Args:
        expected: A case's `expected`.
        found: What `observed` returned.
    """
    wanted = expected.get("command_type")
    members = _MEMBERS.get(str(wanted))
    if members is None:
        return f"unsupported expected command_type {wanted!r}"
    if wanted != found["command_type"]:
        return f"expected {wanted}, observed {found['command_type']}"
    for member, default in members.items():
        value = expected.get(member, default)
        if value != found[member]:
            return f"expected {member} {value!r}, observed {found[member]!r}"
    return None
