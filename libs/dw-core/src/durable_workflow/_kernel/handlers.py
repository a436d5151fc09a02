"""Handlers of recorded signals and updates: called at every replay, their results ignored."""

from collections.abc import Callable
from typing import Any, Final

from durable_workflow._kernel.receivers import Receiver
from durable_workflow._kernel.run import WorkflowFailure
from durable_workflow._wire.texts import failure_message
from durable_workflow.errors import NonDeterministicReplayError
from durable_workflow.workflow._context import ContextControl

_TABLES: Final = {"signal": "__workflow_signals__", "update": "__workflow_updates__"}


class Handlers:
    """The receivers of one workflow instance.

    Attributes:
        instance: The workflow; set once it exists.
    """

    def __init__(
        self,
        workflow_cls: type,
        control: ContextControl,
        clock: Callable[[str | None], str | None],
    ) -> None:
        self.instance: Any = None
        self._class = workflow_cls
        self._control = control
        self._clock = clock

    def apply(self, receiver: Receiver) -> None:
        """Call the handler of one receiver; a signal that nobody listens to is dropped.

        Raises:
            WorkflowFailure: The handler raised, or history has an update that the code has not.
        """
        table: dict[str, str] = getattr(self._class, _TABLES[receiver.kind], {})
        attribute = table.get(receiver.name)
        if attribute is None:
            if receiver.kind == "signal":
                return
            raise WorkflowFailure(
                f"unknown update {receiver.name!r} in workflow history",
                TypeError.__name__,
                mismatch=True,
            )
        with self._control.silent(), self._control.at(self._clock(receiver.time)):
            try:
                getattr(self.instance, attribute)(*receiver.arguments)
            except NonDeterministicReplayError:
                raise
            except Exception as error:
                raise WorkflowFailure(failure_message(error), type(error).__name__) from error
