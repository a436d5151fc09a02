"""From an input envelope to a result envelope, by way of the application's function."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, cast

from durable_workflow import serializer
from durable_workflow._conversion import converted
from durable_workflow._wire.texts import error_text
from durable_workflow.errors import ActivityCancelled, is_non_retryable
from durable_workflow.external_storage import ExternalPayloadCache, ExternalStorageDriver
from durable_workflow.external_task_input import ExternalTaskInput, parse_external_task_input
from durable_workflow.external_task_result import (
    EXTERNAL_TASK_RESULT_SCHEMA,
    EXTERNAL_TASK_RESULT_VERSION,
)
from durable_workflow.invocable._deadlines import (
    Deadline,
    UnreadableDeadline,
    deadlines_of,
    first_passed,
)
from durable_workflow.invocable._outcomes import (
    Completed,
    Failed,
    cancelled,
    passed,
    raised,
    timed_out,
    undecoded,
    unreadable,
)

InvocableActivityCallable = Callable[..., Any | Awaitable[Any]]

_RESULT_TYPE: Final = "application/vnd.durable-workflow.result+json"


class InvocableActivityHandler:
    """Runs activities that are carried here one by one, each as an envelope.

    A coroutine function runs on the event loop, and is ended at the nearest deadline. Any other
    function runs in a thread; it can't be ended, and a result that comes too late is not reported.
    """

    def __init__(
        self,
        handlers: Mapping[str, InvocableActivityCallable],
        *,
        carrier: str = "python-invocable",
        result_codec: str = "avro",
        external_storage: ExternalStorageDriver | None = None,
        external_storage_cache: ExternalPayloadCache | None = None,
    ) -> None:
        """Make a handler.

        Args:
            handlers: Functions by activity type.
            carrier: What results say of who carried the task.
            result_codec: Codec of results.
            external_storage: Where referenced arguments are fetched.
            external_storage_cache: Keeps what was fetched.

        Raises:
            ValueError: The codec is not known.
        """
        if result_codec not in serializer.SUPPORTED_CODECS:
            raise ValueError(f"unsupported result codec: {result_codec!r}")
        self._handlers = dict(handlers)
        self._carrier = carrier
        self._codec = result_codec
        self._storage = external_storage
        self._cache = external_storage_cache

    async def handle(self, envelope: Mapping[str, Any]) -> dict[str, Any]:
        """Run one task.

        Args:
            envelope: The input envelope.

        Returns:
            The result envelope. What goes wrong with the task itself is a failure in it.

        Raises:
            ExternalTaskInputError: The envelope does not follow the contract.
        """
        task = parse_external_task_input(envelope)
        started = time.perf_counter()
        outcome = await self._outcome(task)
        return self._result(task, outcome, int((time.perf_counter() - started) * 1000))

    async def _outcome(self, task: ExternalTaskInput) -> Completed | Failed:
        if not task.is_activity_task:
            return Failed("only activity tasks can be handled", "UnsupportedExternalTaskKind")
        try:
            deadlines = deadlines_of(task)
        except UnreadableDeadline as error:
            return unreadable(error)
        if (late := first_passed(deadlines, datetime.now(UTC))) is not None:
            return passed(late)
        function = self._handlers.get(task.task.handler or "")
        if function is None:
            return Failed(f"no handler for {task.task.handler!r}", "UnknownActivityHandler")
        outcome = await self._run(function, task, deadlines)
        late = first_passed(deadlines, datetime.now(UTC))
        if late is not None and isinstance(outcome, Completed):
            return passed(late, completed=True)
        return outcome

    async def _run(
        self,
        function: InvocableActivityCallable,
        task: ExternalTaskInput,
        deadlines: list[Deadline],
    ) -> Completed | Failed:
        payload = task.payloads.get("arguments")
        codec = _codec_of(payload)
        try:
            given = await asyncio.to_thread(self._arguments, payload, codec)
            arguments = converted(function, given)
        except Exception as error:  # noqa: BLE001 - whatever a codec or a driver raises
            return undecoded(error, codec)
        now = datetime.now(UTC)
        remaining = min((each.seconds_left(now) for each in deadlines), default=None)
        try:
            result = await _call(function, arguments, remaining)
        except ActivityCancelled as error:
            return cancelled(error)
        except TimeoutError as error:
            return timed_out(error)
        except Exception as error:  # noqa: BLE001 - the application's own
            return raised(error, retryable=not is_non_retryable(error))
        try:
            return Completed(dict(serializer.envelope(result, self._codec)))
        except (TypeError, ValueError) as error:
            return undecoded(error, self._codec)

    def _arguments(self, payload: Any, codec: str) -> list[Any]:
        if payload is None:
            return []
        if isinstance(payload, dict):
            payload = {**cast("dict[str, Any]", payload), "codec": codec}
        decoded = serializer.decode_envelope(
            payload,
            codec,
            external_storage=self._storage,
            external_storage_cache=self._cache,
        )
        if decoded is None:
            return []
        if not isinstance(decoded, list):
            return [decoded]
        arguments: list[Any] = decoded  # pyright: ignore[reportUnknownVariableType]
        return arguments

    def _result(
        self, task: ExternalTaskInput, outcome: Completed | Failed, duration_ms: int
    ) -> dict[str, Any]:
        identity = task.task
        result: dict[str, Any] = {
            "schema": EXTERNAL_TASK_RESULT_SCHEMA,
            "version": EXTERNAL_TASK_RESULT_VERSION,
            "task": {
                "id": identity.id,
                "kind": identity.kind,
                "attempt": identity.attempt,
                "idempotency_key": identity.idempotency_key,
            },
            "metadata": {
                "handler": identity.handler,
                "carrier": self._carrier,
                "duration_ms": duration_ms,
            },
        }
        match outcome:
            case Completed(payload):
                result["outcome"] = {"status": "succeeded", "recorded": True}
                metadata = {"content_type": _RESULT_TYPE}
                result["result"] = {"payload": payload, "metadata": metadata}
            case Failed():
                result["outcome"] = {
                    "status": "failed",
                    "retryable": outcome.retryable,
                    "recorded": True,
                }
                result["failure"] = outcome.document()
        return result


async def handle_invocable_activity(
    envelope: Mapping[str, Any],
    handlers: Mapping[str, InvocableActivityCallable],
    **options: Any,
) -> dict[str, Any]:
    """Run one task.

    Args:
        envelope: The input envelope.
        handlers: Functions by activity type.
        options: Further arguments of `InvocableActivityHandler`.

    Raises:
        ExternalTaskInputError: The envelope does not follow the contract.
        ValueError: The result codec is not known.
    """
    return await InvocableActivityHandler(handlers, **options).handle(envelope)


async def _call(
    function: InvocableActivityCallable, arguments: Sequence[Any], remaining: float | None
) -> Any:
    if inspect.iscoroutinefunction(function):
        result: Any = function(*arguments)
    else:
        result = await _in_thread(function, arguments)
    if not inspect.isawaitable(result):
        return result
    async with asyncio.timeout(remaining):
        return await result


async def _in_thread(function: InvocableActivityCallable, arguments: Sequence[Any]) -> Any:
    """Call a function in a thread.

    Its error comes back as a value: a future refuses `StopIteration`, and would wait for ever, and
    `SystemExit` would end the event loop.
    """

    def call() -> tuple[Any, BaseException | None]:
        try:
            return function(*arguments), None
        except BaseException as error:  # noqa: BLE001 - raised where it is awaited
            return None, error

    result, error = await asyncio.to_thread(call)
    if error is None:
        return result
    if isinstance(error, Exception | ActivityCancelled) and not isinstance(error, StopIteration):
        raise error
    text = error_text(error)
    raise RuntimeError(
        f"the handler raised {type(error).__name__}" + (f": {text}" if text else "")
    ) from error


def _codec_of(payload: Any) -> str:
    codec: object = None
    if isinstance(payload, dict):
        codec = cast("dict[str, Any]", payload).get("codec")
    return codec if isinstance(codec, str) else serializer.JSON_CODEC
