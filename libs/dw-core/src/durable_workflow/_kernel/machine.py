"""The machine: fed with history, it runs the workflow's code as far as history goes."""

import contextlib
import inspect
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from durable_workflow import serializer
from durable_workflow._kernel.batches import Batch
from durable_workflow._kernel.generators import (
    GeneratorDriver,
    Progress,
    Raised,
    Returned,
    Yielded,
)
from durable_workflow._kernel.handlers import Handlers
from durable_workflow._kernel.history import History
from durable_workflow._kernel.index import Diverged
from durable_workflow._kernel.kind import Decode
from durable_workflow._kernel.queries import replay_failed, run_query
from durable_workflow._kernel.run import Answer, Finish, Run, Send, Stop, WorkflowFailure
from durable_workflow._kernel.sizes import estimated_size
from durable_workflow._kernel.states import state_mark
from durable_workflow._kernel.steps import WaitStep
from durable_workflow._kernel.updates import run_update, validate_update
from durable_workflow._kernel.waits import ConditionWait
from durable_workflow._kernel.yields import UnsupportedYield, stop_for
from durable_workflow._wire.events import read_event
from durable_workflow._wire.texts import failure_message
from durable_workflow.errors import WorkflowPayloadDecodeError
from durable_workflow.workflow._commands import (
    Command,
    CompleteUpdate,
    CompleteWorkflow,
    ContinueAsNew,
    FailUpdate,
    FailWorkflow,
)
from durable_workflow.workflow._context import WorkflowContext, control_of
from durable_workflow.workflow._definition import InvalidWorkflowDefinition, lacks_run


@dataclass(frozen=True, slots=True)
class Start:
    """What a run was started with.

    Attributes:
        workflow_id: Named by errors about undecodable payloads.
        run_id: Seeds everything random.
        arguments: Decoded positional arguments of `run`.
        payload_codec: The run's codec, for payloads that name none.
        decode: Decodes a payload field, given its codec; payloads kept in external storage need
            one that fetches them.
        silent: Never write through `ctx.logger`: for a replay that only answers a question.
    """

    workflow_id: str | None = None
    run_id: str = ""
    arguments: Sequence[Any] = ()
    payload_codec: str | None = None
    decode: Decode = serializer.decode_envelope
    silent: bool = False


class Machine:
    """One run being replayed.

    Attributes:
        stale: A replay of the whole history may differ from what this machine would say: drop it
            and rebuild. Also set when an exception left `feed`.
        spent: An update was run on this machine's state; it can be asked nothing more, unless it
            `awaits` that update and is fed it.
        mismatched: `commands` says that the run fails, and no code of its author did that: replay
            found that code and history do not go together. Other code may yet go on with it.
        advice: What to do about the failure that `commands` says, where its message does not.
    """

    def __init__(self, workflow_cls: type, start: Start) -> None:
        """Make a machine that has seen no history.

        Args:
            workflow_cls: The workflow class; it is instantiated without arguments.
            start: What the run was started with.
        """
        self.stale = False
        self.spent = False
        self.mismatched = False
        self.advice: str | None = None
        self._class = workflow_cls
        self._start = start
        self._context = WorkflowContext(run_id=start.run_id)
        self._history = History(start.decode, start.payload_codec, start.workflow_id, start.run_id)
        control = control_of(self._context)
        self._handlers = Handlers(workflow_cls, control, self._history.clock)
        self._run = Run(self._history.index, control, self._handlers.apply)
        self._driver: GeneratorDriver | None = None
        self._stop: Stop | None = None
        self._ended: Command | None = None
        self._ended_at = 0  # position in history
        self._ended_with = 0  # steps in history
        self._started = False
        self._size = 0
        self._sized_until = 0
        self._behind = True  # something was fed, or nothing yet, that the code has not met
        self._exact = False  # an update is run as a replay will

    @property
    def last_sequence(self) -> int:
        """Highest event sequence that was fed; 0 where history has none."""
        return self._history.last_sequence

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
        """Whether only outcomes of steps resume the code, so that signals and updates move nothing.

        Fed between two tasks, these are applied at the stop at which any later replay applies them.
        """
        return self._history.ordered and isinstance(self._stop, Batch)

    @property
    def awaits(self) -> bool:
        """Whether an update was run on this machine, and history need only say so now.

        A replay applies an update where history has it, at the event's own time and without its
        validator. What the handler did to the state is just that where it ran at the stop at which
        the replay will come to it, and did not ask for the time. So a machine is not kept through
        an update that failed, that asked for the time, whose validator changed something, or that
        found the code ahead of history: past a marker that is not recorded, or a wait that its
        predicate ended.
        """
        return self._history.awaited is not None

    @property
    def instance(self) -> Any:
        """The replayed workflow, for those who only look."""
        self._catch_up()
        self._require_usable()
        return self._handlers.instance

    @property
    def state_mark(self) -> object:
        """To be compared, by `==`, with another of this machine: whether a look changed its state.

        Marks of a state that is too large to be compared are all the same.
        """
        return state_mark(self._handlers.instance, self.size_hint_bytes)

    @property
    def size_hint_bytes(self) -> int:
        """Roughly the memory that this machine keeps alive; looked at anew as history grows."""
        position = self._history.index.position
        if position >= self._sized_until:
            frame = self._driver.frame_locals if self._driver is not None else {}
            kept = [self._history.index.untaken, self._run.receivers.waiting]
            self._size = estimated_size([self._handlers.instance, frame, *kept])
            # Looking costs as much as many steps; a quarter more history makes it worth it.
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

    def feed(self, events: Iterable[Mapping[str, Any]], *, more: bool = False) -> None:
        """Take the next events, in order, and run the workflow's code as far as they go.

        A feed should end where a task was claimed: the end of what is known is where conditions
        are tested. Pages of one history belong into one feed, or are fed with `more`.

        Args:
            events: History records.
            more: Further events follow before the code may run.
        Raises:
            NonDeterministicReplayError: The code does not go with history.
            WorkflowPayloadDecodeError: Arguments of a signal or an update do not decode.
        """
        if self.stale or not self.awaits:
            self._require_usable()
        safe = False
        try:
            self._feed(events, more)
            safe = True
        except Diverged:
            pass
        except WorkflowPayloadDecodeError as error:
            self._run.control.report_undecodable(error)
            raise
        finally:
            # Whatever else flies out, an interruption by a watchdog included, leaves the code
            # somewhere between two yields.
            self.stale = not safe

    def commands(self) -> list[Command]:
        """What a completion says as of now, steps that are open already included."""
        self._catch_up()
        self._require_usable()
        if isinstance(self._ended, FailWorkflow):
            return [self._ended]
        markers = [entry.command for entry in self._run.ahead if entry.command is not None]
        if self._ended is not None:
            return [*markers, self._ended]
        return [*markers, *self._stop.commands()] if self._stop is not None else markers

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
        self._catch_up()
        self._require_usable()
        if isinstance(self._ended, FailWorkflow) and not self._history.failed:
            raise replay_failed(self._ended.message)
        with self._run.control.untouched(), self._run.control.silent():
            return run_query(self._handlers.instance, name, list(args or []))

    def validate(self, name: str, args: Sequence[Any]) -> None:
        """Ask the validator of an update about arguments, on the state reached.

        Args:
            name: The update's name on the wire.
            args: Positional arguments.
        Raises:
            Exception: What the validator raised; `ValueError` where it returned False.
        """
        self._catch_up()
        self._require_usable()
        with self._run.control.untouched(), self._run.control.silent():
            validate_update(self._handlers.instance, name, list(args))

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
                accepted.payload if accepted is not None else None,
                self._history.index.decode,
                self._validating(),
            )
        if self._exact and not control.asked_time and isinstance(answer, CompleteUpdate):
            self._history.awaited = update_id, self._run.stop_number
        return answer

    # --- running -----------------------------------------------------------------------

    def _feed(self, events: Iterable[Mapping[str, Any]], more: bool) -> None:
        history = self._history
        started_before = history.started
        if self._started:
            history.forget_completed_updates()
        for record in events:
            history.add(read_event(record), self._run.receivers)
        if self.spent and not self.awaits:
            self.spent = False
        elif self.awaits and not more:
            raise Diverged  # it was not recorded
        if self._started and history.started and not started_before:
            raise Diverged  # the code ran with another clock
        self._behind = more
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

    @contextlib.contextmanager
    def _validating(self) -> Generator[None, None, None]:
        """Run a validator before its update: no replay will, so it must leave nothing behind."""
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

    def _begin(self) -> None:
        """Instantiate the workflow and call `run`."""
        self._started = True
        self._run.control.set_time(self._history.start_time)
        self._handlers.instance = self._class()
        entry = self._entry()
        if inspect.iscoroutinefunction(entry) or inspect.isasyncgenfunction(entry):
            raise InvalidWorkflowDefinition(
                f"{self._class.__name__}.run is an async function, which this version does not "
                "run: write it as a generator that yields commands"
            )
        with self._run.control.logging(self._live()):
            result = entry(self._context, *self._start.arguments)
        if hasattr(result, "__next__"):
            self._driver = GeneratorDriver(result)
            self._resume(Send(None))
        elif inspect.isawaitable(result):
            close = getattr(result, "close", None)
            if close is not None:
                close()
            raise InvalidWorkflowDefinition(
                f"{self._class.__name__}.run returned an awaitable, which this version does not "
                "run: write it as a generator that yields commands"
            )
        else:
            self._finish(result)

    def _entry(self) -> Any:
        found = getattr(self._handlers.instance, "run", None)
        if not callable(found):
            raise InvalidWorkflowDefinition(lacks_run(self._class))
        return found

    def _settle(self, stop: Stop) -> Answer | None:
        try:
            return stop.settle(self._run)
        except WorkflowFailure as failure:
            self._fail(failure)
            return None

    def _resume(self, answer: Answer) -> None:
        if isinstance(answer, Finish):
            self._finish(answer.command)
            return
        run = self._run
        run.fresh = True
        run.control.set_time(self._history.clock(answer.time))
        if self._driver is None:
            raise AssertionError("only a generator comes to a stop")
        with run.control.logging(self._live()):
            progress = self._driver.resume(answer)
        self._progress(progress)

    def _progress(self, progress: Progress) -> None:
        """Take what the code did: it came to another stop, or to its end."""
        self._run.stop_number += 1
        match progress:
            case Yielded(value):
                try:
                    self._stop = stop_for(value)
                except UnsupportedYield as error:
                    self.advice = error.advice
                    self._end(FailWorkflow(str(error), TypeError.__name__))
            case Returned(value):
                self._finish(value)
            case Raised(error):
                self._end(FailWorkflow(failure_message(error), type(error).__name__))

    def _finish(self, value: Any) -> None:
        """End the run with what the code returned, if it has yielded all that history has."""
        run = self._run
        run.bound = 0
        if self._driver is not None:
            try:
                run.apply_due()
            except WorkflowFailure as failure:
                self._fail(failure)
                return
        self._skip_stale_openings()
        step = run.next_step()
        continues = isinstance(value, ContinueAsNew)
        if step is not None:
            run.mismatch(step, "continue as new" if continues else "complete workflow")
        self._end(value if continues else CompleteWorkflow(value))

    def _fail(self, failure: WorkflowFailure) -> None:
        self.mismatched = failure.mismatch
        self._end(FailWorkflow(failure.message, failure.exception_type))

    def _end(self, command: Command) -> None:
        self._stop = None
        self._ended = command
        self._ended_at = self._history.index.position
        self._ended_with = self._history.index.created

    def _skip_stale_openings(self) -> None:
        """Pass by openings of a wait that a server wrote after the wait had already been true."""
        run = self._run
        while run.reopened is not None:
            step = run.next_step()
            unused = isinstance(step, WaitStep) and step.outcome is None and not step.waiting
            if not unused or not run.reopened.is_same(cast(WaitStep, step)):
                return
            run.index.take(1)

    def _live(self) -> bool:
        """Whether what the code does now was never done by an earlier task."""
        replaying = self._start.silent or self._history.terminal
        return not replaying and self._run.next_step() is None

    # --- keeping -----------------------------------------------------------------------

    def _require_usable(self) -> None:
        if self.stale:
            raise RuntimeError("this replay machine is stale: rebuild it from the whole history")
        if self.spent:
            raise RuntimeError("an update was run on this replay machine: rebuild it")

    def _check_rebound(self) -> None:
        """Receivers that were applied, and that later events bind to another wait after all."""
        rebound = self._history.take_rebound()
        at_new_wait = isinstance(self._stop, ConditionWait) and self._stop.step is None
        for receiver in rebound:
            if not at_new_wait or receiver.applied_at != self._run.stop_number:
                raise Diverged

    def _check_after_end(self) -> None:
        """The code has ended: history must not have gone on in another way."""
        run, index = self._run, self._history.index
        if isinstance(self._ended, FailWorkflow):
            # A failure drops what was ahead and leaves what was not yielded.
            went_on = index.created > self._ended_with
        else:
            went_on = run.next_step() is not None
        if went_on or run.receivers.any_after(self._ended_at):
            raise Diverged
