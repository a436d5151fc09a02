"""Definitions of search attributes (control-plane 9)."""

from __future__ import annotations

from typing import Any

from durable_workflow.server.api.calls import Call
from durable_workflow.server.api.operations import Nothing, Operation
from durable_workflow.server.api.roles import OPERATORS
from durable_workflow.server.fields import WireLimits
from durable_workflow.server.replies import Reply
from durable_workflow.server.requests import CreateSearchAttribute, DeleteSearchAttribute
from durable_workflow.server.services import search_attributes as services
from durable_workflow.server.store import Store
from durable_workflow.server.views.search_attributes import list_attributes


def operations(store: Store, limits: WireLimits) -> list[Operation[Any]]:
    """What is asked about search attributes."""

    async def listed(call: Call, asked: Nothing) -> Reply:
        return Reply(await store.read(lambda read: list_attributes(read, call.namespace)))

    async def create(call: Call, asked: CreateSearchAttribute) -> Reply:
        most = limits.max_search_attributes
        return await store.run(lambda tx: services.create(tx, call.namespace, asked, most=most))

    async def delete(call: Call, asked: DeleteSearchAttribute) -> Reply:
        return await store.run(lambda tx: services.delete(tx, call.namespace, asked))

    return [
        Operation("list_search_attributes", OPERATORS, Nothing, listed),
        Operation("create_search_attribute", OPERATORS, CreateSearchAttribute, create),
        Operation("delete_search_attribute", OPERATORS, DeleteSearchAttribute, delete),
    ]
