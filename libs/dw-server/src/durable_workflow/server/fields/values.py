"""Telling the kinds of JSON values apart."""

from __future__ import annotations

from typing import Any, TypeAlias, TypeGuard

JsonObject: TypeAlias = dict[str, Any]


def as_object(value: Any) -> JsonObject | None:
    """`value` where it is a JSON object, else None."""
    return value if _is_object(value) else None


def as_list(value: Any) -> list[Any] | None:
    """`value` where it is a JSON array, else None."""
    return value if _is_list(value) else None


def _is_object(value: Any) -> TypeGuard[JsonObject]:
    return isinstance(value, dict)


def _is_list(value: Any) -> TypeGuard[list[Any]]:
    return isinstance(value, list)
