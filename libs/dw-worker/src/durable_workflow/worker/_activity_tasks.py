"""Activity tasks: call the function and report its result."""

import asyncio
import contextvars
import inspect
import traceback
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from types import FunctionType
from typing import Any, cast

from durable_workflow import activity
from durable_workflow._meet import (
    ActivityHeartbeatTransport,
    Unencodable,
    WorkerTransport,
    heartbeat_options,
)
from durable_workflow._wire.json_values import JsonObject
from durable_workflow._wire.texts import failure_message
from durable_workflow.activity import ActivityContext, ActivityInfo
from durable_workflow.errors import ActivityCancelled, is_non_retryable
from durable_workflow.interceptors import ActivityInterceptorContext, WorkerInterceptor
from durable_workflow.interceptors._chain import chain_activity
from durable_workflow.worker._activity_heartbeats import DirectHeartbeats, heartbeats
from durable_workflow.worker._code_runs import CodeRun
from durable_workflow.worker._code_threads import CodeThreads
from durable_workflow.worker._contained import Ended, contained
from durable_workflow.worker._held import Dropped, HeldTasks
from durable_workflow.worker._log import log
from durable_workflow.worker._payloads import Payloads, check_codec, is_unreadable
from durable_workflow.worker._reporting import (
    Decide,
    Failed,
    Reporter,
    Unsent,
    failed_with,
    is_refused,
    run_has_ended,
)
from durable_workflow.worker._tasks import ActivityTask, read_activity_task
from durable_workflow.worker._traces import users_trace, users_trace_text


@dataclass(frozen=True, slots=True)
class _Raised:
    """What a function in a thread raised.

    It is wrapped because a future refuses some exceptions.
    """

    error: BaseException


# These exceptions have a meaning of their own on an event loop. Here they fail the attempt, which
# may be retried: `sys.exit()` fails the attempt, not the worker.
_FAILURES = (asyncio.CancelledError, GeneratorExit, KeyboardInterrupt, SystemExit)


class ActivityTasks:
    """Runs the activity tasks of one worker."""

    def __init__(
        self,
        activities: Mapping[str, Callable[..., Any]],
        *,
        transport: WorkerTransport,
        worker_id: str,
        payloads: Payloads,
        threads: CodeThreads,
        reporter: Reporter,
        held: HeldTasks,
        interceptors: Sequence[WorkerInterceptor],
        decide: Decide,
    ) -> None:
        self._activities = activities
        self._transport = transport
        self._worker_id = worker_id
        self._payloads = payloads
        self._threads = threads
        self._reporter = reporter
        self._held = held
        self._decide = decide
        self._call = chain_activity(interceptors, self._call_function)
        self._left_behind: dict[str, Future[Any]] = {}

    async def execute(self, raw: JsonObject) -> str:
        """Do an activity task and report on it.

        Args:
            raw: The task as the server sent it.

        Returns:
            The outcome to count.
        """
        task = read_activity_task(raw)
        try:
            check_codec(task.payload_codec)
            arguments = await self._decode_arguments(task)
        except Exception as error:  # noqa: BLE001 - codecs and drivers raise what they like
            return await self._fail(task, _without_arguments(task, error), "decode_error")
        if task.activity_type not in self._activities:
            log.warning(
                "no activity registered for %r: %s; this worker has %s",
                task.activity_type,
                task,
                ", ".join(sorted(self._activities)) or "none",
            )
            failed = Failed(f"no activity registered for '{task.activity_type}'")
            return await self._fail(task, failed, "no_handler")
        return await self._attempt(raw, task, arguments)

    async def fail_unhandled(self, raw: JsonObject, error: BaseException) -> None:
        """Report an error that escaped from `execute`.

        Unreported, the task would be repeated for ever.
        """
        await self._raised(read_activity_task(raw), error, "failed")

    def when_free(self, raw: JsonObject, free: Callable[[], None]) -> None:
        """Release the slot of a task after the thread that runs the task has ended.

        An attempt can be over for the worker, as when an interceptor limits its time, while the
        function still runs; a thread cannot be told to stop.

        Args:
            raw: The task.
            free: Called on the event loop that runs here.
        """
        running = self._left_behind.pop(str(raw.get("task_id")), None)
        if running is None or running.done():
            free()
            return
        loop = asyncio.get_running_loop()

        def ended(_: Future[Any]) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(free)

        running.add_done_callback(ended)

    async def _attempt(self, raw: JsonObject, task: ActivityTask, arguments: list[Any]) -> str:
        info = ActivityInfo(
            task_id=task.task_id,
            activity_type=task.activity_type,
            activity_attempt_id=task.attempt_id,
            attempt_number=task.attempt_number,
            task_queue=self._payloads.task_queue,
            worker_id=self._worker_id,
            heartbeat_details=task.heartbeat_details,
        )
        log.info("starting %s, attempt %d", task, task.attempt_number)
        log.debug("%s is task %s", task, task.task_id)
        options = heartbeat_options(self._activities[task.activity_type])
        try:
            if options is None:
                direct = DirectHeartbeats(self._reporter, task)
                result = await self.run_attempt(raw, task, info, direct, arguments)
                has_beaten = direct.sent
            else:
                async with heartbeats(
                    options,
                    self._transport,
                    self._reporter,
                    task,
                    self._worker_id,
                    lambda: self._held.cancel(task.task_id, "the server asked it to"),
                ) as progress:
                    result = await self.run_attempt(raw, task, info, progress, arguments)
                has_beaten = progress.sent
        except Dropped:
            return "dropped"  # it is somebody else's by now, or its run has ended
        except Ended as ended:
            return await self._ended(task, ended.error)
        except Exception as error:  # noqa: BLE001 - the activity's own, to be reported
            final = is_non_retryable(error)
            return await self._raised(task, error, "failed_non_retryable" if final else "failed")
        return await self._complete(task, result, has_beaten=has_beaten)

    async def run_attempt(
        self,
        raw: JsonObject,
        task: ActivityTask,
        info: ActivityInfo,
        progress: ActivityHeartbeatTransport,
        arguments: list[Any],
    ) -> Any:
        """Run the code of an attempt, within its interceptors; returns its result.

        Args:
            raw: The task as the server sent it.
            task: The same, read. Whoever finds this frame on a stack reads it from there.
            info: What the code sees of it.
            progress: Takes its heartbeats.
            arguments: Decoded.
        """
        context = ActivityContext(info=info, client=progress, loop=asyncio.get_running_loop())
        activity._set_context(context)
        try:
            with self._held.stopping(task.task_id, context):
                return await contained(
                    self._call(
                        ActivityInterceptorContext(
                            worker_id=self._worker_id,
                            task_queue=self._payloads.task_queue,
                            task=raw,
                            activity_type=task.activity_type,
                            args=tuple(arguments),
                        )
                    )
                )
        finally:
            activity._set_context(None)

    async def _ended(self, task: ActivityTask, error: BaseException) -> str:
        if isinstance(error, ActivityCancelled):
            log.info("%s was cancelled", task)
            failed = Failed("activity cancelled", "ActivityCancelled", non_retryable=True)
            return await self._fail(task, failed, "cancelled")
        if isinstance(error, _FAILURES):
            return await self._raised(task, error, "failed")
        raise error

    async def _raised(self, task: ActivityTask, error: BaseException, outcome: str) -> str:
        non_retryable = outcome == "failed_non_retryable"
        failed = failed_with(
            error, failure_message(error), users_trace_text(error), non_retryable=non_retryable
        )
        _log_failed(task, failed, error)
        return await self._fail(task, failed, outcome)

    async def _complete(self, task: ActivityTask, result: Any, *, has_beaten: bool) -> str:
        log.info("completing %s", task)
        # Cut for the log: a result may be as long as the server accepts.
        log.debug("result of %s: %.2000r", task, result)
        error = await self._reporter.complete_activity_task(
            # Heartbeats are events of the run, which its machine has not seen.
            task,
            result,
            None if has_beaten else self._decide,
        )
        if error is None:
            return "completed"
        if run_has_ended(error):
            log.info("%s is over, its run has ended: %s", task, error)
            return "complete_error"
        log.warning("completion of %s failed: %s", task, error)
        if isinstance(error, Unsent):
            # Another attempt may find the storage working.
            error, what = error.error, "activity result cannot be stored"
            trace = "".join(traceback.format_exception(error))
            failed = failed_with(error, f"{what}: {failure_message(error)}", trace)
            return await self._fail(task, failed, "complete_error")
        if isinstance(error, Unencodable):
            error, what = error.error, "activity result cannot be encoded"
        elif is_refused(error):
            what = "activity result was refused"
        else:
            return "complete_error"
        # Running the activity again would give the same result. If it is not reported, the attempt
        # would stay leased and then do just that.
        trace = "".join(traceback.format_exception(error))
        failed = failed_with(error, f"{what}: {error}", trace, non_retryable=True)
        return await self._fail(task, failed, "complete_error")

    async def _fail(self, task: ActivityTask, failed: Failed, outcome: str) -> str:
        await self._reporter.fail_activity_task(task, failed)
        return outcome

    async def _decode_arguments(self, task: ActivityTask) -> list[Any]:
        arguments, codec = task.arguments, task.payload_codec
        if not _is_stored(arguments):
            return self._payloads.decode_arguments(arguments, codec)
        # In a thread, because fetching blocks.
        fetching = self._threads.submit(
            lambda run: self._payloads.decode_arguments(cast("object", arguments), codec)
        )
        return await asyncio.wrap_future(fetching)

    async def _call_function(self, context: ActivityInterceptorContext) -> Any:
        function = self._activities[context.activity_type]
        if _is_coroutine_function(function):
            return await self._held.stoppable(
                str(context.task.get("task_id")),
                function(*self._payloads.fit(function, context.args)),
            )
        result = await self._call_in_thread(
            str(context.task.get("task_id")), function, context.args
        )
        if inspect.isawaitable(result):
            return await self._held.stoppable(str(context.task.get("task_id")), result)
        return result

    async def _call_in_thread(
        self, task_id: str, function: Callable[..., Any], args: tuple[Any, ...]
    ) -> Any:
        # `activity.context()` and the user's own context variables must have their values in the
        # thread.
        context = contextvars.copy_context()
        fit = self._payloads.fit

        def call(run: CodeRun[Any]) -> Any:
            try:
                return context.run(function, *fit(function, args))
            except BaseException as error:  # noqa: BLE001 - raised again where it is awaited
                return _Raised(error)

        running = self._threads.submit(call)
        try:
            result = await asyncio.wrap_future(running)
        except asyncio.CancelledError:
            self._left_behind[task_id] = running
            raise
        if isinstance(result, _Raised):
            raise result.error
        return result


def _is_stored(arguments: object) -> bool:
    """Whether arguments stand in external storage."""
    return isinstance(arguments, dict) and "external_storage" in arguments


def _without_arguments(task: ActivityTask, error: Exception) -> Failed:
    """The failure of an attempt whose arguments cannot be had. What cannot be decoded never can."""
    log.error("cannot decode the arguments of %s", task, exc_info=error)
    trace = "".join(traceback.format_exception(error))
    if _is_stored(task.arguments) and not is_unreadable(error):
        what = "cannot fetch activity arguments from external storage"
        return failed_with(error, f"{what}: {failure_message(error)}", trace)
    codec = task.payload_codec or "json"
    return failed_with(
        error,
        f"cannot decode activity arguments with codec '{codec}': {error}. "
        "Check that the activity was scheduled with a codec that this worker speaks.",
        trace,
        non_retryable=True,
    )


def _log_failed(task: ActivityTask, failed: Failed, error: BaseException) -> None:
    """Log a failed attempt: in one line, and with the traceback where no other attempt follows."""
    again = task.attempts.outlook(
        task.attempt_number, failed.failure_type, for_good=failed.non_retryable
    )
    if again is not None:
        log.warning("%s failed, %s: %s: %s", task, again, failed.failure_type, failed.message)
        return
    # Said because it is the default, which surprises those who know others.
    once = task.attempts.most == 1 and not failed.non_retryable
    exc_info: Any = (type(error), error, users_trace(error))
    log.error(
        "%s failed, attempt %d of %d, not tried again%s",
        task,
        task.attempt_number,
        task.attempts.last,
        ": a retry_policy with max_attempts would" if once else "",
        exc_info=exc_info,
    )


def _is_coroutine_function(function: Callable[..., Any]) -> bool:
    if type(function) is FunctionType and function.__code__.co_flags & inspect.CO_COROUTINE:
        return True  # to ask `inspect` takes longer
    call = getattr(function, "__call__", None)  # noqa: B004 - an object may be async to call
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(call)
