"""Writing workflows: decorators, the context, the commands that code yields, and replaying it.

A workflow is a class with a generator method `run(self, ctx, *arguments)`. It yields commands and
gets back their results; it does nothing else with the outside.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from durable_workflow._publish import publish
from durable_workflow.workflow._commands import (
    Command,
    CompleteUpdate,
    CompleteWorkflow,
    ContinueAsNew,
    FailUpdate,
    FailWorkflow,
    RecordSideEffect,
    RecordVersionMarker,
    ScheduleActivity,
    StartChildWorkflow,
    StartTimer,
    UpsertSearchAttributes,
    WaitCondition,
)
from durable_workflow.workflow._context import WorkflowContext
from durable_workflow.workflow._definition import (
    InvalidWorkflowDefinition,
    defn,
    query,
    registry,
    signal,
    update,
    update_validator,
)
from durable_workflow.workflow._policies import (
    ActivityRetryPolicy,
    ActivityRetryPolicyInput,
    ChildWorkflowRetryPolicy,
    ChildWorkflowRetryPolicyInput,
)
from durable_workflow.workflow._wiring import PayloadWarningContext, commands_to_server_commands

if TYPE_CHECKING:
    from durable_workflow._replayer import Replayer as Replayer
    from durable_workflow.workflow._replay import (
        ReplayOutcome,
        apply_update,
        query_state,
        replay,
    )

__all__ = [
    "ActivityRetryPolicy",
    "ActivityRetryPolicyInput",
    "ChildWorkflowRetryPolicy",
    "ChildWorkflowRetryPolicyInput",
    "Command",
    "CompleteUpdate",
    "CompleteWorkflow",
    "ContinueAsNew",
    "FailUpdate",
    "FailWorkflow",
    "InvalidWorkflowDefinition",
    "PayloadWarningContext",
    "RecordSideEffect",
    "RecordVersionMarker",
    "ReplayOutcome",
    "ScheduleActivity",
    "StartChildWorkflow",
    "StartTimer",
    "UpsertSearchAttributes",
    "WaitCondition",
    "WorkflowContext",
    "apply_update",
    "commands_to_server_commands",
    "defn",
    "query",
    "query_state",
    "registry",
    "replay",
    "signal",
    "update",
    "update_validator",
]

publish(globals(), __all__)

# The kernel is built on the commands above, so what runs it is found when first asked for.
_REPLAY_NAMES = frozenset({"ReplayOutcome", "apply_update", "query_state", "replay"})


def __getattr__(name: str) -> Any:
    """Find the replay entry points, and `Replayer` where dw-replay is installed."""
    if name in _REPLAY_NAMES:
        module = import_module("durable_workflow.workflow._replay")
    elif name == "Replayer":
        try:
            module = import_module("durable_workflow._replayer")
        except ModuleNotFoundError as error:
            if error.name != "durable_workflow._replayer":
                raise
            raise ImportError(
                "workflow.Replayer is in the wheel dw-replay, try: pip install dw-replay"
            ) from error
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = getattr(module, name)
    publish(globals(), [name])
    return globals()[name]
