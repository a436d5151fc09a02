"""From the list in a completion to commands. One bad command refuses the whole list."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from durable_workflow.server.engine.commands.continue_as_new import ContinueAsNew
from durable_workflow.server.engine.commands.open_condition_wait import OpenConditionWait
from durable_workflow.server.engine.commands.pass_signal import PassSignal
from durable_workflow.server.engine.commands.record_side_effect import RecordSideEffect
from durable_workflow.server.engine.commands.record_version_marker import RecordVersionMarker
from durable_workflow.server.engine.commands.schedule_activity import ScheduleActivity
from durable_workflow.server.engine.commands.start_child_workflow import StartChildWorkflow
from durable_workflow.server.engine.commands.start_timer import StartTimer
from durable_workflow.server.engine.commands.terminal import CompleteWorkflow, FailWorkflow
from durable_workflow.server.engine.commands.turn import Command
from durable_workflow.server.engine.commands.update_outcomes import CompleteUpdate, FailUpdate
from durable_workflow.server.engine.commands.upsert_search_attributes import (
    UpsertSearchAttributes,
)
from durable_workflow.server.engine.limits import Limits
from durable_workflow.server.engine.payloads import blob_size
from durable_workflow.server.engine.refusal import InvalidCommands, within
from durable_workflow.server.fields import Errors, Reading, Table, shown, table_of
from durable_workflow.server.slices import Slices

_COMMANDS: Final[tuple[type[Command], ...]] = (
    ScheduleActivity,
    StartTimer,
    StartChildWorkflow,
    OpenConditionWait,
    RecordSideEffect,
    RecordVersionMarker,
    UpsertSearchAttributes,
    CompleteUpdate,
    FailUpdate,
    PassSignal,
    CompleteWorkflow,
    FailWorkflow,
    ContinueAsNew,
)
_TABLES: Final[dict[str, Table[Any]]] = {kind.word: table_of(kind) for kind in _COMMANDS}
# A worker that sends one of these on a command of another kind has made a mistake.
_SCOPED: Final = (
    "retry_policy",
    "start_to_close_timeout",
    "schedule_to_start_timeout",
    "schedule_to_close_timeout",
    "heartbeat_timeout",
    "execution_timeout_seconds",
    "run_timeout_seconds",
    "non_retryable",
    "parent_close_policy",
    "delay_seconds",
    "timeout_seconds",
)
_SCOPES: Final = {
    name: frozenset(
        kind for kind, table in _TABLES.items() if any(row.name == name for row in table.rows)
    )
    for name in _SCOPED
}
# These have the limit of payloads: see `PROSE`.
_PROSE: Final = frozenset({"message", "exception_type", "exception_class", "stack_trace"})


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


def parse_commands(
    raw: list[dict[str, Any]], codec: str, limits: Limits
) -> Slices[tuple[Parsed, Errors]]:
    """Read the commands of a completion, with a pause after each.

    Args:
        raw: The list as it came.
        codec: The run's codec, for bare blobs.

    Returns:
        The commands, and the errors by field; with errors the commands must not be used.
    Raises:
        InvalidCommands: The list as a whole cannot be: two ends, one update twice.
        LimitExceeded: There are too many. Then none is read, because the list may be very long.
    """
    within("command_batch_size", len(raw), limits.command_batch_size)
    reading = Reading(codec=codec)
    parsed = Parsed([], None, [], False, False)
    for index, item in enumerate(raw):
        at = f"commands.{index}."
        kind = item.get("type")
        table = _TABLES.get(kind) if isinstance(kind, str) else None
        if table is None or not isinstance(kind, str):
            _refuse_type(kind, f"{at}type", reading)
            continue
        _check_scopes(item, kind, at, reading)
        _check_prose(item, at, reading, limits.payload_bytes)
        command: Command | None = yield from table.read_in_slices(item, reading, at=at)
        if command is not None:
            _add(parsed, command)
        yield
    return parsed, reading.errors


def _refuse_type(kind: object, at: str, reading: Reading) -> None:
    """Note that a command is of no type that there is."""
    if kind is None or (isinstance(kind, str) and not kind.strip()):
        reading.fail(at, "is required.")
    elif not isinstance(kind, str):
        reading.fail(at, "must be a string.")
    else:
        word = shown(kind)
        reading.say(at, f"Workflow task command type [{word}] is not supported by the server yet.")


def _add(parsed: Parsed, command: Command) -> None:
    if command.reads_details:
        parsed.needs_details = True
    if command.step is not None:
        parsed.blocks = True
    if isinstance(command, (CompleteUpdate, FailUpdate)):
        if command.update_id in parsed.update_ids:
            raise InvalidCommands(f"update {command.update_id} is ended twice")
        parsed.update_ids.append(command.update_id)
    if not command.terminal:
        parsed.commands.append(command)
    elif parsed.terminal is not None:
        raise InvalidCommands("a completion holds at most one terminal command")
    else:
        parsed.terminal = command


def _check_scopes(item: dict[str, Any], kind: str, at: str, reading: Reading) -> None:
    for name in _SCOPES.keys() & item.keys():
        if item[name] is not None and kind not in _SCOPES[name]:
            reading.fail(f"{at}{name}", f"does not belong to {kind}.")


def _check_prose(item: dict[str, Any], at: str, reading: Reading, most: int) -> None:
    for name in _PROSE & item.keys():
        if most and blob_size(item[name]) > most:
            reading.fail(f"{at}{name}", f"must not be longer than {most} bytes.")
