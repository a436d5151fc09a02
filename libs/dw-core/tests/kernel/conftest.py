# pyright: reportPrivateUsage=false, reportUnknownLambdaType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
from typing import Any

import pytest

from durable_workflow._kernel import Machine, Start
from durable_workflow.errors import NonDeterministicReplayError


@pytest.fixture(scope="session")
def outcome_of() -> Any:
    """What a machine says, in a form that two machines can be compared by."""

    def outcome(machine: Any) -> Any:
        return [comparable(command) for command in machine.commands()]

    return outcome


@pytest.fixture(scope="session")
def rebuilt_outcome(outcome_of: Any) -> Any:
    """What a machine rebuilt from a whole history says, an error included."""

    def outcome(workflow_cls: Any, history: Any, arguments: Any, codec: Any = "avro") -> Any:
        machine = Machine(
            workflow_cls, Start(run_id="run-1", arguments=list(arguments), payload_codec=codec)
        )
        try:
            machine.feed(history)
        except NonDeterministicReplayError as error:
            return error.args
        assert not machine.stale
        return outcome_of(machine)

    return outcome


def comparable(command: Any) -> Any:
    """Two waits are the same when they look the same; their predicates are two closures."""
    fields = dict(vars(command))
    fields.pop("predicate", None)
    return type(command).__name__, fields
