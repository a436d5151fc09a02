"""Calls of a worker: registration, polls, reports of tasks.

The client's methods make the bodies out of their arguments, a worker out of its tasks.
"""

from secrets import token_hex
from typing import Any, Final

from durable_workflow._meet import Lease
from durable_workflow._protocol import DEFAULT_SDK_VERSION
from durable_workflow._wire.json_values import JsonObject, object_or_empty, present
from durable_workflow.client._arguments import Seconds, seconds
from durable_workflow.client._call import Call, Repeat, Response, document
from durable_workflow.client._routes import Route

# Seconds that the response to a held heartbeat may take to arrive.
_HOLD_GRACE_SECONDS: Final = 5.0
# By kind of task, how the ids of polls begin.
_POLL_PREFIX: Final = {"workflow": "wf-poll-", "activity": "activity-poll-", "query": "query-poll-"}
_OF_THIS_SDK: Final = {"runtime": "python", "sdk_version": DEFAULT_SDK_VERSION}


def register(body: JsonObject) -> Call[Any]:
    """Register a worker. Runtime and SDK version are ours unless the body names others.

    Raises:
        ValueError: A capacity is less than 1.
    """
    for name in ("max_concurrent_workflow_tasks", "max_concurrent_activity_tasks"):
        if (capacity := body.get(name)) is not None and capacity < 1:
            raise ValueError(f"{name} must be at least 1")
    return _worker_call(Route.WORKER_REGISTER, _OF_THIS_SDK | body)


def heartbeat(body: JsonObject) -> Call[Any]:
    """Say that a worker is alive. With `wait_seconds` the server may hold the response."""
    wait_seconds = body.get("wait_seconds")
    return Call(
        "POST",
        Route.WORKER_HEARTBEAT,
        document,
        body=body,
        worker=True,
        context=body["worker_id"],
        timeout=None if wait_seconds is None else wait_seconds + _HOLD_GRACE_SECONDS,
        # A held heartbeat that is lost is not repeated: the next one is newer.
        repeat=Repeat.ALWAYS if wait_seconds is None else Repeat.IF_UNSENT,
    )


def release(body: JsonObject) -> Call[Any]:
    """Say that a worker has ended."""
    return _worker_call(Route.WORKER_DEREGISTER, body)


def poll(kind: str, body: JsonObject, *, timeout: Seconds) -> Call[Any]:
    """Wait for a task; `kind` is `workflow`, `activity` or `query`.

    A `poll_request_id` in the body is that of an earlier poll whose answer was lost.
    """
    return Call(
        "POST",
        Route(f"/worker/{kind}-tasks/poll"),
        _task,
        body=body if "poll_request_id" in body else {"poll_request_id": poll_id(kind), **body},
        worker=True,
        timeout=seconds("timeout", timeout),
        context=body["worker_id"],
        repeat=Repeat.LONG_POLL,
    )


def poll_id(kind: str) -> str:
    """A new id, by which the server finds the repetitions of one poll."""
    return _POLL_PREFIX[kind] + token_hex(16)


def about_task(lease: Lease, verb: str, body: JsonObject) -> Call[Any]:
    """Complete or fail a task, renew its lease, or fetch its history.

    Args:
        lease: The task.
        verb: `complete`, `fail`, `heartbeat` or `history`.
        body: What is sent besides the lease.
    """
    return Call(
        "POST",
        Route(f"/worker/{lease.kind}-tasks/{{task_id}}/{verb}"),
        document,
        path={"task_id": lease.task_id},
        body={**lease.fields(), **body},
        worker=True,
    )


def failure(
    message: str, failure_type: str | None, stack_trace: str | None, *, reason: str | None = None
) -> JsonObject:
    """What a task says about why it failed."""
    return present(message=message, reason=reason, type=failure_type, stack_trace=stack_trace)


def _worker_call(route: Route, body: JsonObject) -> Call[Any]:
    return Call("POST", route, document, body=body, worker=True, context=body["worker_id"])


def _task(response: Response) -> Any:
    return object_or_empty(response.body).get("task")
