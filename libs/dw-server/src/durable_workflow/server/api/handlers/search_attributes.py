"""Definitions of search attributes (control-plane 9)."""

from __future__ import annotations

from typing import Any

from durable_workflow.server.api.calls import Call
from durable_workflow.server.api.handlers.units import Units
from durable_workflow.server.api.operations import Nothing, Operation
from durable_workflow.server.api.roles import OPERATORS
from durable_workflow.server.fields import WireLimits
from durable_workflow.server.replies import Reply
from durable_workflow.server.requests import Caller, CreateSearchAttribute, DeleteSearchAttribute
from durable_workflow.server.service_settings import ServiceSettings
from durable_workflow.server.services import search_attributes as services
from durable_workflow.server.services.repetitions import once
from durable_workflow.server.store import Tx
from durable_workflow.server.views.search_attributes import list_attributes


def operations(units: Units, limits: WireLimits) -> list[Operation[Any]]:
    """What is asked about search attributes."""

    async def listed(call: Call, asked: Nothing) -> Reply:
        return Reply(await units.store.read(lambda read: list_attributes(read, call.namespace)))

    @once
    def create(
        tx: Tx, caller: Caller, asked: CreateSearchAttribute, settings: ServiceSettings
    ) -> Reply:
        del settings
        most = limits.max_search_attributes
        return services.create(tx, caller.namespace, asked, most=most)

    @once
    def delete(
        tx: Tx, caller: Caller, asked: DeleteSearchAttribute, settings: ServiceSettings
    ) -> Reply:
        del settings
        return services.delete(tx, caller.namespace, asked)

    made, gone = units.command(create), units.command(delete)
    return [
        Operation("list_search_attributes", OPERATORS, Nothing, listed),
        Operation("create_search_attribute", OPERATORS, CreateSearchAttribute, made),
        Operation("delete_search_attribute", OPERATORS, DeleteSearchAttribute, gone),
    ]
