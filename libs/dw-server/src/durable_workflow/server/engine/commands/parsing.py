"""From the list of a completion to commands: the whole list is read, or none of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

import msgspec

from durable_workflow._wire import names
from durable_workflow.server.engine.commands import (
    continue_as_new,
    open_condition_wait,
    pass_signal,
    record_side_effect,
    record_version_marker,
    schedule_activity,
    start_child_workflow,
    start_timer,
    terminal,
    update_outcomes,
    upsert_search_attributes,
)
from durable_workflow.server.engine.commands.fields import Errors
from durable_workflow.server.engine.commands.turn import Command
from durable_workflow.server.engine.limits import Limits
from durable_workflow.server.engine.payloads import blob_size
from durable_workflow.server.engine.refusal import InvalidCommands, within

_Reader: TypeAlias = Callable[[dict[str, Any], str, str, Errors], Command]

_KINDS: Final[dict[str, _Reader]] = {
    names.SCHEDULE_ACTIVITY: schedule_activity.read,
    names.START_TIMER: start_timer.read,
    names.START_CHILD_WORKFLOW: start_child_workflow.read,
    names.OPEN_CONDITION_WAIT: open_condition_wait.read,
    names.RECORD_SIDE_EFFECT: record_side_effect.read,
    names.RECORD_VERSION_MARKER: record_version_marker.read,
    names.UPSERT_SEARCH_ATTRIBUTES: upsert_search_attributes.read,
    names.COMPLETE_UPDATE: update_outcomes.read_complete,
    names.FAIL_UPDATE: update_outcomes.read_fail,
    names.PASS_SIGNAL: pass_signal.read,
    names.COMPLETE_WORKFLOW: terminal.read_complete,
    names.FAIL_WORKFLOW: terminal.read_fail,
    names.CONTINUE_AS_NEW: continue_as_new.read,
}

# Fields that belong to some kinds only; anywhere else they are a mistake of the worker.
_SCOPES: Final[dict[str, frozenset[str]]] = {
    "retry_policy": frozenset({names.SCHEDULE_ACTIVITY, names.START_CHILD_WORKFLOW}),
    **{name: frozenset({names.SCHEDULE_ACTIVITY}) for name in schedule_activity.TIMEOUTS},
    "execution_timeout_seconds": frozenset({names.START_CHILD_WORKFLOW}),
    "run_timeout_seconds": frozenset({names.START_CHILD_WORKFLOW}),
    "non_retryable": frozenset({names.FAIL_WORKFLOW, names.FAIL_UPDATE}),
    "parent_close_policy": frozenset({names.START_CHILD_WORKFLOW}),
    "delay_seconds": frozenset({names.START_TIMER}),
    "timeout_seconds": frozenset({names.OPEN_CONDITION_WAIT}),
}
# What people read. It is bounded as payloads are and not as names are: a failure that is refused
# for the length of its text would be sent again for ever.
_PROSE: Final = frozenset({"message", "exception_type", "exception_class"})
_NEED_DETAILS: Final = frozenset(
    {names.START_CHILD_WORKFLOW, names.UPSERT_SEARCH_ATTRIBUTES, names.CONTINUE_AS_NEW}
)


class Parsed(msgspec.Struct):
    """The commands of a completion.

    Attributes:
        commands: The commands in list order, without the terminal one.
        terminal: The command that ends the run, if there is one, wherever it stood.
        update_ids: The updates that the commands speak of.
        needs_details: Whether a command reads the run's cold half.
        blocks: Whether a command schedules a step that the run waits for.
    """

    commands: list[Command]
    terminal: Command | None
    update_ids: list[str]
    needs_details: bool
    blocks: bool


def parse_commands(raw: list[dict[str, Any]], codec: str, limits: Limits) -> tuple[Parsed, Errors]:
    """Read the commands of a completion.

    Args:
        raw: The list as it came.
        codec: The run's codec, for bare blobs.

    Returns:
        The commands, and the errors by field; with errors the commands must not be used.
    Raises:
        InvalidCommands: The list as a whole cannot be: two ends, one update twice.
        LimitExceeded: There are too many. Then none is read: the list may be hundreds of times too
            long.
    """
    within("command_batch_size", len(raw), limits.command_batch_size)
    errors: Errors = {}
    parsed = Parsed([], None, [], False, False)
    for index, item in enumerate(raw):
        at = f"commands.{index}"
        kind = item.get("type")
        reader = _KINDS.get(kind) if isinstance(kind, str) else None
        if reader is None or not isinstance(kind, str):
            errors[f"{at}.type"] = [
                f"Workflow task command type [{kind}] is not supported by the server yet."
            ]
            continue
        _check_scopes(item, kind, at, errors)
        _check_prose(item, at, errors, limits.payload_bytes)
        command = reader(item, at, codec, errors)
        _add(parsed, command, kind)
    return parsed, errors


def _add(parsed: Parsed, command: Command, kind: str) -> None:
    if kind in _NEED_DETAILS:
        parsed.needs_details = True
    if command.step is not None:
        parsed.blocks = True
    if isinstance(command, update_outcomes.CompleteUpdate | update_outcomes.FailUpdate):
        if command.update_id in parsed.update_ids:
            raise InvalidCommands(f"update {command.update_id} is ended twice")
        parsed.update_ids.append(command.update_id)
    if not command.terminal:
        parsed.commands.append(command)
    elif parsed.terminal is not None:
        raise InvalidCommands("a completion holds at most one terminal command")
    else:
        parsed.terminal = command


def _check_scopes(item: dict[str, Any], kind: str, at: str, errors: Errors) -> None:
    for name in _SCOPES.keys() & item.keys():
        if item[name] is not None and kind not in _SCOPES[name]:
            errors[f"{at}.{name}"] = [f"The {at}.{name} field does not belong to {kind}."]


def _check_prose(item: dict[str, Any], at: str, errors: Errors, most: int) -> None:
    for name in _PROSE & item.keys():
        if most and blob_size(item[name]) > most:
            errors[f"{at}.{name}"] = [
                f"The {at}.{name} field must not be longer than {most} bytes."
            ]
