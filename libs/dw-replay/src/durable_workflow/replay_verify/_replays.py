"""One replay whose end is a value, whatever its code does."""

import traceback
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from durable_workflow import serializer
from durable_workflow._kernel import Machine, Start
from durable_workflow._kernel.kind import Decode
from durable_workflow._replayer import Recording
from durable_workflow.errors import NonDeterministicReplayError
from durable_workflow.workflow import Command, FailWorkflow


@dataclass(frozen=True, slots=True)
class Replay:
    """How a replay ended.

    Attributes:
        machine: What replayed; None where it could not begin.
        error: What left the replay, or None.
        commands: What the code would ask for next; empty with an error.
    """

    machine: Machine | None
    error: BaseException | None
    commands: list[Command]

    @property
    def failure(self) -> FailWorkflow | None:
        """The failure that the run ends in, if it does."""
        first = self.commands[0] if self.commands else None
        return first if isinstance(first, FailWorkflow) else None

    @property
    def mismatch(self) -> NonDeterministicReplayError | FailWorkflow | None:
        """What says that code and history do not go together, if they do not."""
        if isinstance(self.error, NonDeterministicReplayError):
            return self.error
        mismatched = self.machine is not None and self.machine.mismatched
        return self.failure if mismatched else None

    @property
    def went_on(self) -> bool:
        """Whether history has steps that the code has not yielded."""
        return self.machine is not None and bool(self.machine.standing.untaken)


def start_of(
    recording: Recording, start_input: list[Any] | None, decode: Decode | None = None
) -> Start:
    """What a recorded run was started with.

    Raises:
        ValueError: Its start input does not decode.
    """
    decode = decode or serializer.decode_envelope
    codec = recording.payload_codec
    if start_input is None:
        start_input = recording.arguments(codec, decode)
    return Start(
        workflow_id=recording.workflow_id,
        run_id=recording.run_id or "",
        arguments=start_input,
        payload_codec=codec,
        decode=decode,
        silent=True,
    )


def replay_events(workflow_cls: type, start: Start, events: Iterable[Mapping[str, Any]]) -> Replay:
    """Replay a history. Only an interruption by the keyboard leaves this function."""
    machine: Machine | None = None
    try:
        machine = Machine(workflow_cls, start)
        machine.feed(events)
        return Replay(machine, None, machine.commands())
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 (code of the author may raise anything)
        return Replay(machine, error, [])


def error_block(error: BaseException, *, with_traceback: bool = False) -> dict[str, Any]:
    """The block `error` of a report."""
    block: dict[str, Any] = {"class": type(error).__name__, "message": str(error)}
    if isinstance(error, NonDeterministicReplayError):
        block |= mismatch_fields(error)
    if with_traceback:
        block["traceback"] = "".join(traceback.format_exception(error))
    return block


def mismatch_fields(error: NonDeterministicReplayError) -> dict[str, Any]:
    """The place, the recorded and the asked of an error, as reports name them."""
    return {
        "workflow_sequence": error.workflow_sequence,
        "expected_shape": error.expected_shape,
        "recorded_event_types": error.recorded_event_types,
    }
