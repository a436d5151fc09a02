"""`ctx`: the only way for workflow code to reach the outside world, and a deterministic one.

Its methods only build commands. The parts that change during replay (the time, whether log lines
are written, the state of the random number generator) are set by the replay kernel through
`ContextControl`. Workflow code cannot change them.
"""

import contextlib
import hashlib
import logging
import random
import uuid
from collections.abc import Callable, Generator
from datetime import UTC, datetime
from typing import Any

from durable_workflow.errors import WorkflowPayloadDecodeError
from durable_workflow.workflow._checks import checked_attributes, rounded_up
from durable_workflow.workflow._commands import (
    ContinueAsNew,
    RecordSideEffect,
    RecordVersionMarker,
    ScheduleActivity,
    StartChildWorkflow,
    StartTimer,
    UpsertSearchAttributes,
    WaitCondition,
)
from durable_workflow.workflow._fingerprint import predicate_fingerprint
from durable_workflow.workflow._policies import (
    ActivityRetryPolicyInput,
    ChildWorkflowRetryPolicyInput,
)

_LOGGER = logging.getLogger("durable_workflow.workflow.replay")
_PATCHED_VERSION = 1


class ContextControl:
    """The replay kernel's side of one context."""

    def __init__(self, run_id: str, current_time: datetime | None) -> None:
        self.audible = False
        self.asked_time = False
        self.uuid7_count = 0
        self._run_id = run_id
        self._generator: random.Random | None = None
        # Without any recorded time there is only the wall clock; one replay sees one value of it.
        self._time = current_time or datetime.now(UTC)
        self._recorded: str | None = None

    @property
    def generator(self) -> random.Random:
        """The run's random numbers."""
        if self._generator is None:  # made on first use: most workflows never ask
            self._generator = random.Random(self._seed())
        return self._generator

    def __getstate__(self) -> dict[str, Any]:
        """What a mark of the state sees: the generator, whether it was asked for or not."""
        return {**self.__dict__, "_generator": self.generator}

    def _seed(self) -> int:
        return int(hashlib.sha256(self._run_id.encode()).hexdigest()[:16], 16)

    @property
    def time(self) -> datetime:
        """The moment that `ctx.now()` answers."""
        self.asked_time = True
        if self._recorded is not None:  # parsed on first use: most workflows never ask
            self._time = parse_time(self._recorded) or self._time
            self._recorded = None
        return self._time

    def set_time(self, recorded: str | None) -> None:
        """Move the clock to an event's time; an event without one leaves it where it is."""
        if recorded is not None:
            self._recorded = recorded

    @contextlib.contextmanager
    def at(self, recorded: str | None) -> Generator[None, None, None]:
        """Set the clock to the time of a handler's event while the handler runs."""
        before = self._time, self._recorded
        self.set_time(recorded)
        try:
            yield
        finally:
            self._time, self._recorded = before

    def logging(self, audible: bool) -> contextlib.AbstractContextManager[None]:
        """Write log lines while the code runs if `audible`.

        An earlier task has not written them.
        """
        return _Logging(self, audible)

    def silent(self) -> contextlib.AbstractContextManager[None]:
        """Write no log lines while a handler runs: every replay would repeat them."""
        return self.logging(False)

    @contextlib.contextmanager
    def untouched(self) -> Generator[None, None, None]:
        """Restore the random state after a query: without it the code draws the same values."""
        before, count = self._generator, self.uuid7_count
        state = None if before is None else before.getstate()
        try:
            yield
        finally:
            # The same object: the code may keep it.
            if state is not None:
                self.generator.setstate(state)
            elif self._generator is not None:
                self._generator.seed(self._seed())
            self.uuid7_count = count

    def report_undecodable(self, error: WorkflowPayloadDecodeError) -> None:
        """Log which event of which run has arguments that cannot be decoded."""
        labels = {
            "workflow_id": error.workflow_id,
            "run_id": error.run_id,
            "event_id": error.event_id,
            f"{error.receiver_kind}_name": error.receiver_name,
            "codec": error.codec,
            "payload_head": error.payload_head,
            "exception_type": error.exception_type,
        }
        present = {name: value for name, value in labels.items() if value is not None}
        extra = {"durable_workflow_payload_decode": present}
        _LOGGER.error("%s", error, exc_info=error, extra=extra)


# A class, and not a generator: each resumption of code passes through, and that costs less.
class _Logging(contextlib.AbstractContextManager[None]):
    __slots__ = ("_audible", "_before", "_control")

    def __init__(self, control: ContextControl, audible: bool) -> None:
        self._control = control
        self._audible = audible
        self._before = False

    def __enter__(self) -> None:
        self._before, self._control.audible = self._control.audible, self._audible

    def __exit__(self, *_: object) -> None:
        self._control.audible = self._before


class ReplayLogger:
    """The logger of workflow code. It does not repeat what an earlier task logged."""

    def __init__(self, control: ContextControl) -> None:
        self._control = control

    def debug(self, msg: object, *args: object, **kwargs: Any) -> None:
        """Log at level DEBUG, unless replaying."""
        self._log(logging.DEBUG, msg, args, kwargs)

    def info(self, msg: object, *args: object, **kwargs: Any) -> None:
        """Log at level INFO, unless replaying."""
        self._log(logging.INFO, msg, args, kwargs)

    def warning(self, msg: object, *args: object, **kwargs: Any) -> None:
        """Log at level WARNING, unless replaying."""
        self._log(logging.WARNING, msg, args, kwargs)

    def error(self, msg: object, *args: object, **kwargs: Any) -> None:
        """Log at level ERROR, unless replaying."""
        self._log(logging.ERROR, msg, args, kwargs)

    def exception(self, msg: object, *args: object, **kwargs: Any) -> None:
        """Log at level ERROR with the exception being handled, unless replaying."""
        self._log(logging.ERROR, msg, args, {"exc_info": True, **kwargs})

    def critical(self, msg: object, *args: object, **kwargs: Any) -> None:
        """Log at level CRITICAL, unless replaying."""
        self._log(logging.CRITICAL, msg, args, kwargs)

    def _log(
        self, level: int, msg: object, args: tuple[object, ...], kwargs: dict[str, Any]
    ) -> None:
        if self._control.audible:
            # Two frames up is the workflow's own line.
            stacklevel = kwargs.pop("stacklevel", 1) + 2
            _LOGGER.log(level, msg, *args, stacklevel=stacklevel, **kwargs)


class WorkflowContext:
    """What workflow code uses in place of I/O, clocks and randomness.

    It builds commands to yield.
    """

    def __init__(self, *, run_id: str = "", current_time: datetime | None = None) -> None:
        """Make the context of one replay.

        Args:
            run_id: Seeds everything random: one run draws the same values in every replay.
            current_time: What `now()` answers, aware; None takes the wall clock once.
        """
        self._control = ContextControl(run_id, current_time)
        self.logger = ReplayLogger(self._control)

    def schedule_activity(
        self,
        activity_type: str,
        arguments: list[Any],
        *,
        queue: str | None = None,
        retry_policy: ActivityRetryPolicyInput | None = None,
        start_to_close_timeout: int | None = None,
        schedule_to_start_timeout: int | None = None,
        schedule_to_close_timeout: int | None = None,
        heartbeat_timeout: int | None = None,
    ) -> ScheduleActivity:
        """Build an activity; yielding it returns its decoded result or raises `ActivityFailed`.

        Args:
            activity_type: The activity's name.
            arguments: Positional arguments.
            queue: Task queue; None is the worker's own.
            retry_policy: How often to try; None tries once.
            start_to_close_timeout: Seconds that one attempt may take.
            schedule_to_start_timeout: Seconds that it may wait for a worker.
            schedule_to_close_timeout: Seconds for all attempts together.
            heartbeat_timeout: Seconds that may pass between two heartbeats.
        """
        return ScheduleActivity(
            activity_type,
            arguments,
            queue=queue,
            retry_policy=retry_policy,
            start_to_close_timeout=start_to_close_timeout,
            schedule_to_start_timeout=schedule_to_start_timeout,
            schedule_to_close_timeout=schedule_to_close_timeout,
            heartbeat_timeout=heartbeat_timeout,
        )

    def start_timer(self, seconds: int) -> StartTimer:
        """Build a durable timer of a whole number of seconds."""
        return StartTimer(seconds)

    def sleep(self, seconds: float) -> StartTimer:
        """Build a durable timer; fractions are rounded up, negative values are 0."""
        return StartTimer(rounded_up("sleep", "seconds", seconds))

    def wait_condition(
        self,
        predicate: Callable[[], bool],
        *,
        key: str | None = None,
        timeout: float | None = None,
    ) -> WaitCondition:
        """Build a wait; yielding it returns True once the predicate holds, False on timeout.

        Args:
            predicate: Called without arguments after each signal and update. It must be a pure
                function of the workflow's state.
            key: Name of the wait; keep it stable across deployments.
            timeout: Seconds, rounded up; None waits for ever.
        """
        what = "wait_condition" if key is None else f"wait_condition {key!r}"
        return WaitCondition(
            predicate,
            condition_key=key,
            condition_definition_fingerprint=predicate_fingerprint(predicate, key),
            timeout_seconds=None if timeout is None else rounded_up(what, "timeout", timeout),
        )

    def side_effect(self, fn: Callable[[], Any]) -> RecordSideEffect:
        """Build a side effect: `fn` is called once, and replay returns the recorded value.

        Args:
            fn: Called without arguments when no value is recorded yet. Its result must encode.
        """
        return RecordSideEffect.deferred(fn)

    def start_child_workflow(
        self,
        workflow_type: str,
        arguments: list[Any] | None = None,
        *,
        task_queue: str | None = None,
        parent_close_policy: str | None = None,
        retry_policy: ChildWorkflowRetryPolicyInput | None = None,
        execution_timeout_seconds: int | None = None,
        run_timeout_seconds: int | None = None,
    ) -> StartChildWorkflow:
        """Build a child workflow; yielding it returns its result or raises `ChildWorkflowFailed`.

        Args:
            workflow_type: The child's type.
            arguments: Positional arguments.
            task_queue: Task queue; None is the worker's own.
            parent_close_policy: `abandon`, `request_cancel` or `terminate`.
            retry_policy: How often to start it anew after a failure.
            execution_timeout_seconds: Seconds for all its runs together.
            run_timeout_seconds: Seconds for one run.
        """
        return StartChildWorkflow(
            workflow_type,
            [] if arguments is None else arguments,
            task_queue=task_queue,
            parent_close_policy=parent_close_policy,
            retry_policy=retry_policy,
            execution_timeout_seconds=execution_timeout_seconds,
            run_timeout_seconds=run_timeout_seconds,
        )

    def get_version(
        self, change_id: str, min_supported: int, max_supported: int
    ) -> RecordVersionMarker:
        """Build a version marker; yielding it returns the version that this run follows.

        A run that gets here for the first time records `max_supported`; one that went past this
        place before the call was written gets `min_supported`.

        Args:
            change_id: Name of the change.
            min_supported: Oldest version that the code still knows.
            max_supported: Newest version.
        """
        return RecordVersionMarker(change_id, max_supported, min_supported, max_supported)

    def patched(self, change_id: str) -> RecordVersionMarker:
        """Build a marker; yielding it tells whether this run follows the patched code.

        Args:
            change_id: Name of the patch.
        """
        return RecordVersionMarker(
            change_id, _PATCHED_VERSION, -1, _PATCHED_VERSION, result_kind="patched"
        )

    def deprecate_patch(self, change_id: str) -> RecordVersionMarker:
        """Build the marker that replaces `patched` once no run needs the old code.

        Args:
            change_id: Name of the patch.
        """
        return RecordVersionMarker(
            change_id, _PATCHED_VERSION, -1, _PATCHED_VERSION, result_kind="deprecate_patch"
        )

    def upsert_search_attributes(self, attributes: dict[str, Any]) -> UpsertSearchAttributes:
        """Build a change of the run's search attributes.

        Args:
            attributes: Values by name, which are written in their plain form; None deletes one.
        """
        return UpsertSearchAttributes(checked_attributes("upsert_search_attributes", attributes))

    def continue_as_new(
        self, *args: Any, workflow_type: str | None = None, task_queue: str | None = None
    ) -> ContinueAsNew:
        """Build the end of this run and the start of the next; return it from `run`.

        Args:
            *args: Arguments of the next run.
            workflow_type: Its type; None keeps this one.
            task_queue: Its task queue; None keeps the worker's.
        """
        return ContinueAsNew(
            workflow_type=workflow_type, arguments=list(args), task_queue=task_queue
        )

    def now(self) -> datetime:
        """The run's time, aware: the same in every replay."""
        return self._control.time

    def random(self) -> random.Random:
        """The run's generator of random numbers, shared with `uuid4` and `uuid7`."""
        return self._control.generator

    def uuid4(self) -> uuid.UUID:
        """A random UUID, the same in every replay."""
        bits = self._control.generator.getrandbits(128)
        return uuid.UUID(bytes=bits.to_bytes(16, "big"), version=4)

    def uuid7(self) -> uuid.UUID:
        """A UUID that sorts by the run's time, the same in every replay.

        Raises:
            ValueError: The time does not fit into 48 bits of Unix milliseconds.
        """
        control = self._control
        milliseconds = _unix_milliseconds(control.time)
        if not 0 <= milliseconds < 1 << 48:
            raise ValueError(f"{control.time.isoformat()} does not fit into a UUID of version 7")
        count = control.uuid7_count & 0xFFF
        control.uuid7_count += 1
        tail = control.generator.getrandbits(62)
        return uuid.UUID(int=milliseconds << 80 | 7 << 76 | count << 64 | 2 << 62 | tail)


def control_of(context: WorkflowContext) -> ContextControl:
    """The kernel's access to a context."""
    return context._control  # pyright: ignore[reportPrivateUsage] # the kernel's way in


def parse_time(text: str) -> datetime | None:
    """An ISO-8601 time as an aware datetime; one without an offset is UTC. None if it is none."""
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        return None
    return parsed if parsed.tzinfo is not None else parsed.replace(tzinfo=UTC)


def _unix_milliseconds(moment: datetime) -> int:
    if moment.tzinfo is None:  # as `parse_time` reads it
        moment = moment.replace(tzinfo=UTC)
    elapsed = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (elapsed.days * 86_400 + elapsed.seconds) * 1_000 + elapsed.microseconds // 1_000
