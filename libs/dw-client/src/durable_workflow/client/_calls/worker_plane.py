"""Requests of a worker: registration, polls, and what becomes of its tasks."""

from typing import Any, Final
from uuid import uuid4

from durable_workflow._protocol import DEFAULT_SDK_VERSION
from durable_workflow.client._call import Answer, Call, Repeat, document
from durable_workflow.client._json import JsonObject, object_or_empty, present

# Seconds that the answer to a held heartbeat may be under way.
_HOLD_GRACE_SECONDS: Final = 5.0
# The kind of a task as routes spell it, and as the ids of polls do.
_POLL_PREFIX: Final = {"workflow": "wf-poll-", "activity": "activity-poll-", "query": "query-poll-"}


def register(
    *,
    worker_id: str,
    task_queue: str,
    supported_workflow_types: list[str] | None,
    workflow_definition_fingerprints: dict[str, str] | None,
    supported_activity_types: list[str] | None,
    max_concurrent_workflow_tasks: int | None,
    max_concurrent_activity_tasks: int | None,
    runtime: str,
    sdk_version: str | None,
    build_id: str | None,
    capabilities: list[str] | None,
    task_slots: dict[str, int] | None,
    process_metrics: JsonObject | None,
    heartbeat_interval_seconds: int | None,
    session: str | None,
) -> Call[Any]:
    """Announce a worker.

    Raises:
        ValueError: A capacity is less than 1.
    """
    for name, capacity in (
        ("max_concurrent_workflow_tasks", max_concurrent_workflow_tasks),
        ("max_concurrent_activity_tasks", max_concurrent_activity_tasks),
    ):
        if capacity is not None and capacity < 1:
            raise ValueError(f"{name} must be at least 1")
    if capabilities is not None:
        capabilities = [capability for capability in capabilities if capability]
    return _worker_call(
        "/worker/register",
        present(
            worker_id=worker_id,
            task_queue=task_queue,
            runtime=runtime,
            sdk_version=sdk_version or DEFAULT_SDK_VERSION,
            supported_workflow_types=supported_workflow_types or [],
            supported_activity_types=supported_activity_types or [],
            workflow_definition_fingerprints=workflow_definition_fingerprints,
            capabilities=capabilities,
            build_id=build_id,
            max_concurrent_workflow_tasks=max_concurrent_workflow_tasks,
            max_concurrent_activity_tasks=max_concurrent_activity_tasks,
            task_slots=task_slots,
            process_metrics=process_metrics,
            heartbeat_interval_seconds=heartbeat_interval_seconds,
            session=session,
        ),
        context=worker_id,
    )


def heartbeat(
    *,
    worker_id: str,
    task_slots: dict[str, int] | None,
    process_metrics: JsonObject | None,
    heartbeat_interval_seconds: int | None,
    session: str | None,
    held_tasks: list[JsonObject] | None,
    wait_seconds: int | None,
) -> Call[Any]:
    """Say that a worker is alive."""
    body = present(
        worker_id=worker_id,
        task_slots=task_slots or None,
        process_metrics=process_metrics or None,
        heartbeat_interval_seconds=heartbeat_interval_seconds,
        session=session,
        held_tasks=held_tasks,
        wait_seconds=wait_seconds,
    )
    return Call(
        "POST",
        "/worker/heartbeat",
        document,
        body=body,
        worker=True,
        context=worker_id,
        timeout=None if wait_seconds is None else wait_seconds + _HOLD_GRACE_SECONDS,
        # The next heartbeat says more than a repetition of one that was held and lost.
        repeat=Repeat.ALWAYS if wait_seconds is None else Repeat.IF_UNSENT,
    )


def release(*, worker_id: str, session: str) -> Call[Any]:
    """Say that a worker has ended."""
    return _worker_call(
        "/worker/deregister", {"worker_id": worker_id, "session": session}, context=worker_id
    )


def poll(
    kind: str, *, worker_id: str, task_queue: str, timeout: float, session: str | None = None
) -> Call[Any]:
    """Wait for a task; `kind` is `workflow`, `activity` or `query`."""
    return Call(
        "POST",
        f"/worker/{kind}-tasks/poll",
        _task,
        body={
            "worker_id": worker_id,
            "task_queue": task_queue,
            "poll_request_id": _POLL_PREFIX[kind] + uuid4().hex,
            **present(session=session),
        },
        worker=True,
        timeout=timeout,
        context=worker_id,
        repeat=Repeat.LONG_POLL,
    )


def complete_workflow_task(
    task_id: str,
    *,
    lease_owner: str,
    attempt: int,
    commands: list[JsonObject],
    keep_history: bool = False,
) -> Call[Any]:
    """Hand in the commands of a workflow task."""
    # Absent for every server that did not offer the extension.
    sticky: JsonObject = {"keep_history": True} if keep_history else {}
    return _workflow_task(task_id, "complete", lease_owner, attempt, commands=commands, **sticky)


def fail_workflow_task(
    task_id: str, *, lease_owner: str, attempt: int, failure: JsonObject
) -> Call[Any]:
    """Give a workflow task back."""
    return _workflow_task(task_id, "fail", lease_owner, attempt, failure=failure)


def heartbeat_workflow_task(task_id: str, *, lease_owner: str, attempt: int) -> Call[Any]:
    """Renew the lease of a workflow task."""
    return _workflow_task(task_id, "heartbeat", lease_owner, attempt)


def workflow_task_history(task_id: str, *, token: str, lease_owner: str, attempt: int) -> Call[Any]:
    """A further page of the history of a leased workflow task."""
    return _workflow_task(task_id, "history", lease_owner, attempt, next_history_page_token=token)


def complete_query_task(
    query_task_id: str, *, lease_owner: str, attempt: int, result: Any, envelope: JsonObject
) -> Call[Any]:
    """Answer a query, once as plain JSON and once as an envelope."""
    body = {
        "lease_owner": lease_owner,
        "query_task_attempt": attempt,
        # Sent even when it is null: the key is what says that there is an answer.
        "result": result,
        "result_envelope": envelope,
    }
    return _task_call("query", query_task_id, "complete", body)


def fail_query_task(
    query_task_id: str, *, lease_owner: str, attempt: int, failure: JsonObject
) -> Call[Any]:
    """Refuse a query."""
    body = {"lease_owner": lease_owner, "query_task_attempt": attempt, "failure": failure}
    return _task_call("query", query_task_id, "fail", body)


def complete_activity_task(
    task_id: str, *, activity_attempt_id: str, lease_owner: str, result: JsonObject
) -> Call[Any]:
    """Hand in the result of an attempt, as an envelope."""
    return _activity_task(task_id, "complete", activity_attempt_id, lease_owner, result=result)


def fail_activity_task(
    task_id: str, *, activity_attempt_id: str, lease_owner: str, failure: JsonObject
) -> Call[Any]:
    """Report that an attempt failed."""
    return _activity_task(task_id, "fail", activity_attempt_id, lease_owner, failure=failure)


def heartbeat_activity_task(
    task_id: str, *, activity_attempt_id: str, lease_owner: str, details: JsonObject | None
) -> Call[Any]:
    """Report progress of an attempt; `details` is plain JSON."""
    return _activity_task(
        task_id, "heartbeat", activity_attempt_id, lease_owner, **present(details=details)
    )


def failure(
    message: str, failure_type: str | None, stack_trace: str | None, *, reason: str | None = None
) -> JsonObject:
    """What a task says about why it failed."""
    return present(message=message, reason=reason, type=failure_type, stack_trace=stack_trace)


def _workflow_task(
    task_id: str, verb: str, lease_owner: str, attempt: int, **members: Any
) -> Call[Any]:
    body = {"lease_owner": lease_owner, "workflow_task_attempt": attempt, **members}
    return _task_call("workflow", task_id, verb, body)


def _activity_task(
    task_id: str, verb: str, activity_attempt_id: str, lease_owner: str, **members: Any
) -> Call[Any]:
    body = {"activity_attempt_id": activity_attempt_id, "lease_owner": lease_owner, **members}
    return _task_call("activity", task_id, verb, body)


def _task_call(kind: str, task_id: str, verb: str, body: JsonObject) -> Call[Any]:
    return Call(
        "POST",
        f"/worker/{kind}-tasks/{{task_id}}/{verb}",
        document,
        path={"task_id": task_id},
        body=body,
        worker=True,
        context=task_id,
    )


def _worker_call(route: str, body: JsonObject, *, context: str) -> Call[Any]:
    return Call("POST", route, document, body=body, worker=True, context=context)


def _task(answer: Answer) -> Any:
    return object_or_empty(answer.body).get("task")
