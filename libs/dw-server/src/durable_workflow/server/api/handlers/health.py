"""Probes: is it serving, and could it serve everybody (control-plane 3.1, 3.2)."""

from __future__ import annotations

from typing import Any

from durable_workflow.server.api.calls import Call
from durable_workflow.server.api.login import Authenticator
from durable_workflow.server.api.operations import Nothing, Operation
from durable_workflow.server.clock import Clock
from durable_workflow.server.engine.times import offset
from durable_workflow.server.replies import Reply
from durable_workflow.server.store import Store, StoreError
from durable_workflow.server.store.protocol import Condition
from durable_workflow.server.views import namespaces

_OK = {"status": "ok"}


class HealthHandlers:
    """What a probe asks; it needs no login and no namespace."""

    def __init__(
        self, store: Store, clock: Clock, authenticator: Authenticator, default_namespace: str
    ) -> None:
        self._store = store
        self._clock = clock
        self._authenticator = authenticator
        self._default_namespace = default_namespace

    def operations(self) -> list[Operation[Any]]:
        """The operations."""
        handlers = {"check_health": self._health, "check_readiness": self._ready}
        return [
            Operation(name, (), Nothing, handle, namespaced=False)
            for name, handle in handlers.items()
        ]

    async def _health(self, call: Call, asked: Nothing) -> Reply:
        condition = await self._store.check()
        body = {
            "status": "serving" if condition.available else "degraded",
            "timestamp": offset(self._clock.now()),
            "checks": {"database": "ok" if condition.available else "unavailable"},
        }
        return Reply(body, reason=None if condition.available else "degraded")

    async def _ready(self, call: Call, asked: Nothing) -> Reply:
        condition = await self._store.check()
        checks = {
            "database": _database(condition),
            "migrations": _migrations(condition),
            "default_namespace": await self._namespace(),
            "cache": {**_OK, "store": "memory"},
            "auth": _auth(self._authenticator),
        }
        good = all(check["status"] == "ok" for check in checks.values())
        body = {
            "status": "ready" if good else "not_ready",
            "timestamp": offset(self._clock.now()),
            "checks": checks,
        }
        return Reply(body, reason=None if good else "not_ready")

    async def _namespace(self) -> dict[str, Any]:
        name = self._default_namespace
        try:
            exists = await self._store.read(lambda read: namespaces.exists(read, name))
        except StoreError:
            return {"status": "unavailable", "namespace": name}
        return {"status": "ok" if exists else "missing", "namespace": name}


def _database(condition: Condition) -> dict[str, Any]:
    if condition.available:
        return _OK
    # What the database said stays in the log: this answer needs no login.
    return {"status": "unavailable", "message": "Units of work cannot be committed."}


def _migrations(condition: Condition) -> dict[str, Any]:
    if not condition.available:
        return {"status": "unavailable"}
    if condition.missing_migrations:
        return {"status": "missing", "missing_tables": condition.missing_migrations}
    return _OK


def _auth(authenticator: Authenticator) -> dict[str, Any]:
    driver = authenticator.driver
    if authenticator.ready():
        return {**_OK, "driver": driver}
    remediation = "Set DW_AUTH_TOKEN, or a token per role."
    return {"status": "missing", "driver": driver, "remediation": remediation}
