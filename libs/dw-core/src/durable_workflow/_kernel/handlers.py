"""Handlers of recorded signals and updates: called at every replay, their results ignored."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from durable_workflow._conversion import Fit
from durable_workflow._kernel.receivers import Receiver
from durable_workflow._kernel.replay_state import WorkflowFailure
from durable_workflow._signatures import signature_of
from durable_workflow._wire.texts import failure_message, known_names
from durable_workflow.errors import ArgumentMismatch, NonDeterministicReplayError
from durable_workflow.workflow._context import ContextControl

_TABLES: Final = {"signal": "__workflow_signals__", "update": "__workflow_updates__"}


@dataclass(frozen=True, slots=True)
class PassedSignal:
    """A signal that was not applied: it has no handler, or its arguments do not fit that.

    Attributes:
        name: The signal's name on the wire.
        sequence: Sequence of its event, or None where history has none.
        reason: Why: what does not fit, in the words of Python's `TypeError`.
        has_handler: Whether there is a handler.
    """

    name: str
    sequence: int | None
    reason: str
    has_handler: bool = True


class Handlers:
    """The receivers of one workflow instance.

    Attributes:
        instance: The workflow; set once it exists.
        passed: Signals that were not applied and that nobody has taken from here yet.
    """

    def __init__(
        self,
        workflow_cls: type,
        control: ContextControl,
        clock: Callable[[str | None], str | None],
        fit: Fit,
    ) -> None:
        self.instance: Any = None
        self.passed: list[PassedSignal] = []
        self._unknown: set[str] = set()
        self._class = workflow_cls
        self._control = control
        self._clock = clock
        self._fit = fit

    def apply(self, receiver: Receiver) -> None:
        """Call the handler of one receiver.

        A signal without a handler, or whose arguments do not fit its handler, is skipped and noted
        in `passed`: anyone may send one, and it must not fail the run. Of the signals of one
        unknown name the first is noted.

        Raises:
            WorkflowFailure: The handler raised, the code has no handler for a recorded update, or
                the handler does not accept the recorded arguments.
        """
        table: dict[str, str] = getattr(self._class, _TABLES[receiver.kind], {})
        attribute = table.get(receiver.name)
        if attribute is None:
            if receiver.kind == "signal":
                self._pass_unknown(receiver, table)
                return
            raise WorkflowFailure(
                f"unknown update {receiver.name!r} in workflow history",
                TypeError.__name__,
                mismatch=True,
            )
        handler = getattr(self.instance, attribute)
        with self._control.silent(), self._control.at(self._clock(receiver.time)):
            try:
                handler(*self._fit(handler, receiver.arguments))
            except NonDeterministicReplayError:
                raise
            except Exception as error:
                reason = misfit(handler, receiver.arguments, error)
                if reason is not None and receiver.kind == "signal":
                    self.passed.append(PassedSignal(receiver.name, receiver.sequence, reason))
                    return
                raise WorkflowFailure(
                    failure_message(error), type(error).__name__, mismatch=reason is not None
                ) from error

    def _pass_unknown(self, receiver: Receiver, table: dict[str, str]) -> None:
        if receiver.name not in self._unknown:
            self._unknown.add(receiver.name)
            known = known_names(receiver.name, table, "its signals are:")
            reason = f"the workflow has no signal of that name{known}"
            self.passed.append(PassedSignal(receiver.name, receiver.sequence, reason, False))


def misfit(handler: Callable[..., Any], arguments: list[Any], error: Exception) -> str | None:
    """Why a handler that raised an error cannot be called with arguments; None where it can."""
    if isinstance(error, ArgumentMismatch):
        return str(error)
    if type(error) is not TypeError:
        return None
    try:
        signature_of(handler).bind(*arguments)
    except TypeError as error:
        return str(error)
    except ValueError:  # no signature, as for some callables written in C
        return None
    return None
