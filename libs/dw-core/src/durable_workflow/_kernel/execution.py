"""Running the workflow's code: from its constructor, from stop to stop, to its end.

`Execution` drives the code and reads how it ended. The `Machine` decides what it is used for, and
whether it may be kept.
"""

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from durable_workflow import serializer
from durable_workflow._conversion import fitting
from durable_workflow._kernel.generators import (
    GeneratorDriver,
    Progress,
    Raised,
    Returned,
    Yielded,
)
from durable_workflow._kernel.handlers import Handlers
from durable_workflow._kernel.history import History
from durable_workflow._kernel.kind import Decode
from durable_workflow._kernel.places import Place, Standing, place_of_function, places_of_error
from durable_workflow._kernel.replay_state import (
    Finish,
    ReplayState,
    Resumption,
    Send,
    Stop,
    WorkflowFailure,
)
from durable_workflow._kernel.steps import WaitStep
from durable_workflow._kernel.yields import UnsupportedYield, stop_for
from durable_workflow._wire.texts import failure_message
from durable_workflow.errors import failure_type
from durable_workflow.workflow._commands import (
    Command,
    CompleteWorkflow,
    ContinueAsNew,
    FailWorkflow,
    RecordSideEffect,
    RecordVersionMarker,
    ScheduleActivity,
    StartChildWorkflow,
    StartTimer,
    UpsertSearchAttributes,
    WaitCondition,
)
from durable_workflow.workflow._context import WorkflowContext, control_of
from durable_workflow.workflow._definition import InvalidWorkflowDefinition, lacks_run

# As a result it is a forgotten `yield`, which would end the run without what it asks for. Commands
# are told apart by the bases of their types: to ask their abstract classes takes long, and each run
# ends here.
_FORGOTTEN: Final[frozenset[type]] = frozenset(
    {
        ScheduleActivity,
        StartTimer,
        StartChildWorkflow,
        WaitCondition,
        RecordSideEffect,
        RecordVersionMarker,
        UpsertSearchAttributes,
    }
)


@dataclass(slots=True)
class Start:
    """What a run was started with. Nobody changes it; it is not frozen, as each replay makes one.

    Attributes:
        workflow_id: Named by errors about undecodable payloads.
        run_id: Seeds everything random.
        arguments: Decoded positional arguments of `run`.
        payload_codec: The run's codec, for payloads that name none.
        decode: Decodes a payload field, given its codec; payloads kept in external storage need
            one that fetches them.
        converts: Convert arguments by annotation, as the worker did that ran the code.
        silent: Never write through `ctx.logger`: for a replay that only answers a question.
    """

    workflow_id: str | None = None
    run_id: str = ""
    arguments: Sequence[Any] = ()
    payload_codec: str | None = None
    decode: Decode = serializer.decode_envelope
    silent: bool = False
    converts: bool = True


class Execution:
    """The code of one run, at the point that it has reached.

    Attributes:
        mismatched: The run fails because code and history do not match, and not because its code
            raised. Another version of the code may still continue it.
        advice: How to repair the failure, where its message does not say that.
        error: What the code raised, where the run fails with it.
    """

    def __init__(self, workflow_cls: type, start: Start) -> None:
        self.mismatched = False
        self.advice: str | None = None
        self.error: BaseException | None = None
        self._class = workflow_cls
        self._start = start
        self._context = WorkflowContext(run_id=start.run_id)
        self._history = History(start.decode, start.payload_codec, start.workflow_id, start.run_id)
        control = control_of(self._context)
        self._fit = fitting(start.converts)
        self._handlers = Handlers(workflow_cls, control, self._history.clock, self._fit)
        self._run = ReplayState(self._history.index, control, self._handlers.apply)
        self._driver: GeneratorDriver | None = None
        self._failed_at: tuple[Place, ...] = ()  # in a handler or a predicate
        self._unmatched: Command | None = None
        self._stop: Stop | None = None
        self._ended: Command | None = None
        self._ended_at = 0  # position in history
        self._ended_with = 0  # steps in history
        self._started = False

    @property
    def standing(self) -> Standing:
        """Where the code stands or ended. It may also be read after a replay error."""
        run = self._run
        return Standing(self._asked(), self._places(), run.reached, run.index.untaken[run.bound :])

    def _asked(self) -> Command | None:
        if self._ended is not None:
            return self._unmatched or self._ended
        if self._stop is None or self._driver is None or not self._driver.suspended:
            return None
        commands = self._stop.commands()
        return commands[min(self._run.bound, len(commands) - 1)] if commands else None

    def _places(self) -> tuple[Place, ...]:
        if self._failed_at:
            return self._failed_at
        if self._driver is not None:
            return self._driver.places
        return place_of_function(getattr(self._class, "run", None))

    def _begin(self) -> None:
        """Instantiate the workflow and call `run`."""
        self._started = True
        self._run.control.set_time(self._history.start_time)
        self._handlers.instance = self._class()
        entry = self._entry()
        if _is_async(entry):
            raise InvalidWorkflowDefinition(
                f"{self._class.__name__}.run is an async function, which this version does not "
                "run: write it as a generator that yields commands"
            )
        arguments = self._fit(entry, self._start.arguments, lead=1)
        with self._run.control.logging(self._live()):
            result = entry(self._context, *arguments)
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

    def _settle(self, stop: Stop) -> Resumption | None:
        try:
            return stop.settle(self._run)
        except WorkflowFailure as failure:
            self._fail(failure)
            return None

    def _resume(self, answer: Resumption) -> None:
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
        """Process what the code did: it reached another stop, or its end."""
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
                self.error = error
                self._end(FailWorkflow(failure_message(error), failure_type(error)))

    def _finish(self, value: Any) -> None:
        """End the run with what the code returned, if it has yielded all that history has."""
        returned = cast("Sequence[object]", value) if isinstance(value, list | tuple) else ()
        first = returned[0] if returned else cast("object", value)
        if not _FORGOTTEN.isdisjoint(type(first).__mro__):
            what = type(first).__name__
            raise InvalidWorkflowDefinition(
                f"{self._class.__name__}.run returned a {'list with a ' if returned else ''}{what} "
                "that it did not yield, so nothing would do it: write `return (yield ...)`"
            )
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
        continues = ContinueAsNew in type(cast("object", value)).__mro__
        if step is not None:
            run.mismatch(step, "continue as new" if continues else "complete workflow")
        self._end(cast("ContinueAsNew", value) if continues else CompleteWorkflow(value))

    def _fail(self, failure: WorkflowFailure) -> None:
        self.mismatched = failure.mismatch
        self._unmatched = self._asked() if failure.mismatch else None
        self._failed_at = places_of_error(failure.__cause__)
        self.error = failure.__cause__
        self._end(FailWorkflow(failure.message, failure.exception_type))

    def _end(self, command: Command) -> None:
        self._stop = None
        self._ended = command
        self._ended_at = self._history.index.position
        self._ended_with = self._history.index.created

    def _skip_stale_openings(self) -> None:
        """Skip openings recorded after the predicate of their wait was already true."""
        run = self._run
        while run.reopened is not None:
            step = run.next_step()
            unused = isinstance(step, WaitStep) and step.resolution is None and not step.waiting
            if not unused or not run.reopened.is_same(cast(WaitStep, step)):
                return
            run.index.take(1)

    def _live(self) -> bool:
        """Whether the code now runs beyond what earlier tasks did."""
        replaying = self._start.silent or self._history.terminal
        return not replaying and self._run.next_step() is None


def _is_async(entry: Any) -> bool:
    code = getattr(entry, "__code__", None)
    if code is not None and code.co_flags & inspect.CO_GENERATOR:  # most are, and nothing else
        return False
    return inspect.iscoroutinefunction(entry) or inspect.isasyncgenfunction(entry)
