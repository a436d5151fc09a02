"""Methods about the server as a whole."""

from typing import Any

from durable_workflow.client._calls import system
from durable_workflow.client._session import Session


class SystemMethods(Session):
    """Health, discovery and maintenance. Maintenance takes a token with the admin role."""

    async def get_cluster_info(self) -> dict[str, Any]:
        """Read what the server is and can do: version, protocols, capabilities.

        Raises:
            ServerError: The answer is not an object (reason `invalid_cluster_info`).
        """
        return await self._send(system.cluster_info())

    async def health(self) -> dict[str, Any]:
        """Ask the server whether it is well.

        Raises:
            ServerError: It is not, or the answer is not an object.
        """
        return await self._send(system.health())

    async def repair_status(self) -> dict[str, Any]:
        """Read which tasks a repair pass would put back on their feet."""
        return await self._send(system.status("repair"))

    async def repair_pass(
        self, *, run_ids: list[str] | None = None, instance_id: str | None = None
    ) -> dict[str, Any]:
        """Run one repair pass over tasks.

        Args:
            run_ids: Only these runs; None or an empty list is all.
            instance_id: Only this workflow.
        """
        return await self._send(system.repair_pass(run_ids=run_ids, instance_id=instance_id))

    async def retention_status(self) -> dict[str, Any]:
        """Read which closed runs are older than the namespace keeps them."""
        return await self._send(system.status("retention"))

    async def retention_pass(
        self, *, run_ids: list[str] | None = None, limit: int | None = None
    ) -> dict[str, Any]:
        """Delete closed runs that are older than the namespace keeps them.

        Args:
            run_ids: Only these runs; None or an empty list is all that are due.
            limit: Most runs to delete.
        """
        return await self._send(system.retention_pass(run_ids=run_ids, limit=limit))

    async def activity_timeout_status(self) -> dict[str, Any]:
        """Read which activity executions are past a deadline."""
        return await self._send(system.status("activity-timeouts"))

    async def activity_timeout_pass(
        self, *, execution_ids: list[str] | None = None, limit: int | None = None
    ) -> dict[str, Any]:
        """Time out activity executions that are past a deadline.

        Args:
            execution_ids: Only these; None or an empty list is all that are due.
            limit: Most executions to time out.
        """
        return await self._send(
            system.activity_timeout_pass(execution_ids=execution_ids, limit=limit)
        )
