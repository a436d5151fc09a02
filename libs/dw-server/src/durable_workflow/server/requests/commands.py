"""What is done to runs: signals, queries, updates, ends, repairs, archiving (control-plane 4)."""

from __future__ import annotations

from typing import Annotated, ClassVar, Final

import msgspec

from durable_workflow.server.fields import (
    Arguments,
    Beside,
    Choice,
    OperationName,
    Payload,
    Text,
    seconds,
)

WAITS: Final = ("accepted", "completed")


class SignalWorkflow(msgspec.Struct, frozen=True, kw_only=True):
    """Send a signal to the current run, or to `run_id` if that is the current one."""

    workflow_id: Annotated[str, Beside()]
    signal_name: Annotated[str, OperationName()]
    run_id: Annotated[str | None, Beside()] = None
    arguments: Annotated[Payload | None, Arguments(name="input")] = None
    request_id: Annotated[str | None, Text()] = None


class UpdateWorkflow(msgspec.Struct, frozen=True, kw_only=True):
    """Ask the current run to apply an update.

    Attributes:
        wait_for: ``accepted`` or ``completed``.
        wait_timeout_seconds: None for the server's own.
    """

    workflow_id: Annotated[str, Beside()]
    update_name: Annotated[str, OperationName()]
    run_id: Annotated[str | None, Beside()] = None
    arguments: Annotated[Payload | None, Arguments(name="input")] = None
    request_id: Annotated[str | None, Text()] = None
    wait_for: Annotated[str, Choice(words=WAITS)] = "accepted"
    wait_timeout_seconds: Annotated[int | None, seconds()] = None

    unsupported: ClassVar[dict[str, str]] = {"wait_policy": "is not supported; use wait_for."}


class CloseWorkflow(msgspec.Struct, frozen=True, kw_only=True):
    """Cancel or terminate the current run."""

    workflow_id: Annotated[str, Beside()]
    run_id: Annotated[str | None, Beside()] = None
    reason: Annotated[str | None, Text(longest=1000)] = None
    request_id: Annotated[str | None, Text()] = None


class RepairWorkflow(msgspec.Struct, frozen=True, kw_only=True):
    """Have the current run go on, if it has stopped."""

    workflow_id: Annotated[str, Beside()]
    request_id: Annotated[str | None, Text()] = None


class ArchiveWorkflow(msgspec.Struct, frozen=True, kw_only=True):
    """Keep the current run, which is closed."""

    workflow_id: Annotated[str, Beside()]
    reason: Annotated[str | None, Text(longest=1000)] = None
    request_id: Annotated[str | None, Text()] = None


class QueryWorkflow(msgspec.Struct, frozen=True, kw_only=True):
    """Ask a worker for a value computed from a run's state."""

    workflow_id: Annotated[str, Beside()]
    query_name: Annotated[str, OperationName()]
    run_id: Annotated[str | None, Beside()] = None
    arguments: Annotated[Payload | None, Arguments(name="input")] = None
    request_id: Annotated[str | None, Text()] = None
