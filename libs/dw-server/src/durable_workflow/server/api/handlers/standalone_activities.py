"""Activities that no workflow starts (control-plane 14)."""

from __future__ import annotations

from typing import Any

from durable_workflow.server.api.calls import Call
from durable_workflow.server.api.handlers.held import described
from durable_workflow.server.api.handlers.units import Units
from durable_workflow.server.api.operations import Operation
from durable_workflow.server.api.roles import OPERATORS
from durable_workflow.server.dispatch import Dispatcher
from durable_workflow.server.replies import Reply
from durable_workflow.server.requests import DescribeActivity, ListActivities, StartActivity
from durable_workflow.server.services import standalone_activities as services
from durable_workflow.server.views import standalone_activities as views


def operations(units: Units, dispatcher: Dispatcher) -> list[Operation[Any]]:
    """What is asked about standalone activities; they are cancelled as workflows are."""
    store = units.store

    async def listed(call: Call, asked: ListActivities) -> Reply:
        return Reply(await views.list_activities(store, call.namespace, asked))

    async def describe(call: Call, asked: DescribeActivity) -> Reply:
        namespace, activity_id = call.namespace, asked.activity_id
        return await described(
            store,
            dispatcher,
            call,
            lambda read: views.describe(read, namespace, activity_id),
            run_id_member="workflow_run_id",
        )

    return [
        Operation("start_activity", OPERATORS, StartActivity, units.command(services.start)),
        Operation("list_activities", OPERATORS, ListActivities, listed),
        Operation("describe_activity", OPERATORS, DescribeActivity, describe),
    ]
