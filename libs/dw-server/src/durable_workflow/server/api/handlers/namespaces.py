"""Namespaces, and the probe of where their large payloads go (control-plane 6 and 7)."""

from __future__ import annotations

import asyncio
from typing import Any

from durable_workflow._wire.json_values import JsonObject
from durable_workflow.server.api.calls import Call
from durable_workflow.server.api.known_namespaces import KnownNamespaces
from durable_workflow.server.api.operations import Nothing, Operation
from durable_workflow.server.api.roles import ADMINS, OPERATORS
from durable_workflow.server.external_payloads import ExternalPayloads
from durable_workflow.server.payload_storage import StorageUnavailable
from durable_workflow.server.refusals import Invalid, Refused
from durable_workflow.server.replies import Reply
from durable_workflow.server.requests import (
    Caller,
    CreateNamespace,
    NamedNamespace,
    SetExternalStorage,
    StorageProbe,
    UpdateNamespace,
)
from durable_workflow.server.service_settings import ServiceSettings
from durable_workflow.server.services import namespaces as services
from durable_workflow.server.services.repetitions import once
from durable_workflow.server.store import Store, Tx
from durable_workflow.server.views import namespaces as views


class NamespaceHandlers:
    """What is asked about namespaces.

    Args:
        known: Told when a namespace goes.
        payloads: Deletes those of a namespace that goes.
    """

    def __init__(
        self,
        store: Store,
        settings: ServiceSettings,
        known: KnownNamespaces,
        payloads: ExternalPayloads,
    ) -> None:
        self._store = store
        self._settings = settings
        self._known = known
        self._payloads = payloads
        self._storage = payloads.storage

    def operations(self) -> list[Operation[Any]]:
        """The operations."""

        def of_any(
            name: str, roles: tuple[str, ...], asks: type[Any], handle: Any
        ) -> Operation[Any]:
            # The namespace is in the path: the one of the header need not exist.
            return Operation(name, roles, asks, handle, namespaced=False)

        return [
            of_any("list_namespaces", OPERATORS, Nothing, self._list),
            of_any("create_namespace", ADMINS, CreateNamespace, self._create),
            of_any("describe_namespace", OPERATORS, NamedNamespace, self._describe),
            of_any("update_namespace", ADMINS, UpdateNamespace, self._update),
            of_any("delete_namespace", ADMINS, NamedNamespace, self._delete),
            of_any("set_external_storage", ADMINS, SetExternalStorage, self._set_storage),
            Operation("probe_storage", ADMINS, StorageProbe, self._probe),
        ]

    async def _list(self, call: Call, asked: Nothing) -> Reply:
        return Reply(await self._store.read(views.list_all))

    async def _create(self, call: Call, asked: CreateNamespace) -> Reply:
        caller = call.caller()
        return await self._store.run(lambda tx: _create(tx, caller, asked, self._settings))

    async def _describe(self, call: Call, asked: NamedNamespace) -> Reply:
        return Reply(await self._store.read(lambda read: views.describe(read, asked.name)))

    async def _update(self, call: Call, asked: UpdateNamespace) -> Reply:
        return await self._store.run(lambda tx: services.update(tx, asked))

    async def _delete(self, call: Call, asked: NamedNamespace) -> Reply:
        default = self._settings.default_namespace
        # Before anything else: what is asked of it from now on finds nothing.
        closed = await services.begin_deletion(self._store, asked.name, default=default)
        self._known.forget(asked.name)
        return await services.delete(self._store, closed, self._payloads)

    async def _set_storage(self, call: Call, asked: SetExternalStorage) -> Reply:
        if asked.driver == "local" and asked.config.uri is not None:
            try:
                config = {"uri": asked.config.uri}
                await asyncio.to_thread(self._storage.folder, asked.name, config)
            except ValueError as error:
                raise Invalid({"config.uri": [f"The config.uri field {error}"]}) from None
        return await self._store.run(lambda tx: services.set_external_storage(tx, asked))

    async def _probe(self, call: Call, asked: StorageProbe) -> Reply:
        namespace = await self._store.read(lambda read: views.find(read, call.namespace))
        policy = namespace.external_storage or {}
        driver = asked.driver or policy.get("driver")
        told = {"status": "failed", "namespace": call.namespace, "driver": driver}
        if driver is None:
            text = "The namespace has no policy for external storage, and no driver was named."
            raise Refused("external_storage_not_configured", text, extra=told)
        if policy and not policy["enabled"]:
            text = "The namespace's policy for external storage is disabled."
            raise Refused("external_storage_disabled", text, extra=told)
        try:
            if policy and policy["driver"] != driver:
                raise StorageUnavailable(f"The namespace's policy names {policy['driver']}.")
            config: JsonObject = policy.get("config") or {}
            storage = await asyncio.to_thread(self._storage.open, call.namespace, driver, config)
            small = await self._storage.probe(storage, b"s" * asked.small_payload_bytes)
            large = await self._storage.probe(storage, b"l" * asked.large_payload_bytes)
        except StorageUnavailable as error:
            extra = {**told, "supported_diagnostic_drivers": self._storage.openable()}
            raise Refused("storage_driver_unavailable", str(error), extra=extra) from None
        told["status"] = "passed"
        return Reply({**told, "small_payload": small, "large_payload": large})


@once
def _create(tx: Tx, caller: Caller, asked: CreateNamespace, settings: ServiceSettings) -> Reply:
    del caller
    return services.create(tx, asked, retention_days=settings.retention_days)
