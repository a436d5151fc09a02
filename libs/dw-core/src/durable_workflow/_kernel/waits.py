"""Stops at condition waits.

A server records that a wait was opened, and opens it again after each wake-up that did not
satisfy it. A wait whose predicate is true at once is not recorded, so the next opening in history
may belong to a later wait. How the two are told apart depends on the server:

* In an ordered history the predicate of a recorded wait was false at that moment, with exactly the
  receivers recorded before it. So the predicate is called first: if it is true, this wait was not
  recorded.
* In other histories receivers are bound to waits, and key and fingerprint tell to which wait an
  opening belongs.
"""

from typing import Any

from durable_workflow._kernel.index import Diverged
from durable_workflow._kernel.kind import Kind
from durable_workflow._kernel.receivers import UNTIL_RESOLVED
from durable_workflow._kernel.replay_state import (
    ReopenedWait,
    ReplayState,
    Resumption,
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
        step: The recorded opening that it is matched with now, or None while history has none.
    """

    def __init__(self, kind: Kind[Any], command: WaitCondition) -> None:
        self.step: WaitStep | None = None
        self._kind = kind
        self._command = command
        self._reopened = 0
        self._time: str | None = None

    def commands(self) -> list[Command]:
        return [self._command]

    def settle(self, run: ReplayState) -> Resumption | None:
        return self._settle_in_order(run) if run.ordered else self._settle_bound(run)

    def _settle_in_order(self, run: ReplayState) -> Resumption | None:
        while True:
            resolved_at = self.step.resolved_at if self.step is not None else None
            self._note(run.apply_due(resolved_at or UNTIL_RESOLVED))
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

    def _settle_bound(self, run: ReplayState) -> Resumption | None:
        if self.step is None:
            step = run.next_step()
            if isinstance(step, WaitStep) and self._is_mine(step):
                self._bind(run, step)
                self._note(run.apply_due(step.resolved_at or UNTIL_RESOLVED))
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

    def _examine(self, run: ReplayState) -> Resumption | None:
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

    def _recorded_answer(self, run: ReplayState) -> Resumption | None:
        step = self.step
        if step is None or step.resolution is None:
            return None
        if step.resolution.value is False:
            self._take(run)
            return Send(False, step.time)
        # The end is recorded, but a predicate that raises still fails the workflow.
        self._holds(run)
        self._take(run)
        return Send(True, self._time)

    def _holds(self, run: ReplayState) -> bool:
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

    def _holds_with_earlier(self, run: ReplayState, step: Step | None) -> bool:
        """Whether signals from before the next wait was opened satisfy this one.

        They are bound to that wait because it is the first one recorded. But they had already
        arrived when this wait, which was not recorded, was passed.
        """
        if not isinstance(step, WaitStep):
            return False
        while receiver := run.receivers.next_of_wait(step, early_within=run.reached):
            self._note(run.apply(receiver))
            if self._holds(run):
                return True
        return False

    def _pass(self, run: ReplayState) -> Resumption:
        """Return True because the predicate is true, without an event that says so."""
        step, reopened = self.step, self._reopened > 0
        self._take(run)
        if step is not None:
            step.on_predicate = True
        run.passed(wait=step, claims=None if step is not None or run.ordered else self._is_mine)
        if reopened and step is not None:
            command = self._command
            run.reopened = ReopenedWait(lambda other: same_wait(other, command, step))
        return Send(True, self._time)

    def _mine(self, run: ReplayState, step: Step) -> WaitStep:
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

    def _reopen(self, run: ReplayState, step: Step) -> bool:
        """Move to the next opening, if this wait was opened again."""
        if not isinstance(step, WaitStep) or self._difference(step) is not None:
            return False
        if not same_wait(step, self._command, self.step) and not self._is_same_key(run, step):
            return False
        self._take(run)
        self._bind(run, step)
        self._reopened += 1
        return True

    def _is_same_key(self, run: ReplayState, step: WaitStep) -> bool:
        """Whether a worker of another SDK opened this wait, which has no key, again.

        Such a worker records a fingerprint of another scheme, or none. Only an ordered history
        makes this certain: there the next wait, while this one is not satisfied, can be no other.
        """
        same_key = (step.key or None) == (self._command.condition_key or None)
        before = self.step.fingerprint if self.step is not None else None
        return run.ordered and same_key and not comparable(before, step.fingerprint)

    def _bind(self, run: ReplayState, step: WaitStep) -> None:
        run.bind_next()
        self.step = step

    def _take(self, run: ReplayState) -> None:
        run.reopened = None
        if self.step is not None:
            run.index.take(1)
            run.bound = 0
            self.step = None

    def _note(self, time: str | None) -> None:
        """Remember the time of the last receiver applied.

        It wakes the wait, so the clock moves there.
        """
        self._time = time or self._time
