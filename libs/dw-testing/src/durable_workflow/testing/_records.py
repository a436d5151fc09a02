"""What an environment remembers of the runs that it executed."""

from dataclasses import dataclass, field
from typing import Any


@dataclass
class WorkflowRunRecord:
    """One run of a chain.

    Attributes:
        workflow_type: The type that ran.
        input: Decoded positional arguments of `run`.
        history: The events of the run, as a server would record them. `replay_history` takes them.
        terminal: How it ended: a `CompleteWorkflow`, a `ContinueAsNew`, or the exception that was
            raised, such as `WorkflowFailed`; None while it runs.
    """

    workflow_type: str
    input: list[Any]
    history: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    terminal: Any = None
