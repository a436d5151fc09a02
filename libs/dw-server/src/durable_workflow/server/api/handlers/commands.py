"""What is done to workflows: signals, queries, updates, cancel, terminate, repair, archive."""

from __future__ import annotations

from typing import Any

from durable_workflow.server.api.calls import Call
from durable_workflow.server.api.handlers.units import Units
from durable_workflow.server.api.operations import Operation
from durable_workflow.server.api.roles import OPERATORS
from durable_workflow.server.querying import QueryService
from durable_workflow.server.replies import Reply
from durable_workflow.server.requests import (
    ArchiveWorkflow,
    CloseWorkflow,
    QueryWorkflow,
    RepairWorkflow,
    SignalWorkflow,
    UpdateWorkflow,
)
from durable_workflow.server.services import archiving, ends, repair, signals
from durable_workflow.server.services.repetitions import once
from durable_workflow.server.services.updating import UpdateService


def operations(
    units: Units, querying: QueryService, updating: UpdateService
) -> list[Operation[Any]]:
    """What is asked of a run, on its workflow id or on the run itself."""

    async def query(call: Call, asked: QueryWorkflow) -> Reply:
        return await querying.query(call.namespace, asked, call.peer.gone)

    async def update(call: Call, asked: UpdateWorkflow) -> Reply:
        return await updating.update(call.caller(), asked, call.peer.gone)

    signal = units.command(signals.signal)
    cancel = units.command(once(ends.cancel))
    terminate = units.command(once(ends.terminate))
    mend, keep = units.command(once(repair.repair)), units.command(once(archiving.archive))
    return [
        Operation("signal_workflow", OPERATORS, SignalWorkflow, signal),
        Operation("query_workflow", OPERATORS, QueryWorkflow, query),
        Operation("update_workflow", OPERATORS, UpdateWorkflow, update),
        Operation("cancel_workflow", OPERATORS, CloseWorkflow, cancel),
        Operation("terminate_workflow", OPERATORS, CloseWorkflow, terminate),
        Operation("repair_workflow", OPERATORS, RepairWorkflow, mend),
        Operation("archive_workflow", OPERATORS, ArchiveWorkflow, keep),
    ]
