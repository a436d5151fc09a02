"""Methods about the server as a whole."""

from typing import Any

from durable_workflow._wire.json_values import present
from durable_workflow.client._call import Call, as_object
from durable_workflow.client._routes import Route
from durable_workflow.client._session import Session


class SystemMethods(Session):
    """Health, discovery and maintenance. Maintenance takes a token with the admin role."""

    async def get_cluster_info(self) -> dict[str, Any]:
        """Read what the server is and can do: version, protocols, capabilities.

        Raises:
            ServerError: The response is not an object (reason `invalid_cluster_info`).
        """
        return await self._send(
            Call(
                "GET",
                Route.CLUSTER_INFO,
                as_object("invalid_cluster_info"),
                context="get_cluster_info",
            )
        )

    async def health(self) -> dict[str, Any]:
        """Check that the server is healthy.

        Raises:
            ServerError: It is not healthy, or the response is not an object.
        """
        return await self._send(
            Call("GET", Route.HEALTH, as_object("invalid_health_response"), context="health")
        )

    async def repair_status(self) -> dict[str, Any]:
        """Read which tasks a repair pass would repair."""
        return await self._status(Route.REPAIR, "repair")

    async def repair_pass(
        self, run_ids: list[str] | None = None, instance_id: str | None = None
    ) -> dict[str, Any]:
        """Run one repair pass over tasks.

        Args:
            run_ids: Only these runs; None or an empty list is all.
            instance_id: Only this workflow.
        """
        body = present(run_ids=run_ids or None, instance_id=instance_id)
        return await self._pass(Route.REPAIR_PASS, "repair", body)

    async def retention_status(self) -> dict[str, Any]:
        """Read which closed runs are older than the namespace keeps them."""
        return await self._status(Route.RETENTION, "retention")

    async def retention_pass(
        self, run_ids: list[str] | None = None, limit: int | None = None
    ) -> dict[str, Any]:
        """Delete closed runs that are older than the namespace keeps them.

        Args:
            run_ids: Only these runs; None or an empty list is all that are due.
            limit: Most runs to delete.
        """
        body = present(run_ids=run_ids or None, limit=limit)
        return await self._pass(Route.RETENTION_PASS, "retention", body)

    async def activity_timeout_status(self) -> dict[str, Any]:
        """Read which activity executions are past a deadline."""
        return await self._status(Route.ACTIVITY_TIMEOUTS, "activity_timeout")

    async def activity_timeout_pass(
        self, execution_ids: list[str] | None = None, limit: int | None = None
    ) -> dict[str, Any]:
        """Time out activity executions that are past a deadline.

        Args:
            execution_ids: Only these; None or an empty list is all that are due.
            limit: Most executions to time out.
        """
        body = present(execution_ids=execution_ids or None, limit=limit)
        return await self._pass(Route.ACTIVITY_TIMEOUTS_PASS, "activity_timeout", body)

    async def _status(self, route: Route, name: str) -> dict[str, Any]:
        """What a maintenance pass would do."""
        return await self._send(
            Call(
                "GET", route, as_object(f"invalid_{name}_status_response"), context=f"{name}_status"
            )
        )

    async def _pass(self, route: Route, name: str, body: dict[str, Any]) -> dict[str, Any]:
        """Run a maintenance pass."""
        reader = as_object(f"invalid_{name}_pass_response")
        return await self._send(Call("POST", route, reader, body=body, context=f"{name}_pass"))
