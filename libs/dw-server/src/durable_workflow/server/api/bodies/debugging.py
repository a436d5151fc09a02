"""Requests of the debug routes (control-plane 4.6)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from durable_workflow.server.api.bodies.fields import Fields


def read_debug(document: Mapping[str, Any], names: Mapping[str, str]) -> bool:
    """The query string of `GET …/debug`: whether to show the last event's payload."""
    fields = Fields(document)
    included = fields.flag("include_last_event_payload")
    fields.check()
    return bool(included)
