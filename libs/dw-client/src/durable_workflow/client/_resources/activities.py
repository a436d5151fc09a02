"""Methods about standalone activities."""

import asyncio
import time
from functools import partial
from typing import Any, overload

from durable_workflow._conversion import reading_results
from durable_workflow._wire.headers import PREFER
from durable_workflow._wire.json_values import JsonObject, object_or_empty, present, text
from durable_workflow.client._arguments import Result, Seconds, WholeSeconds, capable, seconds
from durable_workflow.client._away import is_away, until_back, why_away
from durable_workflow.client._call import Call, Repeat, Response, json_object, reading
from durable_workflow.client._handles import StandaloneActivityHandle
from durable_workflow.client._keys import new_key
from durable_workflow.client._payloads import positional
from durable_workflow.client._results.activities import (
    StandaloneActivityExecution,
    StandaloneActivityList,
    activity_list,
)
from durable_workflow.client._routes import Route
from durable_workflow.client._run_ends import TERMINAL, Raised, from_description
from durable_workflow.client._run_wait import described, was_held
from durable_workflow.client._session import Session
from durable_workflow.client._still_open import still_open
from durable_workflow.errors import WorkflowCancelled, WorkflowFailed, WorkflowTerminated
from durable_workflow.workflow import ActivityRetryPolicyInput
from durable_workflow.workflow._policies import retry_policy_of


class ActivityMethods(Session):
    """Standalone activities: activities that no workflow of the application starts."""

    async def start_activity(
        self,
        *,
        activity_type: str,
        task_queue: str,
        activity_id: str | None = None,
        activity_class: str | None = None,
        input: list[Any] | None = None,
        business_key: str | None = None,
        retry_policy: ActivityRetryPolicyInput | None = None,
        start_to_close_timeout_seconds: WholeSeconds | None = None,
        schedule_to_start_timeout_seconds: WholeSeconds | None = None,
        schedule_to_close_timeout_seconds: WholeSeconds | None = None,
        heartbeat_timeout_seconds: WholeSeconds | None = None,
    ) -> StandaloneActivityHandle:
        """Start an activity by itself.

        Args:
            activity_type: Its type.
            task_queue: The queue whose workers may run it.
            activity_id: Its id; None lets the server choose.
            activity_class: A label.
            input: Its positional arguments; None sends none.
            business_key: A key of the application's.
            retry_policy: An `ActivityRetryPolicy`, or a mapping with fields of one, as for
                `schedule_activity`; None tries once.
            start_to_close_timeout_seconds: Limit of one attempt.
            schedule_to_start_timeout_seconds: Limit of the wait for a worker.
            schedule_to_close_timeout_seconds: Limit of all attempts together.
            heartbeat_timeout_seconds: Longest silence of an attempt.

        Returns:
            A handle with the ids that the server gave.

        Raises:
            WorkflowAlreadyStarted: The id is taken.
            InvalidArgument: The server refuses an argument.
            TypeError: An argument, or a field of the retry policy, is of a wrong type.
            ValueError: A field of the retry policy is out of range, or a mapping has none of them.
        """
        policy = None
        if retry_policy is not None:
            policy = retry_policy_of(f"activity {activity_type!r}", retry_policy)
        envelope = None
        if input is not None:
            envelope = await self._payloads.encode(
                positional("input", input),
                self._payload_context(
                    "activity_input", activity_name=activity_type, task_queue=task_queue
                ),
            )
        started = await self._send(
            Call(
                "POST",
                Route.ACTIVITIES,
                json_object,
                body=present(
                    activity_type=activity_type,
                    task_queue=task_queue,
                    activity_id=activity_id,
                    activity_class=activity_class,
                    business_key=business_key,
                    input=envelope,
                    retry_policy=policy,
                    start_to_close_timeout_seconds=start_to_close_timeout_seconds,
                    schedule_to_start_timeout_seconds=schedule_to_start_timeout_seconds,
                    schedule_to_close_timeout_seconds=schedule_to_close_timeout_seconds,
                    heartbeat_timeout_seconds=heartbeat_timeout_seconds,
                ),
                context=activity_id or activity_type,
                # Not by its id: an activity may have ended before its start is sent again.
                headers=new_key(),
                repeat=Repeat.IF_KEYED,
            )
        )
        return StandaloneActivityHandle(
            self._as_client,
            text(started.get("activity_id"), activity_id),
            workflow_run_id=started.get("workflow_run_id"),
            activity_execution_id=started.get("activity_execution_id"),
            workflow_type=text(started.get("workflow_type")),
            activity_type=text(started.get("activity_type"), activity_type),
        )

    def get_activity_handle(
        self,
        activity_id: str,
        *,
        workflow_run_id: str | None = None,
        activity_execution_id: str | None = None,
        activity_type: str = "",
    ) -> StandaloneActivityHandle:
        """Make a handle for an activity by its id. Sends nothing, and does not check the id.

        Args:
            activity_id: Its id.
            workflow_run_id: Its host run.
            activity_execution_id: Its execution.
            activity_type: Its type.
        """
        return StandaloneActivityHandle(
            self._as_client,
            activity_id,
            workflow_run_id=workflow_run_id,
            activity_execution_id=activity_execution_id,
            activity_type=activity_type,
        )

    async def describe_activity(self, activity_id: str) -> StandaloneActivityExecution:
        """Describe a standalone activity, with its decoded result.

        Args:
            activity_id: Its id.

        Raises:
            WorkflowNotFound: There is none of that id.
            ValueError: The result cannot be decoded, or stands in external storage that this
                client has no driver for.
        """
        response = await self._send(_description_of(activity_id))
        return await self._execution(activity_id, json_object(response))

    async def list_activities(
        self,
        *,
        status: str | None = None,
        page_size: int | None = None,
        next_page_token: str | None = None,
    ) -> StandaloneActivityList:
        """List standalone activities, one page.

        Args:
            status: Only those that are `running`, `completed` or `failed`.
            page_size: Most rows of the page.
            next_page_token: Token that the page before came with.
        """
        return await self._send(
            Call(
                "GET",
                Route.ACTIVITIES,
                reading(activity_list),
                query={
                    "status": status,
                    "page_size": page_size,
                    "next_page_token": next_page_token,
                },
            )
        )

    @overload
    async def get_activity_result(
        self,
        handle: StandaloneActivityHandle,
        *,
        poll_interval: Seconds = 0.5,
        timeout: Seconds = 30.0,
        result_type: type[Result],
    ) -> Result: ...
    @overload
    async def get_activity_result(
        self,
        handle: StandaloneActivityHandle,
        *,
        poll_interval: Seconds = 0.5,
        timeout: Seconds = 30.0,
        result_type: Any = None,
    ) -> Any: ...
    async def get_activity_result(
        self,
        handle: StandaloneActivityHandle,
        *,
        poll_interval: Seconds = 0.5,
        timeout: Seconds = 30.0,
        result_type: Any = None,
    ) -> Any:
        """Wait for a standalone activity, and return its decoded result.

        With a host run in the handle it waits for that run, otherwise for the newest one of the id.

        Args:
            handle: The activity.
            poll_interval: Seconds between two questions to a server that does not hold responses.
            timeout: Seconds to wait; the server is asked once at least.
            result_type: The type of the result, as for `get_result`.

        Raises:
            WorkflowFailed: It failed.
            WorkflowTimedOut: One of its timeouts passed. A `WorkflowFailed`.
            WorkflowTerminated: It was terminated.
            WorkflowCancelled: It was cancelled. A BaseException.
            TimeoutError: It is still running after `timeout`, or the server could not be reached in
                that time.
            ArgumentMismatch: The result does not fit `result_type`.
        """
        read = reading_results(result_type)
        capable("handle", handle, "activity_id", "a StandaloneActivityHandle")
        limit = seconds("timeout", timeout)
        pause = seconds("poll_interval", poll_interval)
        with self._open_calls.one():
            return read(await self._awaited(handle, pause, limit))

    async def _awaited(self, handle: StandaloneActivityHandle, pause: float, limit: float) -> Any:
        """The result of an activity, once it has ended."""
        deadline = time.monotonic() + limit
        late = f"activity {handle.activity_id} did not finish within {limit:g} s"
        describe = partial(self._describe_held, handle.activity_id, deadline)
        while True:
            asked_at = time.monotonic()
            try:
                response = await until_back(describe, deadline=deadline)
            except Exception as error:
                if time.monotonic() < deadline or not is_away(error):
                    raise
                raise TimeoutError(f"{late}: {why_away(error)}") from error
            data = json_object(response)
            if _is_another_run(data, handle):
                return await self._result_of_host(handle, pause, deadline)
            if data.get("status") in TERMINAL:
                return _result_of(data, await self._execution(handle.activity_id, data))
            if (remaining := deadline - time.monotonic()) <= 0:
                raise TimeoutError(
                    late + await still_open(self._send, handle.activity_id, handle.workflow_run_id)
                )
            # A response that the server held counts as a pause.
            held = time.monotonic() - asked_at if was_held(response) else 0.0
            await asyncio.sleep(max(0.0, min(pause - held, remaining)))

    async def _describe_held(self, activity_id: str, deadline: float) -> Response:
        """Describe an activity; the server holds the response until it has ended, if it can."""
        hold = self._holds.seconds(deadline - time.monotonic())
        with self._holds:
            return await self._send(
                _description_of(
                    activity_id,
                    headers={PREFER: f"wait={hold}"} if hold else {},
                    timeout=self._outlasting(hold or None),
                )
            )

    async def _execution(self, activity_id: str, data: JsonObject) -> StandaloneActivityExecution:
        result = None
        if _is_payload(data.get("result")):
            [result] = await self._payloads.decode([data["result"]], data.get("payload_codec"))
        return StandaloneActivityExecution.from_dict(data, activity_id=activity_id, result=result)

    async def _result_of_host(
        self, handle: StandaloneActivityHandle, poll_interval: float, deadline: float
    ) -> Any:
        """The result of a host run whose activity id was started again since."""
        client = self._as_client
        host = client.get_workflow_handle(handle.activity_id, run_id=handle.workflow_run_id)
        return await client.get_result(
            host, poll_interval=poll_interval, timeout=max(0.0, deadline - time.monotonic())
        )


def _description_of(activity_id: str, **options: Any) -> Call[Response]:
    return Call("GET", Route.ACTIVITY, described, path={"activity_id": activity_id}, **options)


def _is_another_run(data: JsonObject, handle: StandaloneActivityHandle) -> bool:
    """Whether a description is of another host run than the one that a handle names."""
    wanted = handle.workflow_run_id
    return wanted is not None and data.get("workflow_run_id") not in {None, wanted}


def _is_payload(result: object) -> bool:
    members = object_or_empty(result)
    return members.get("blob") is not None or members.get("external_storage") is not None


def _result_of(data: JsonObject, execution: StandaloneActivityExecution) -> Any:
    if execution.status == "completed":
        return execution.result
    end = from_description(data)
    if isinstance(end, Raised):
        raise end.error
    # The server does not describe failures.
    reason = (execution.closed_reason,) if execution.closed_reason else ()
    match execution.status:
        case "failed":
            raise WorkflowFailed(*reason or ("activity failed",))
        case "terminated":
            raise WorkflowTerminated(*reason)
        case _:
            raise WorkflowCancelled(*reason)
