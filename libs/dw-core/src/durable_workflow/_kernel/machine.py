"""The machine: it is fed events and runs the workflow's code as far as history goes.

There it gives commands and answers queries and updates. It also says whether it may be kept and fed
more events.
"""

import contextlib
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from durable_workflow._kernel.batches import Batch
from durable_workflow._kernel.execution import Execution, Start
from durable_workflow._kernel.foreseen import events_of_result
from durable_workflow._kernel.handlers import PassedSignal
from durable_workflow._kernel.index import Diverged
from durable_workflow._kernel.queries import replay_failed, run_query
from durable_workflow._kernel.replay_state import WorkflowFailure
from durable_workflow._kernel.sizes import estimated_size
from durable_workflow._kernel.states import state_mark
from durable_workflow._kernel.updates import run_update, validate_update
from durable_workflow._kernel.waits import ConditionWait
from durable_workflow._wire.events import Event, read_event
from durable_workflow._wire.json_values import JsonObject
from durable_workflow.errors import WorkflowPayloadDecodeError
from durable_workflow.workflow._commands import (
    Command,
    CompleteUpdate,
    FailUpdate,
    FailWorkflow,
    ScheduleActivity,
)

# What each context has of its own.
_OF_CONTEXT: Final = frozenset({"_control", "logger"})


class Machine(Execution):
    """One run being replayed.

    Attributes:
        stale: A replay of the whole history may give something else than this machine: drop it and
            rebuild. Also set when `feed` raised.
        spent: An update was run on this machine's state. It can only be used again if it `awaits`
            that update and is fed its event.
    """

    def __init__(self, workflow_cls: type, start: Start) -> None:
        """Make a machine that has seen no history.

        Args:
            workflow_cls: The workflow class; it is instantiated without arguments.
            start: What the run was started with.
        """
        super().__init__(workflow_cls, start)
        self.stale = False
        self.spent = False
        self._size = 0
        self._sized_until = 0
        self._behind = True  # the code has not run over everything that was fed, or has not started
        self._exact = False  # an update is run as a replay will

    @property
    def last_sequence(self) -> int:
        """Highest event sequence that was fed; 0 where history has none."""
        return self._history.last_sequence

    @property
    def event_count(self) -> int:
        """How many events were fed."""
        return self._history.index.position

    @property
    def closing(self) -> Event | None:
        """The recorded event that closed the run; None while it is open."""
        return self._history.closing

    @property
    def closed(self) -> bool:
        """Whether the run is over, in history or as far as this machine knows."""
        return self._ended is not None or self._history.terminal

    @property
    def open_wait_id(self) -> str | None:
        """The server's id of the condition wait at which the code stands, if it was recorded."""
        step = self._stop.step if isinstance(self._stop, ConditionWait) else None
        return step.wait_id if step is not None else None

    @property
    def needs_outcomes(self) -> bool:
        """Whether only a step's resolution resumes the code, and no signal or update does.

        Signals and updates that are fed between two tasks are then applied at the same stop as in
        any later replay.
        """
        return self._history.ordered and isinstance(self._stop, Batch)

    @property
    def awaits(self) -> bool:
        """Whether an update was run on this machine and only its event is still missing.

        A replay applies an update at its event, with the event's time and without the validator.
        The state here is the same only if the handler ran at that same stop and did not ask for the
        time. So the machine is not kept after an update that failed, that asked for the time, whose
        validator changed the state, or that ran while the code was ahead of history: past a marker
        that is not recorded, or a wait that its predicate ended.
        """
        return self._history.awaited is not None

    @property
    def instance(self) -> Any:
        """The replayed workflow. Callers only read it."""
        self._catch_up()
        self._require_usable()
        return self._handlers.instance

    @property
    def state_mark(self) -> object:
        """A mark of the workflow's state. Two marks of one machine differ if the state changed.

        Marks of a state that is too large to be compared are always equal.
        """
        return state_mark(self._handlers.instance, self.size_hint_bytes)

    @property
    def size_hint_bytes(self) -> int:
        """Roughly the memory that this machine holds; estimated again as history grows."""
        position = self._history.index.position
        if position >= self._sized_until:
            frame = self._driver.frame_locals if self._driver is not None else {}
            kept = [self._history.index.untaken, self._run.receivers.waiting]
            # The context is in what all machines have, but for what the code has put there.
            kept += [each for name, each in vars(self._context).items() if name not in _OF_CONTEXT]
            roots = [self._handlers.instance, frame, *kept]
            self._size = estimated_size(roots, besides=self._context)
            # An estimate costs as much as many steps, so it is repeated after a quarter more
            # history.
            self._sized_until = position + position // 4 + 8
        return self._size

    @property
    def holds_code(self) -> bool:
        """Whether code of the workflow is suspended, so that `close` may run some of it."""
        return self._driver is not None and self._driver.suspended

    def close(self) -> None:
        """Drop the suspended code; nothing can be asked any more.

        Its `finally` blocks run here, as they would wherever the machine is forgotten.
        """
        self.stale = True
        if self._driver is not None:
            self._driver.close()

    def feed(
        self, events: Iterable[Mapping[str, Any]], *, more: bool = False, decided: bool = False
    ) -> None:
        """Take the next events, in order, and run the workflow's code as far as they go.

        A feed should end where a task was claimed, because conditions are tested at the end of a
        feed. Feed the pages of one history at once, or with `more`.

        Args:
            events: History records.
            more: Further events follow before the code may run.
            decided: These events come after the decision that the code made on the history so far,
                as with signals that arrive while a task is leased, although that decision is not
                recorded yet. The machine then knows more than history: query it, do not keep it.
        Raises:
            NonDeterministicReplayError: The code does not match the history.
            WorkflowPayloadDecodeError: Arguments of a signal or an update do not decode.
        """
        self._take(map(read_event, events), more=more, decided=decided)

    def _take(self, events: Iterable[Event], *, more: bool = False, decided: bool = False) -> None:
        if self.stale or not self.awaits:
            self._require_usable()
        safe = False
        try:
            self._feed(events, more, decided)
            safe = True
        except Diverged:
            pass
        except WorkflowPayloadDecodeError as error:
            self._run.control.report_undecodable(error)
            raise
        finally:
            # After any other exception, such as an interruption by a watchdog, the code stands
            # somewhere between two yields.
            self.stale = not safe

    def foresee(self, activity_type: str, result: JsonObject) -> list[Event] | None:
        """The events of the activity that the code waits for, if it returns at its first attempt.

        They lack what only the server knows, their time among it: after `feed_foreseen` has
        taken them, `settle_time` brings that.

        Args:
            activity_type: The activity that has returned.
            result: What it returned, as an envelope.
        Returns:
            None where it is not the one that the code waits for, where the code waits for other
            things too, or the server records events in another order than that of the code.
        """
        history, run = self._history, self._run
        waits = [] if not isinstance(self._stop, Batch) else self._stop.commands()
        [command] = waits if len(waits) == 1 else [None]
        known = history.ordered and not (self._behind or self.closed or self.stale or self.spent)
        pending = run.ahead or run.receivers.waiting or run.index.peek() is not None
        if not isinstance(command, ScheduleActivity) or not known or pending:
            return None
        if command.activity_type != activity_type:
            return None
        return events_of_result(history.last_sequence + 1, command.activity_type, result)

    def feed_foreseen(self, events: list[Event]) -> bool:
        """Take foreseen events; whether the code did without the time that they lack.

        Where it did not, the code has seen a wrong time: drop the machine.
        """
        control = self._run.control
        control.asked_time = False
        self._take(events)
        return not control.asked_time

    def settle_time(self, recorded_at: str) -> None:
        """Set the clock to the time of the result that was foreseen last."""
        self._run.control.set_time(self._history.clock(recorded_at))

    def take_passed_signals(self) -> list[PassedSignal]:
        """Signals not applied that history has no event for yet; each is returned once."""
        passed, self._handlers.passed = self._handlers.passed, []
        return [each for each in passed if each.sequence not in self._history.noted]

    def commands(self) -> list[Command]:
        """The commands of a completion at this point, those of open steps included."""
        self._catch_up()
        self._require_usable()
        if type(self._ended) is FailWorkflow:
            return [self._ended]
        markers = [entry.command for entry in self._run.ahead if entry.command is not None]
        if self._ended is not None:
            return [*markers, self._ended]
        return [*markers, *self._stop.commands()] if self._stop is not None else markers

    def advised_commands(self) -> list[Command]:
        """The commands; a failure also says what the author of the code probably meant.

        `commands` does not, because the message of `replay` is a specified text.
        """
        commands = self.commands()
        if self.advice is None:
            return commands
        return [
            replace(each, message=f"{each.message} ({self.advice})")
            if isinstance(each, FailWorkflow)
            else each
            for each in commands
        ]

    def require_state(self) -> None:
        """Check that the replay has reached a state that can be asked about.

        Raises:
            QueryFailed: The workflow failed, and the failure is not recorded.
        """
        self._catch_up()
        self._require_usable()
        if isinstance(self._ended, FailWorkflow) and not self._history.failed:
            raise replay_failed(self._ended.message)

    def query(self, name: str, args: Sequence[Any] | None = None) -> Any:
        """Call a query handler on the state reached.

        Args:
            name: The query's name on the wire.
            args: Positional arguments.
        Returns:
            What the handler returned, possibly an awaitable.
        Raises:
            QueryFailed: The workflow failed and history does not say so, there is no such query,
                or its handler raised.
        """
        self.require_state()
        with self._run.control.untouched(), self._run.control.silent():
            return run_query(self._handlers.instance, name, list(args or []), self._fit)

    def validate(self, name: str, args: Sequence[Any]) -> None:
        """Ask the validator of an update about arguments, on the state reached.

        Args:
            name: The update's name on the wire.
            args: Positional arguments.
        Raises:
            QueryFailed: The workflow failed and history does not say so.
            Exception: What the validator raised; `ValueError` where it returned False.
        """
        self.require_state()
        with self._run.control.untouched(), self._run.control.silent():
            validate_update(self._handlers.instance, name, list(args), self._fit)

    @property
    def pending_updates(self) -> list[str]:
        """The updates that history has as accepted and without an outcome, oldest first."""
        return self._history.pending_updates

    def foresee_update(self, update_id: str) -> bool:
        """Apply a pending update as its task will, and continue.

        Do not keep the machine afterwards.

        Args:
            update_id: The update.
        Returns:
            False if the update fails. Its handler may have changed the state before it raised, and
            no replay will repeat that: rebuild the machine and leave this update out.
        """
        if isinstance(self.apply_update(update_id), FailUpdate):
            return False
        self.spent = False
        self._history.awaited = None
        self.feed([], decided=True)
        return True

    def apply_update(self, update_id: str) -> CompleteUpdate | FailUpdate:
        """Run an accepted update on the state reached; after that see `spent` and `awaits`.

        Args:
            update_id: The update.
        """
        self._catch_up()
        self._require_usable()
        if isinstance(self._ended, FailWorkflow):
            message = f"workflow replay failed before update: {self._ended.message}"
            return FailUpdate(update_id, message, self._ended.exception_type)
        accepted = self._history.accepted.get(update_id)
        self.spent = True
        control = self._run.control
        self._exact = self._would_be_applied_here()
        control.asked_time = False
        with control.silent(), control.at(self._history.time_of(accepted)):
            answer = run_update(
                self._handlers.instance,
                update_id,
                accepted,
                self._update_arguments,
                self._validating(),
                self._fit,
            )
        if self._exact and not control.asked_time and isinstance(answer, CompleteUpdate):
            self._history.awaited = update_id, self._run.stop_number
        return answer

    def _update_arguments(self, accepted: Event, name: str) -> list[Any]:
        try:
            return self._history.update_arguments(accepted, name)
        except WorkflowPayloadDecodeError as error:
            self._run.control.report_undecodable(error)
            raise

    # --- running -----------------------------------------------------------------------

    def _feed(self, events: Iterable[Event], more: bool, decided: bool) -> None:
        if decided:
            self._run.ahead.clear()
        history = self._history
        started_before = history.started
        if self._started:
            history.forget_completed_updates()
        for event in events:
            history.add(event, self._run.receivers)
        if self.spent and not self.awaits:
            self.spent = False
        elif self.awaits and not more:
            raise Diverged  # it was not recorded
        if self._started and history.started and not started_before:
            raise Diverged  # the code ran with another clock
        self._behind = more
        if decided and self._ended is not None:
            self._apply_after_end()
        if not more:
            self._advance()

    def _advance(self) -> None:
        run = self._run
        run.ordered = self._history.ordered
        if not self._started:
            self._begin()
        else:
            run.fresh = False
            self._check_rebound()
            run.confirm_ahead()
        while self._stop is not None:
            answer = self._settle(self._stop)
            if answer is None:
                break
            self._resume(answer)
        run.index.moved = None
        if self._ended is not None:
            self._check_after_end()

    def _apply_after_end(self) -> None:
        """Apply the receivers recorded after the decision to end: a query must see them too."""
        try:
            self._run.apply_due()
        except WorkflowFailure as failure:
            self._fail(failure)

    @contextlib.contextmanager
    def _validating(self) -> Generator[None, None, None]:
        """Run a validator before its update. No replay runs it, so it must not change the state."""
        before = self.state_mark
        with self._run.control.untouched():
            yield
        self._exact = self._exact and self.state_mark == before

    def _would_be_applied_here(self) -> bool:
        """Whether a replay would apply an update here that is the next in history."""
        run = self._run
        stands = self._history.ordered and self._stop is not None and run.next_step() is None
        return stands and not run.ahead and not run.receivers.waiting

    def _catch_up(self) -> None:
        if self._behind:
            self.feed([])

    # --- keeping -----------------------------------------------------------------------

    def _require_usable(self) -> None:
        if self.stale:
            raise RuntimeError("this replay machine is stale: rebuild it from the whole history")
        if self.spent:
            raise RuntimeError("an update was run on this replay machine: rebuild it")

    def _check_rebound(self) -> None:
        """Check the applied receivers that later events bound to another wait."""
        rebound = self._history.take_rebound()
        at_new_wait = isinstance(self._stop, ConditionWait) and self._stop.step is None
        for receiver in rebound:
            if not at_new_wait or receiver.applied_at != self._run.stop_number:
                raise Diverged

    def _check_after_end(self) -> None:
        """Check that nothing was recorded that contradicts the end of the code."""
        run, index = self._run, self._history.index
        if type(self._ended) is FailWorkflow:
            # A failure drops the stops that were ahead, and steps that were not yielded remain.
            went_on = index.created > self._ended_with
        else:
            went_on = run.next_step() is not None
        if went_on or run.receivers.any_after(self._ended_at):
            raise Diverged
