"""Exports of runs (control-plane 5.3)."""

from __future__ import annotations

from typing import Any

from durable_workflow.server.api.calls import Call
from durable_workflow.server.api.operations import Operation
from durable_workflow.server.api.roles import OPERATORS
from durable_workflow.server.exporting import ExportService
from durable_workflow.server.replies import Reply
from durable_workflow.server.requests import ExportHistory


def operations(exports: ExportService) -> list[Operation[Any]]:
    """What is asked of exports."""

    async def export(call: Call, asked: ExportHistory) -> Reply:
        return Reply({}, parts=await exports.export(call.namespace, asked))

    return [Operation("export_history", OPERATORS, ExportHistory, export)]
