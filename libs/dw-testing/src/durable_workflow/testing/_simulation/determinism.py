"""Whether a replay of a whole history does what the first execution did."""

from typing import TYPE_CHECKING, Any

from durable_workflow._wire import names
from durable_workflow.errors import NonDeterministicReplayError, WorkflowFailed
from durable_workflow.testing._simulation.payloads import decoded, encoded
from durable_workflow.testing._simulation.places import note_places
from durable_workflow.workflow import Command, CompleteWorkflow, ContinueAsNew, FailWorkflow

if TYPE_CHECKING:
    from durable_workflow.testing._simulation.run import SimulatedRun


def check_determinism(run: "SimulatedRun", terminal: Any) -> None:
    """Replay a run that has ended, as a worker does that did not see it begin.

    Args:
        run: The run; its history is complete.
        terminal: How it ended.
    Raises:
        NonDeterministicReplayError: The replay asks for something else, or ends in another way.
    """
    machine = run.new_machine()
    try:
        machine.feed(run.record.history)
        (*_, last) = machine.commands()
    except NonDeterministicReplayError as error:
        note_places(error, "A replay of the finished run asked here:", machine.standing.places)
        raise
    finally:
        machine.close()
    first, again = _shown(terminal), _shown(last)
    if first != again:
        raise NonDeterministicReplayError(
            run.next_sequence(),
            again[0],
            [_EVENTS[first[0]]],
            detail=(
                f"It first ended with {first[1]!r}, and a replay of the same history with "
                f"{again[1]!r}: something in the workflow's code, such as a clock, chance or a "
                "global variable, is not the same each time."
            ),
        )


_EVENTS = {
    "complete workflow": names.WORKFLOW_COMPLETED,
    "continue as new": names.WORKFLOW_CONTINUED_AS_NEW,
    "fail workflow": names.WORKFLOW_FAILED,
}


def _shown(end: Command | WorkflowFailed) -> tuple[str, Any]:
    """An end as two of them are compared, in values that have travelled.

    Of a failure its type: messages may well hold addresses of objects.
    """
    match end:
        case CompleteWorkflow():
            return "complete workflow", decoded(encoded(end.result))
        case ContinueAsNew():
            return "continue as new", (end.workflow_type, decoded(encoded(end.arguments)))
        case FailWorkflow():
            return "fail workflow", end.exception_type or ""
        case WorkflowFailed():
            return "fail workflow", end.exception_class or ""
        case _:
            return type(end).__name__, None
