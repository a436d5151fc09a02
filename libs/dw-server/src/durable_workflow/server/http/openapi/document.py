"""The OpenAPI document, made from the tables: routes, operations, fields, reasons, answers."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from durable_workflow import __version__
from durable_workflow._wire.json_values import JsonObject
from durable_workflow.server.api import Operation
from durable_workflow.server.fields import Schemas, table_of
from durable_workflow.server.http.openapi import answers, headers, reasons
from durable_workflow.server.http.refusals import status_of
from durable_workflow.server.http.routing import Route
from durable_workflow.server.replies import Reply
from durable_workflow.server.settings import Settings

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_ABOUT: Final = """The HTTP interface of Durable Workflow, for clients and for workers.

Space around texts is dropped before anything else is looked at, so that their length is counted
without it, and blank text is the same as none; so is null. Whole numbers may be sent as digits, and
have no decimal point. Members that are not known are ignored. Of a query parameter that is sent
twice the last counts. Bodies are JSON objects. What is wrong with a request is told in `message`,
for programs in `reason`, and by field in `errors`.
"""
_CITATION: Final = re.compile(r"\s*\((?:control-plane|worker-protocol)?\s*[\d., ]+\)|``")


def document(
    routes: Sequence[Route], operations: Mapping[str, Operation[Any]], settings: Settings
) -> JsonObject:
    """The document of a server with these settings."""
    schemas = Schemas(settings.wire, settings.services.history_page_size_max)
    paths: dict[str, JsonObject] = defaultdict(dict)
    for route in routes:
        operation = operations[route.operation]
        paths[route.path][route.method.lower()] = _operation(route, operation, schemas)
    return {
        "openapi": "3.1.0",
        "jsonSchemaDialect": DIALECT,
        "info": {"title": "Durable Workflow", "version": __version__, "description": _ABOUT},
        "servers": [{"url": "/"}],
        "tags": [{"name": name} for name in dict.fromkeys(_tag(route) for route in routes)],
        "paths": dict(paths),
        "components": {
            "schemas": {**schemas.components, **answers.components()},
            "parameters": headers.PARAMETERS,
            "headers": headers.HEADERS,
            "securitySchemes": headers.SECURITY,
        },
    }


def _operation(route: Route, operation: Operation[Any], schemas: Schemas) -> JsonObject:
    found: JsonObject = {
        "operationId": _operation_id(route),
        "summary": _summary(operation),
        "tags": [_tag(route)],
        "parameters": _parameters(route, operation, schemas),
        "responses": _responses(route, operation),
        # Any one of them; none where everybody may call.
        "security": [{name: []} for name in headers.SECURITY] if operation.roles else [],
    }
    if operation.roles:
        found["x-roles"] = [*operation.roles]
    if route.method in ("POST", "PUT"):
        table = table_of(operation.asks)
        schema = schemas.of_table(operation.asks.__name__, table)
        needed = any(row.required and not row.kind.beside for row in table.rows)
        content = {"application/json": {"schema": schema}}
        found["requestBody"] = {"required": needed, "content": content}
    return found


def _operation_id(route: Route) -> str:
    """Unique: an operation on a workflow's current run and on a run that is named are two."""
    named = route.shown_operation is not None and "/runs/{run_id}" in route.template
    return route.operation + "_of_run" * named


def _summary(operation: Operation[Any]) -> str:
    return operation.name.replace("_", " ").capitalize()


def _tag(route: Route) -> str:
    return route.template.split("/")[1]


def _parameters(route: Route, operation: Operation[Any], schemas: Schemas) -> list[JsonObject]:
    table = table_of(operation.asks)
    found: list[JsonObject] = []
    for name in re.findall(r"\{(\w+)\}", route.template):
        row = table.find(name)
        schema = row.kind.schema(schemas, needed=True) if row else {"type": "string"}
        found.append({"name": name, "in": "path", "required": True, "schema": schema})
    if route.method == "GET":
        found += [
            {
                "name": row.name,
                "in": "query",
                "required": row.required,
                "schema": _in_query(row.kind.schema(schemas, needed=row.required)),
            }
            for row in table.rows
            if not row.kind.beside
        ]
    names = headers.wanted(route, operation)
    return [*found, *({"$ref": f"#/components/parameters/{name}"} for name in names)]


def _in_query(schema: JsonObject) -> JsonObject:
    """The schema of a value that is text in any case: numbers and flags as they are written."""
    if schema.get("type") == ["integer", "string"]:
        return {name: value for name, value in schema.items() if name != "pattern"} | {
            "type": "integer"
        }
    if "enum" in schema and "type" not in schema:
        return {"type": "boolean"}
    return schema


def _responses(route: Route, operation: Operation[Any]) -> JsonObject:
    found: dict[str, JsonObject] = {}
    for status, schema in answers.of(route).items():
        media = "text/plain" if route.operation == "show_figures" else "application/json"
        found[status] = {
            "description": _STATUS[int(status)],
            "headers": headers.answered(route, int(status)),
            "content": {media: {"schema": schema}},
        }
        if route.operation == "open_stream":
            # From here on it is a WebSocket.
            found[status] = {"description": _STATUS[int(status)]}
    by_status: dict[int, list[str]] = defaultdict(list)
    for reason in reasons.of(route, operation):
        by_status[status_of(Reply({}, reason=reason), route.operation)].append(reason)
    for code, words in sorted(by_status.items()):
        refusal = answers.refusal(route, words)
        before = found.get(str(code))
        if before is not None:
            own = before["content"]["application/json"]["schema"]
            refusal = {"anyOf": [own, refusal]}
        found[str(code)] = {
            "description": f"{_STATUS[code]}: {', '.join(words)}.",
            "headers": headers.answered(route, code),
            "content": {"application/json": {"schema": refusal}},
        }
    return found


_STATUS: Final = {status.value: status.phrase for status in HTTPStatus}
