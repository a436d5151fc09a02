"""Payloads of requests in the form in which the engine and the store have them."""

from __future__ import annotations

from durable_workflow._wire.json_values import JsonObject
from durable_workflow.server.requests import Payload


def envelope(payload: Payload | None) -> JsonObject | None:
    """The envelope of a payload; None for no value."""
    if payload is None:
        return None
    if payload.external_storage is not None:
        return {"codec": payload.codec, "external_storage": payload.external_storage}
    return None if payload.blob is None else {"codec": payload.codec, "blob": payload.blob}
