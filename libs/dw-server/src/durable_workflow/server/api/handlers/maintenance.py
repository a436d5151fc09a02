"""Upkeep by operators, and figures (control-plane 12)."""

from __future__ import annotations

import functools
from typing import Any

import msgspec

from durable_workflow._wire.json_values import JsonObject
from durable_workflow.server.api.calls import Call
from durable_workflow.server.api.handlers.units import Units
from durable_workflow.server.api.operations import Nothing, Operation
from durable_workflow.server.api.roles import ADMINS
from durable_workflow.server.external_payloads import ExternalPayloads
from durable_workflow.server.replies import Reply
from durable_workflow.server.requests import (
    ActivityTimeoutPass,
    LookUpkeep,
    RepairPass,
    RetentionPass,
)
from durable_workflow.server.requests.maintenance import MOST
from durable_workflow.server.service_settings import ServiceSettings
from durable_workflow.server.services import maintenance as services
from durable_workflow.server.services import retention
from durable_workflow.server.store import Read
from durable_workflow.server.views import maintenance as views
from durable_workflow.server.views import operator_metrics


def operations(units: Units, payloads: ExternalPayloads) -> list[Operation[Any]]:
    """What is asked about the upkeep of a namespace."""
    store, settings = units.store, units.settings

    async def repair_status(call: Call, asked: Nothing) -> Reply:
        namespace = call.namespace
        return Reply(await store.read(lambda read: views.repair_status(read, namespace, settings)))

    async def repair_pass(call: Call, asked: RepairPass) -> Reply:
        return await services.repair_pass(store, call.namespace, asked, settings)

    async def timeout_pass(call: Call, asked: ActivityTimeoutPass) -> Reply:
        return await services.activity_timeout_pass(store, call.namespace, asked, settings)

    async def retention_pass(call: Call, asked: RetentionPass) -> Reply:
        reply = await retention.run_pass(
            store, call.namespace, payloads, limit=asked.limit, run_ids=asked.run_ids
        )
        return msgspec.structs.replace(reply, form="partial") if reply.body["failed"] else reply

    async def figures(call: Call, asked: Nothing) -> Reply:
        shown: JsonObject = {"generated_at": await store.read(operator_metrics.generated_at)}
        for name, section in operator_metrics.SECTIONS.items():
            # In a thread: counting a large namespace takes long.
            shown[name] = await store.read_apart(
                functools.partial(
                    _figures, section=section, namespace=call.namespace, settings=settings
                )
            )
        return Reply({"namespace": call.namespace, "operator_metrics": shown})

    def timeout_status(read: Read, namespace: str, asked: LookUpkeep) -> JsonObject:
        return views.activity_timeout_status(read, namespace, min(asked.limit, MOST))

    def retention_status(read: Read, namespace: str, asked: LookUpkeep) -> JsonObject:
        return retention.status(read, namespace, asked.limit)

    def metrics(read: Read, namespace: str, asked: Nothing) -> JsonObject:
        return views.metrics(read, namespace)

    return [
        Operation("show_repair", ADMINS, Nothing, repair_status),
        Operation("repair_pass", ADMINS, RepairPass, repair_pass),
        Operation("show_activity_timeouts", ADMINS, LookUpkeep, units.view(timeout_status)),
        Operation("activity_timeout_pass", ADMINS, ActivityTimeoutPass, timeout_pass),
        Operation("show_retention", ADMINS, LookUpkeep, units.view(retention_status)),
        Operation("retention_pass", ADMINS, RetentionPass, retention_pass),
        Operation("show_metrics", ADMINS, Nothing, units.view(metrics)),
        Operation("show_operator_metrics", ADMINS, Nothing, figures),
    ]


def _figures(
    read: Read, *, section: operator_metrics.Section, namespace: str, settings: ServiceSettings
) -> JsonObject:
    return section(read, namespace, settings)
