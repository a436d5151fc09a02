"""Requests about workflows and their runs."""

from typing import Any

from durable_workflow._wire.headers import PREFER
from durable_workflow.client._call import (
    Answer,
    Call,
    Repeat,
    document,
    json_object,
    nothing,
    reading,
)
from durable_workflow.client._json import JsonObject, count, objects, present, text
from durable_workflow.client._results.workflows import (
    WorkflowCommandResult,
    WorkflowList,
    WorkflowRun,
    WorkflowRunList,
    listed_execution,
)


def start(
    *,
    workflow_type: str,
    task_queue: str,
    workflow_id: str | None,
    input: JsonObject,
    business_key: str | None,
    execution_timeout_seconds: int | None,
    run_timeout_seconds: int | None,
    duplicate_policy: str | None,
    memo: JsonObject | None,
    search_attributes: JsonObject | None,
    priority: int | None,
    fairness_key: str | None,
    fairness_weight: int | None,
) -> Call[JsonObject]:
    """Start a workflow; `input` is the envelope of its arguments."""
    return Call(
        "POST",
        "/workflows",
        json_object,
        body=present(
            workflow_id=workflow_id,
            workflow_type=workflow_type,
            task_queue=task_queue,
            input=input,
            business_key=business_key,
            execution_timeout_seconds=execution_timeout_seconds,
            run_timeout_seconds=run_timeout_seconds,
            duplicate_policy=duplicate_policy,
            memo=memo,
            search_attributes=search_attributes,
            priority=priority,
            fairness_key=fairness_key,
            fairness_weight=fairness_weight,
        ),
        context=workflow_id or "",
        # The id is what tells a repetition from a second workflow.
        repeat=Repeat.ALWAYS if workflow_id else Repeat.IF_UNSENT,
    )


def describe(
    workflow_id: str, *, hold_seconds: int = 0, timeout: float | None = None
) -> Call[Answer]:
    """Describe the newest run; a server that can holds the answer until that run is closed."""
    return Call(
        "GET",
        "/workflows/{workflow_id}",
        _described,
        path={"workflow_id": workflow_id},
        context=workflow_id,
        headers=_hold(hold_seconds),
        timeout=timeout,
    )


def describe_run_held(
    workflow_id: str, run_id: str, *, hold_seconds: int = 0, timeout: float | None = None
) -> Call[Answer]:
    """Describe one run; a server that can holds the answer until it is closed."""
    return Call(
        "GET",
        "/workflows/{workflow_id}/runs/{run_id}",
        _described,
        path={"workflow_id": workflow_id, "run_id": run_id},
        context=workflow_id,
        headers=_hold(hold_seconds),
        timeout=timeout,
    )


def describe_run(workflow_id: str, run_id: str) -> Call[WorkflowRun]:
    """Describe one run."""
    return Call(
        "GET",
        "/workflows/{workflow_id}/runs/{run_id}",
        reading(lambda data: WorkflowRun.from_dict(data, workflow_id=workflow_id, run_id=run_id)),
        path={"workflow_id": workflow_id, "run_id": run_id},
        context=workflow_id,
    )


def list_(
    *,
    workflow_type: str | None,
    status: str | None,
    query: str | None,
    page_size: int | None,
    next_page_token: str | None,
) -> Call[WorkflowList]:
    """One page of runs."""

    def read(data: JsonObject) -> WorkflowList:
        rows = objects(data.get("workflows"))
        return WorkflowList([listed_execution(row) for row in rows], data.get("next_page_token"))

    return Call(
        "GET",
        "/workflows",
        reading(read),
        query={
            "workflow_type": workflow_type,
            "status": status,
            "query": query,
            "page_size": page_size,
            "next_page_token": next_page_token,
        },
    )


def list_runs(workflow_id: str) -> Call[WorkflowRunList]:
    """All runs of a workflow."""

    def read(data: JsonObject) -> WorkflowRunList:
        rows = objects(data.get("runs"))
        runs = [WorkflowRun.from_dict(row, workflow_id=workflow_id) for row in rows]
        return WorkflowRunList(
            workflow_id=text(data.get("workflow_id"), workflow_id),
            run_count=count(data.get("run_count", len(runs))),
            runs=runs,
        )

    return Call(
        "GET",
        "/workflows/{workflow_id}/runs",
        reading(read),
        path={"workflow_id": workflow_id},
        context=workflow_id,
    )


def history(workflow_id: str, run_id: str, *, next_page_token: str | None = None) -> Call[Any]:
    """The recorded events of a run."""
    return Call(
        "GET",
        "/workflows/{workflow_id}/runs/{run_id}/history",
        document,
        path={"workflow_id": workflow_id, "run_id": run_id},
        query={"next_page_token": next_page_token},
        context=workflow_id,
    )


def export_history(workflow_id: str, run_id: str) -> Call[Any]:
    """The history of a run as a bundle that can be verified elsewhere."""
    return Call(
        "GET",
        "/workflows/{workflow_id}/runs/{run_id}/history/export",
        document,
        path={"workflow_id": workflow_id, "run_id": run_id},
        context=workflow_id,
    )


def signal(workflow_id: str, name: str, *, input: JsonObject | None, request_id: str) -> Call[None]:
    """Send a signal; the request id is recorded, so that a repetition can be told."""
    return Call(
        "POST",
        "/workflows/{workflow_id}/signal/{name}",
        nothing,
        path={"workflow_id": workflow_id, "name": name},
        body=present(input=input, request_id=request_id),
        context=workflow_id,
    )


def query(workflow_id: str, name: str, *, input: JsonObject | None) -> Call[Any]:
    """Ask a query."""
    return Call(
        "POST",
        "/workflows/{workflow_id}/query/{name}",
        document,
        path={"workflow_id": workflow_id, "name": name},
        body=present(input=input),
        context=workflow_id,
    )


def update(
    workflow_id: str,
    name: str,
    *,
    input: JsonObject | None,
    wait_for: str | None,
    wait_timeout_seconds: int | None,
    request_id: str,
    timeout: float | None,
) -> Call[Any]:
    """Send an update; the request id makes a repetition known to the server."""
    return Call(
        "POST",
        "/workflows/{workflow_id}/update/{name}",
        document,
        path={"workflow_id": workflow_id, "name": name},
        body=present(
            input=input,
            wait_for=wait_for,
            wait_timeout_seconds=wait_timeout_seconds,
            request_id=request_id,
        ),
        context=workflow_id,
        timeout=timeout,
    )


def close(workflow_id: str, verb: str, *, reason: str | None) -> Call[None]:
    """Cancel or terminate the newest run; `verb` is `cancel` or `terminate`."""
    return Call(
        "POST",
        f"/workflows/{{workflow_id}}/{verb}",
        nothing,
        path={"workflow_id": workflow_id},
        body=present(reason=reason),
        context=workflow_id,
    )


def repair(workflow_id: str) -> Call[WorkflowCommandResult]:
    """Put a stuck run back on its feet."""
    return _command(workflow_id, "repair", {})


def archive(workflow_id: str, *, reason: str | None) -> Call[WorkflowCommandResult]:
    """Exempt a closed run from deletion."""
    return _command(workflow_id, "archive", present(reason=reason))


def _command(workflow_id: str, verb: str, body: JsonObject) -> Call[WorkflowCommandResult]:
    return Call(
        "POST",
        f"/workflows/{{workflow_id}}/{verb}",
        reading(lambda data: WorkflowCommandResult.from_dict(data, workflow_id=workflow_id)),
        path={"workflow_id": workflow_id},
        body=body,
        context=workflow_id,
    )


def _described(answer: Answer) -> Answer:
    json_object(answer)
    return answer


def _hold(seconds: int) -> dict[str, str]:
    return {PREFER: f"wait={seconds}"} if seconds else {}
