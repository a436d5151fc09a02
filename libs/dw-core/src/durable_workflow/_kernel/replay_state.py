"""The state of one replay, which all stops of the code share.

A *stop* is a yield at which the code waits. Settling it looks in the index for its resolution and
resumes the code with that. Some stops are passed without a recorded resolution: a new marker, or a
predicate that is already true. The code is then *ahead* of history, and the events recorded later
must confirm what it did.
"""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from durable_workflow._kernel.index import Diverged, Index
from durable_workflow._kernel.kind import Kind
from durable_workflow._kernel.receivers import UNTIL_RESOLVED, Receiver, ReceiverQueue
from durable_workflow._kernel.steps import Step, WaitStep
from durable_workflow.errors import NonDeterministicReplayError
from durable_workflow.workflow._commands import Command, ContinueAsNew, WaitCondition
from durable_workflow.workflow._context import ContextControl


@dataclass(slots=True)  # not frozen: there is one for each step
class Send:
    """Resume the code with a value; `time` moves its clock."""

    value: Any
    time: str | None = None


@dataclass(frozen=True, slots=True)
class Throw:
    """Raise an error where the code waits."""

    error: Exception
    time: str | None = None


@dataclass(frozen=True, slots=True)
class Finish:
    """End the run with a terminal command, as returning it does."""

    command: ContinueAsNew


Resumption: TypeAlias = Send | Throw | Finish


class WorkflowFailure(Exception):
    """The workflow fails: an error in its code, or something that does not match history.

    Attributes:
        message: What the failure says.
        exception_type: The type that it names.
        mismatch: Code and history do not match: replay found that, no code raised it.
    """

    def __init__(self, message: str, exception_type: str, *, mismatch: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.exception_type = exception_type
        self.mismatch = mismatch


class Stop(ABC):
    """A yield at which the code waits."""

    @abstractmethod
    def settle(self, run: "ReplayState") -> Resumption | None:
        """What resumes the code, or None while it has to wait."""

    @abstractmethod
    def commands(self) -> list[Command]:
        """The commands of a completion while the code waits here."""


@dataclass(frozen=True, slots=True)
class Ending(Stop):
    """A yielded terminal command."""

    command: ContinueAsNew

    def settle(self, run: "ReplayState") -> Resumption:
        run.apply_due()
        return Finish(self.command)

    def commands(self) -> list[Command]:
        return [self.command]


@dataclass(frozen=True, slots=True)
class Ahead:
    """A stop that was passed although it is not recorded, or is recorded without a resolution.

    Attributes:
        position: How much history was known when it was passed.
        command: The new marker to record, or None where nothing is.
        confirm: Whether a recorded step is the one that was passed.
        wait: The recorded wait that was passed on its predicate alone.
        claims: Whether a replay would take a recorded step for the one that was passed.
    """

    position: int
    command: Command | None = None
    confirm: Callable[[Step], bool] | None = None
    wait: WaitStep | None = None
    claims: Callable[[Step], bool] | None = None


@dataclass(slots=True, eq=False)
class ReopenedWait:
    """A wait that a predicate ended after it had been opened more than once."""

    is_same: Callable[[WaitStep], bool]


@dataclass(frozen=True, slots=True)
class Mismatch:
    """How the code differs from a recorded step, for the error that reports it."""

    step: Step
    shape: str
    detail: str | None = None


class ReplayState:
    """The state that the stops of one replay share.

    Attributes:
        index: History as steps.
        receivers: Signals and updates still to be applied.
        control: The clock and the logger of the workflow's context.
        ordered: The server buffers events while a task is leased, so that the order of history is
            the order in which the code saw them.
        bound: How many untaken steps the current stop has yielded.
        ahead: Stops that were passed and that history has not confirmed.
        fresh: The code came to the current stop during this feed.
        stop_number: Number of the current stop.
        reopened: Set while the last wait ended as `ReopenedWait` says.
        suspect: A recorded step that the code skipped, and what it asked for instead. It is not an
            error yet. If the code never asks for the step, it explains the mismatch.
    """

    def __init__(
        self, index: Index, control: ContextControl, apply: Callable[[Receiver], None]
    ) -> None:
        self.index = index
        self.receivers = ReceiverQueue()
        self.control = control
        self.ordered = False
        self.bound = 0
        self.ahead: deque[Ahead] = deque()
        self.fresh = True
        self.stop_number = 0
        self.reopened: ReopenedWait | None = None
        self.suspect: Mismatch | None = None
        self._apply = apply

    @property
    def reached(self) -> int:
        """How many recorded steps the code has yielded."""
        return self.index.taken + self.bound

    def next_step(self) -> Step | None:
        """The first recorded step that the code has not yielded."""
        return self.index.peek(self.bound)

    def bind_next(self) -> None:
        """The current stop yielded the next recorded step, so everything before it is confirmed.

        Raises:
            Diverged: Something that was passed is not in history, or this step, or a receiver
                recorded before it, belonged to a stop that was passed without it.
        """
        step = self.next_step() if self.ahead else None
        if step is not None:
            unrecorded = any(entry.confirm is not None for entry in self.ahead)
            taken = any(entry.claims is not None and entry.claims(step) for entry in self.ahead)
            if unrecorded or taken or self._missed_receiver():
                raise Diverged
            self.ahead.clear()
        self.bound += 1

    def check(self, kind: Kind[Any], command: Any, step: Step) -> None:
        """Compare a command with the step that is recorded in its place.

        Raises:
            NonDeterministicReplayError: They are not the same.
        """
        if step.kind is not kind:
            self.mismatch(step, kind.shape)
        asked = kind.asked_detail(command)
        if step.detail is not None and asked is not None and step.detail != asked:
            self.mismatch(step, f"{kind.shape}:{asked}", kind.difference(step.detail, asked))

    def mismatch(self, step: Step, shape: str, detail: str | None = None) -> None:
        """Report that the code asks for something other than what is recorded.

        Raises:
            NonDeterministicReplayError: Always, unless the code came here before this feed: then
                the machine may have been wrong earlier, and only a full replay can tell.
        """
        if not self.fresh:
            raise Diverged
        found = Mismatch(step, shape, detail)
        if self.suspect is not None and self.suspect.step is step:
            found = self.suspect
        raise NonDeterministicReplayError(
            step.number, found.shape, step.event_types, detail=found.detail
        )

    def fail(self, message: str, exception_type: str) -> None:
        """Fail the workflow because history and code do not match."""
        if not self.fresh:
            raise Diverged
        raise WorkflowFailure(message, exception_type, mismatch=True)

    def apply_due(self, until: float = UNTIL_RESOLVED) -> str | None:
        """Apply the receivers that are due at the current stop, and return the time of the last."""
        if self._missed_receiver(until):
            raise Diverged
        time: str | None = None
        while (receiver := self.receivers.next_by_position(self.reached, until)) is not None:
            time = self.apply(receiver) or time
        return time

    def _missed_receiver(self, until: float = UNTIL_RESOLVED) -> bool:
        """Whether a replay of the history known now would have applied one at a passed stop."""
        return bool(self.ahead) and self.receivers.due(
            self.reached, until, since=self.ahead[0].position
        )

    def apply(self, receiver: Receiver) -> str | None:
        """Run the handler of one receiver, unless it ran already, and return its event's time.

        Raises:
            Diverged: It ran at a stop other than the one at which a replay would run it.
        """
        receiver.applied_at = self.stop_number
        if receiver.ran_at is None:
            self._apply(receiver)
        elif receiver.ran_at != self.stop_number:
            raise Diverged
        receiver.arguments = []  # free them: a bound receiver may be kept for long
        return receiver.time

    def passed(
        self,
        command: Command | None = None,
        confirm: Callable[[Step], bool] | None = None,
        wait: WaitStep | None = None,
        claims: Callable[[Step], bool] | None = None,
    ) -> None:
        """Remember that the code passed a stop that history does not confirm yet."""
        self.ahead.append(Ahead(self.index.position, command, confirm, wait, claims))

    def confirm_ahead(self) -> None:
        """Compare the stops that were passed with what has been recorded since.

        Raises:
            Diverged: Something else was recorded.
        """
        while self.ahead:
            entry = self.ahead[0]
            recorded_at = self._confirmed_at(entry)
            if recorded_at is None:
                return
            if self._missed_receiver(recorded_at):
                raise Diverged
            if entry.confirm is not None and not entry.confirm(self.index.take(1)[0]):
                raise Diverged
            self.ahead.popleft()

    def _confirmed_at(self, entry: Ahead) -> int | None:
        """Position of the event that shows that the first stop ahead was passed; None so far."""
        if entry.wait is not None and entry.wait.resolved_at is not None:
            return entry.wait.resolved_at
        markers = any(other.confirm is not None for other in self.ahead)
        step = self.index.peek() if markers else None
        if step is None or step.resolved_at is None:
            # Either nothing is recorded, or it is the current stop's: see bind_next.
            return None
        return step.resolved_at


def same_wait(step: WaitStep, command: WaitCondition, current: WaitStep | None) -> bool:
    """Whether a recorded opening is this same wait, opened again."""
    fingerprint = command.condition_definition_fingerprint
    known = {fingerprint, current.fingerprint if current is not None else None} - {None, ""}
    same_key = bool(step.key) and step.key == command.condition_key
    return same_key or step.fingerprint in known
