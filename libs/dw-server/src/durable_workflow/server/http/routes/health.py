"""Probes: is it serving, and could it serve everybody (control-plane 3.1, 3.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from durable_workflow.server.engine.times import offset
from durable_workflow.server.http.request import Request
from durable_workflow.server.http.routing import Route
from durable_workflow.server.services import namespaces
from durable_workflow.server.services.requests import Answer
from durable_workflow.server.store import StoreError
from durable_workflow.server.store.protocol import Condition

if TYPE_CHECKING:
    from durable_workflow.server.lifecycle import Server

_OK = {"status": "ok"}


async def health(server: Server, request: Request) -> Answer:
    """`GET /health`"""
    condition = await server.store.check()
    body = {
        "status": "serving" if condition.available else "degraded",
        "timestamp": offset(server.clock.now()),
        "checks": {"database": "ok" if condition.available else "unavailable"},
    }
    return Answer(200 if condition.available else 503, body)


async def ready(server: Server, request: Request) -> Answer:
    """`GET /ready`"""
    condition = await server.store.check()
    checks = {
        "database": _database(condition),
        "migrations": _migrations(condition),
        "default_namespace": await _default_namespace(server),
        "cache": {**_OK, "store": "memory"},
        "auth": _auth(server),
    }
    good = all(check["status"] == "ok" for check in checks.values())
    body = {
        "status": "ready" if good else "not_ready",
        "timestamp": offset(server.clock.now()),
        "checks": checks,
    }
    return Answer(200 if good else 503, body)


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


async def _default_namespace(server: Server) -> dict[str, Any]:
    name = server.settings.services.default_namespace
    try:
        exists = await server.store.read(lambda read: namespaces.exists(read, name))
    except StoreError:
        return {"status": "unavailable", "namespace": name}
    return {"status": "ok" if exists else "missing", "namespace": name}


def _auth(server: Server) -> dict[str, Any]:
    driver = server.authenticator.driver
    if server.authenticator.ready():
        return {**_OK, "driver": driver}
    remediation = "Set DW_AUTH_TOKEN, or a token per role."
    return {"status": "missing", "driver": driver, "remediation": remediation}


ROUTES = [
    Route(
        method="GET",
        template=template,
        handler=handler,
        roles=(),
        versioned=False,
        namespaced=False,
    )
    for template, handler in [("/health", health), ("/ready", ready)]
]
