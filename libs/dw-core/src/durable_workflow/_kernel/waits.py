"""Stops at condition waits.

A server records that a wait was opened, and opens it again after each wake-up that did not
satisfy it. A wait whose predicate holds at once leaves no trace at all, so the opening that comes
next in history may be of a later wait. How that is told depends on the server:

* In an ordered history a wait that was recorded was false at that moment, with exactly the
  receivers recorded before it. So the predicate is asked first; a wait that holds is none that
  was recorded.
* In other histories receivers belong to waits by binding, and key and fingerprint tell whose an
  opening is.
"""

from typing import Any

from durable_workflow._kernel.index import Diverged
from durable_workflow._kernel.kind import Kind
from durable_workflow._kernel.receivers import UNTIL_ANSWERED
from durable_workflow._kernel.run import (
    Answer,
    ReopenedWait,
    Run,
    Send,
    Stop,
    WorkflowFailure,
    same_wait,
)
from durable_workflow._kernel.steps import Step, WaitStep
from durable_workflow._wire.fingerprints import comparable
from durable_workflow._wire.texts import error_text
from durable_workflow.errors import NonDeterministicReplayError
from durable_workflow.workflow._checks import shown
from durable_workflow.workflow._commands import Command, WaitCondition

_FAILURE_TYPE = "NonDeterministicWaitCondition"


class ConditionWait(Stop):
    """A yielded wait.

    Attributes:
        step: The recorded opening that stands for it now, or None while history has none.
    """

    def __init__(self, kind: Kind[Any], command: WaitCondition) -> None:
        self.step: WaitStep | None = None
        self._kind = kind
        self._command = command
        self._reopened = 0
        self._time: str | None = None

    def commands(self) -> list[Command]:
        return [self._command]

    def settle(self, run: Run) -> Answer | None:
        return self._settle_in_order(run) if run.ordered else self._settle_bound(run)

    def _settle_in_order(self, run: Run) -> Answer | None:
        while True:
            answered_at = self.step.resolved_at if self.step is not None else None
            self._note(run.apply_due(answered_at or UNTIL_ANSWERED))
            answer = self._recorded_answer(run)
            if answer is not None:
                return answer
            if self._holds(run):
                return self._pass(run)
            step = run.next_step()
            if step is None:
                return None
            if self.step is None:
                self._bind(run, self._mine(run, step))
            elif not self._reopen(run, step):
                run.mismatch(step, self._kind.shape)

    def _settle_bound(self, run: Run) -> Answer | None:
        if self.step is None:
            step = run.next_step()
            if isinstance(step, WaitStep) and self._is_mine(step):
                self._bind(run, step)
                self._note(run.apply_due(step.resolved_at or UNTIL_ANSWERED))
            else:
                self._note(run.apply_due())
                if self._holds(run) or self._holds_with_earlier(run, step):
                    return self._pass(run)
                if step is None:
                    return None
                self._mine(run, step)
        elif run.receivers.due(run.reached):
            raise Diverged  # a full replay may apply it before those that were bound to the wait
        return self._examine(run)

    def _examine(self, run: Run) -> Answer | None:
        """Go through the openings of this wait, applying what is bound to each."""
        while self.step is not None:
            while (receiver := run.receivers.next_of_wait(self.step)) is not None:
                self._note(run.apply(receiver))
            answer = self._recorded_answer(run)
            if answer is not None:
                return answer
            if self._holds(run):
                return self._pass(run)
            step = run.next_step()
            if step is None or not self._reopen(run, step):
                return None
        return None

    def _recorded_answer(self, run: Run) -> Answer | None:
        step = self.step
        if step is None or step.outcome is None:
            return None
        if step.outcome.value is False:
            self._take(run)
            return Send(False, step.time)
        self._holds(run)  # the outcome is recorded, but a predicate that raises still fails
        self._take(run)
        return Send(True, self._time)

    def _holds(self, run: Run) -> bool:
        with run.control.silent():
            predicate: Any = self._command.predicate
            if not callable(predicate):
                raise WorkflowFailure(
                    f"wait_condition predicate raised: {type(predicate).__name__!r} object is not "
                    "callable: give a function without arguments, as in "
                    f"`lambda: self.approved`, not {shown(predicate)}",
                    TypeError.__name__,
                )
            try:
                return bool(predicate())
            except NonDeterministicReplayError:
                raise
            except Exception as error:
                raise WorkflowFailure(
                    f"wait_condition predicate raised: {error_text(error)}", type(error).__name__
                ) from error

    def _holds_with_earlier(self, run: Run, step: Step | None) -> bool:
        """Whether signals from before the next wait was opened satisfy this one.

        They are bound to that wait because it is the first that history knows; but they were
        there when this one, which left no trace, was passed.
        """
        if not isinstance(step, WaitStep):
            return False
        while receiver := run.receivers.next_of_wait(step, early_within=run.reached):
            self._note(run.apply(receiver))
            if self._holds(run):
                return True
        return False

    def _pass(self, run: Run) -> Answer:
        """Return True on the predicate's word."""
        step, reopened = self.step, self._reopened > 0
        self._take(run)
        if step is not None:
            step.on_predicate = True
        run.passed(wait=step, claims=None if step is not None or run.ordered else self._is_mine)
        if reopened and step is not None:
            command = self._command
            run.reopened = ReopenedWait(lambda other: same_wait(other, command, step))
        return Send(True, self._time)

    def _mine(self, run: Run, step: Step) -> WaitStep:
        """The next recorded step as the opening of this wait, or an error."""
        if not isinstance(step, WaitStep):
            run.mismatch(step, self._kind.shape)
            raise AssertionError("a mismatch is always reported")
        difference = self._difference(step)
        if difference is not None:
            run.fail(difference, _FAILURE_TYPE)
        return step

    def _difference(self, step: WaitStep) -> str | None:
        """How a recorded opening differs from this wait, or None."""
        key, fingerprint = self._command.condition_key, self._fingerprint
        if step.key is not None and step.key != (key or ""):
            return (
                f"wait_condition key changed during replay: history has {step.key!r}, "
                f"workflow yielded {key!r}"
            )
        recorded = step.fingerprint
        if comparable(recorded, fingerprint) and recorded != fingerprint:
            return (
                "wait_condition predicate fingerprint changed during replay: history has "
                f"{recorded!r}, workflow yielded {fingerprint!r}"
            )
        return None

    def _is_mine(self, step: Step) -> bool:
        return isinstance(step, WaitStep) and self._difference(step) is None

    @property
    def _fingerprint(self) -> str | None:
        return self._command.condition_definition_fingerprint

    def _reopen(self, run: Run, step: Step) -> bool:
        """Go on to the next opening, if it is of this wait again."""
        if not isinstance(step, WaitStep) or self._difference(step) is not None:
            return False
        if not same_wait(step, self._command, self.step) and not self._is_same_key(run, step):
            return False
        self._take(run)
        self._bind(run, step)
        self._reopened += 1
        return True

    def _is_same_key(self, run: Run, step: WaitStep) -> bool:
        """Whether another SDK's worker opened this wait again, which has no key.

        Its fingerprint is of another scheme, or it gave none. Only an ordered history is that
        certain: there the wait that stands next while this one is not satisfied can be no other.
        """
        same_key = (step.key or None) == (self._command.condition_key or None)
        before = self.step.fingerprint if self.step is not None else None
        return run.ordered and same_key and not comparable(before, step.fingerprint)

    def _bind(self, run: Run, step: WaitStep) -> None:
        run.bind_next()
        self.step = step

    def _take(self, run: Run) -> None:
        run.reopened = None
        if self.step is not None:
            run.index.take(1)
            run.bound = 0
            self.step = None

    def _note(self, time: str | None) -> None:
        """The receiver applied last wakes a wait; its time is the code's when it goes on."""
        self._time = time or self._time
