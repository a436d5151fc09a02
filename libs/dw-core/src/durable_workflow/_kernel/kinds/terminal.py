"""Commands that end a run."""

from durable_workflow._kernel.kind import Kind
from durable_workflow._kernel.replay_state import Ending
from durable_workflow.workflow._commands import ContinueAsNew


class ContinueAsNewKind(Kind[ContinueAsNew]):
    """The end of this run and the start of the next; yielding it is like returning it."""

    shape = "continue as new"

    def stop(self, command: ContinueAsNew) -> Ending:
        return Ending(command)
