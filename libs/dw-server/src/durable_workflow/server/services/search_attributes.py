"""Search attributes: which there are, and whether values fit them (control-plane 9)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from durable_workflow._wire import names
from durable_workflow._wire.json_values import JsonObject
from durable_workflow.server.engine.attributes import SYSTEM, AttributeType, problem
from durable_workflow.server.fields import Errors
from durable_workflow.server.records import search_attributes as records
from durable_workflow.server.refusals import Invalid, Refused
from durable_workflow.server.replies import Reply
from durable_workflow.server.requests import CreateSearchAttribute, DeleteSearchAttribute
from durable_workflow.server.store.protocol import Read, Tx


def create(tx: Tx, namespace: str, asked: CreateSearchAttribute, *, most: int) -> Reply:
    """Register an attribute.

    Args:
        most: Definitions that a namespace may have.
    """
    name, type_ = asked.name, cast(AttributeType, asked.type)
    if name in SYSTEM:
        raise Refused(
            "name_reserved",
            f"{name} is a system attribute: every run has it.",
            extra={"name": name, "type": SYSTEM[name]},
        )
    known = records.types(tx, namespace)
    if name in known:
        raise Refused(
            "attribute_already_exists",
            f"Search attribute {name} is registered already, as {known[name]}.",
            extra={"name": name, "type": known[name]},
        )
    if len(known) >= most:
        raise Refused(
            "search_attribute_limit_reached",
            f"The namespace has {len(known)} search attributes, which is the most.",
            extra={"limit": most},
        )
    records.insert(tx, namespace, name, type_)
    return Reply({"name": name, "type": type_, "outcome": "created"}, form="created")


def delete(tx: Tx, namespace: str, asked: DeleteSearchAttribute) -> Reply:
    """Take back a definition. The values of runs stay."""
    name = asked.name
    if name in SYSTEM:
        raise Refused("system_attribute", f"{name} is a system attribute.", extra={"name": name})
    if name not in records.types(tx, namespace):
        raise Refused(
            "attribute_not_found",
            f"Search attribute {name} is not registered.",
            extra={"name": name},
        )
    records.delete(tx, namespace, name)
    return Reply({"name": name, "outcome": "deleted"})


def check_upserts(read: Read, namespace: str, commands: Sequence[JsonObject]) -> None:
    """See that the values of a completion's upserts fit the definitions that there are.

    Raises:
        Invalid: One does not.
    """
    changes = {
        at: command["attributes"]
        for at, command in enumerate(commands)
        if command["type"] == names.UPSERT_SEARCH_ATTRIBUTES
    }
    if not changes:
        return
    types = records.types(read, namespace)
    errors: Errors = {}
    for at, attributes in changes.items():
        for name, value in attributes.items():
            wrong = problem(value, types[name]) if name in types else None
            if wrong is not None:
                field = f"commands.{at}.attributes.{name}"
                errors[field] = [f"The {field} field {wrong}"]
    if errors:
        raise Invalid(errors)


def check_values(read: Read, namespace: str, attributes: JsonObject, at: str) -> None:
    """See that values fit the definitions that there are.

    Args:
        at: The field that holds them.
    Raises:
        Invalid: One does not.
    """
    if not attributes:
        return
    types = records.types(read, namespace)
    texts = [
        f"The {at} field does not fit: {name} {wrong}"
        for name, value in attributes.items()
        if name in types and (wrong := problem(value, types[name])) is not None
    ]
    if texts:
        raise Invalid({at: texts})
