"""What operations answer: the members of bodies, from tables.

``answers.json`` has a body for each operation and status, ``shapes.json`` what several of them
show. A member is written as its types (``"string|null"``), as the words that it may be
(``"'open'|'closed'"``), or as a shape (``"HistoryEvent"``); a list as ``[member]``, an object as
its members. A name that ends in ``?`` may be missing, and ``*`` is any name. Bodies may have
further members.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from durable_workflow._wire.json_values import JsonObject, dict_or_none, list_or_none
from durable_workflow.server.http.routing import Route

# An object that may be null says so under this name.
_OR_NULL: Final = "|null"
# Some of their refusals say in members of their own what has become of the attempt.
_REPORTS: Final = ("complete_activity_task", "fail_activity_task")

_PARTS: Final[dict[str, JsonObject]] = {
    "Refusal": {
        "description": "Why nothing was done.",
        "type": "object",
        "required": ["message", "reason"],
        "properties": {
            "message": {"type": "string"},
            "reason": {"type": "string"},
            "errors": {
                "description": "What is wrong, by the path of the field.",
                "type": "object",
                "additionalProperties": {"type": "array", "items": {"type": "string"}},
            },
        },
    },
    "Unrecorded": {
        "description": "Why a report was not recorded.",
        "type": "object",
        "required": ["reason"],
        "properties": {"message": {"type": "string"}, "reason": {"type": "string"}},
    },
    "ControlPlane": {
        "description": "What was asked, and by which contract it is answered.",
        "type": "object",
        "required": ["schema", "version", "operation", "workflow_id", "contract"],
        "properties": {
            "schema": {"const": "durable-workflow.v2.control-plane-response"},
            "version": {"const": 1},
            "operation": {"type": "string"},
            "workflow_id": {"type": ["string", "null"]},
            "contract": {"type": "object"},
        },
    },
    "OfWorkflow": {
        "description": "What every answer about workflows has, held short ones aside.",
        "type": "object",
        "properties": {"control_plane": {"$ref": "#/components/schemas/ControlPlane"}},
    },
    "OfWorker": {
        "description": "What every answer of the worker protocol has.",
        "type": "object",
        "required": ["protocol_version", "server_capabilities"],
        "properties": {
            "protocol_version": {"type": "string"},
            "server_capabilities": {"type": "object"},
        },
    },
}


def components() -> dict[str, JsonObject]:
    """What the bodies of answers are made of, by name."""
    shapes = {name: _schema(written) for name, written in _table("shapes.json").items()}
    return {**_PARTS, **shapes}


def of(route: Route) -> dict[str, JsonObject]:
    """The bodies that a route answers with where it does not refuse, by status."""
    bodies = _table("answers.json").get(route.operation, {})
    return {status: _dressed(route, _schema(body)) for status, body in bodies.items()}


def refusal(route: Route, words: Sequence[str]) -> JsonObject:
    """The body of a refusal for one of some reasons."""
    reason = {"type": "object", "properties": {"reason": {"enum": [*words]}}}
    name = "Unrecorded" if route.operation in _REPORTS else "Refusal"
    return _dressed(route, {"allOf": [_component(name), reason]})


def _dressed(route: Route, schema: JsonObject) -> JsonObject:
    if route.plane == "worker":
        return {"allOf": [_component("OfWorker"), schema]}
    if route.shown_operation is not None:
        return {"allOf": [_component("OfWorkflow"), schema]}
    return schema


def _component(name: str) -> JsonObject:
    return {"$ref": f"#/components/schemas/{name}"}


@functools.cache
def _table(name: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads(Path(__file__).with_name(name).read_bytes())
    return found


def _schema(written: object) -> JsonObject:
    """The schema of a member, as the table writes it."""
    members, items = dict_or_none(written), list_or_none(written)
    if members is not None:
        return _object(members)
    if items is not None:
        [item, *null] = items
        return {"type": ["array", *null], "items": _schema(item)}
    assert isinstance(written, str)
    if written == "any":
        return {}
    return _of_words(written.split("|"))


def _of_words(words: list[str]) -> JsonObject:
    """The schema of a member that is one of some types, some words, or of a shape."""
    null = [word for word in words if word == "null"]
    if words[0][0].isupper():
        [shape, *_] = words
        either = [_component(shape), *({"type": each} for each in null)]
        return {"anyOf": either} if null else _component(shape)
    if words[0].startswith("'"):
        constants = [word.strip("'") for word in words if word not in null]
        return {"enum": [*constants, *(None for _ in null)]}
    return {"type": words[0] if len(words) == 1 else words}


def _object(members: JsonObject) -> JsonObject:
    if "*" in members:
        return {"type": "object", "additionalProperties": _schema(members["*"])}
    names = [name for name in members if name != _OR_NULL]
    return {
        "type": ["object", "null"] if _OR_NULL in members else "object",
        "properties": {name.removesuffix("?"): _schema(members[name]) for name in names},
        "required": [name for name in names if not name.endswith("?")],
    }
