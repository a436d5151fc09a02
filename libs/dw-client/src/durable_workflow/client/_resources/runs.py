"""Methods about the runs of a workflow, and their histories."""

from typing import Any

from durable_workflow.client._call import Call, present_document, reading
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
