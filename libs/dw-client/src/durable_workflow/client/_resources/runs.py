"""Methods about the runs of a workflow, and their histories."""

from typing import Any

from durable_workflow._wire.json_values import JsonObject
from durable_workflow.client._call import Call, json_object, present_document, reading
from durable_workflow.client._results.workflows import WorkflowRun, WorkflowRunList, run_list
from durable_workflow.client._routes import Route
from durable_workflow.client._session import Session


class RunMethods(Session):
    """The runs of a workflow: list, describe, read their histories."""

    async def list_workflow_runs(self, workflow_id: str) -> WorkflowRunList:
        """List all runs of a workflow, the first one first.

        Args:
            workflow_id: Its id.

        Raises:
            WorkflowNotFound: There is none of that id.
        """
        reader = reading(lambda data: run_list(data, workflow_id))
        return await self._send(
            Call("GET", Route.WORKFLOW_RUNS, reader, path={"workflow_id": workflow_id})
        )

    async def describe_workflow_run(self, workflow_id: str, run_id: str) -> WorkflowRun:
        """Describe one run of a workflow in full. Payloads stay as the server decoded them.

        Args:
            workflow_id: Its id.
            run_id: The run.

        Raises:
            WorkflowNotFound: There is no such run.
        """
        reader = reading(
            lambda data: WorkflowRun.from_dict(data, workflow_id=workflow_id, run_id=run_id)
        )
        path = {"workflow_id": workflow_id, "run_id": run_id}
        return await self._send(Call("GET", Route.WORKFLOW_RUN, reader, path=path))

    async def debug_workflow(
        self, workflow_id: str, *, include_last_event_payload: bool = False
    ) -> dict[str, Any]:
        """Ask why a workflow does not go on: what it waits for, and who could serve that.

        Args:
            workflow_id: Its id.
            include_last_event_payload: Whether to show the beginning of the last event's payload.

        Returns:
            The parsed document about the newest run: `diagnostic_status`, `execution` with what it
            waits for, `pending_workflow_tasks`, `pending_activities`, `task_queue` with the workers
            that poll it, `recent_failures`, and `findings`, sentences about what is wrong.

        Raises:
            WorkflowNotFound: There is none of that id, or the server does not know this request.
        """
        return await self._send(
            debug_call(workflow_id, None, include_last_event_payload=include_last_event_payload)
        )

    async def debug_workflow_run(
        self, workflow_id: str, run_id: str, *, include_last_event_payload: bool = False
    ) -> dict[str, Any]:
        """Ask why one run of a workflow does not go on. See `debug_workflow`.

        Args:
            workflow_id: Its id.
            run_id: The run.
            include_last_event_payload: Whether to show the beginning of the last event's payload.

        Raises:
            WorkflowNotFound: There is no such run, or the server does not know this request.
        """
        return await self._send(
            debug_call(workflow_id, run_id, include_last_event_payload=include_last_event_payload)
        )

    async def get_history(self, workflow_id: str, run_id: str) -> Any:
        """Read the recorded events of a run.

        Args:
            workflow_id: Its id.
            run_id: The run.

        Returns:
            The parsed document, with the events under `events`.

        Raises:
            WorkflowNotFound: There is no such run.
        """
        path = {"workflow_id": workflow_id, "run_id": run_id}
        return await self._send(Call("GET", Route.WORKFLOW_HISTORY, present_document, path=path))

    async def export_history(self, workflow_id: str, run_id: str) -> Any:
        """Read the history of a run as a bundle that can be kept and verified elsewhere.

        Args:
            workflow_id: Its id.
            run_id: The run.

        Returns:
            The parsed bundle.

        Raises:
            WorkflowNotFound: There is no such run.
        """
        path = {"workflow_id": workflow_id, "run_id": run_id}
        return await self._send(
            Call("GET", Route.WORKFLOW_HISTORY_EXPORT, present_document, path=path)
        )


def debug_call(
    workflow_id: str,
    run_id: str | None,
    *,
    include_last_event_payload: bool = False,
    timeout: float | None = None,
) -> Call[JsonObject]:
    """The request of `debug_workflow`, or of `debug_workflow_run` where there is a run id.

    Args:
        timeout: Seconds in place of the client's own; None takes that.
    """
    path = {"workflow_id": workflow_id}
    if run_id is not None:
        path["run_id"] = run_id
    return Call(
        "GET",
        Route.WORKFLOW_DEBUG if run_id is None else Route.WORKFLOW_RUN_DEBUG,
        json_object,
        path=path,
        query={"include_last_event_payload": "true" if include_last_event_payload else None},
        timeout=timeout,
    )
