"""Requests of the debug routes (control-plane 4.6)."""

from __future__ import annotations

from collections.abc import Mapping

from durable_workflow.server.http.bodies.fields import Fields


def read_debug(query: Mapping[str, str]) -> bool:
    """The query string of `GET …/debug`: whether to show the last event's payload."""
    fields = Fields(query)
    included = fields.flag("include_last_event_payload")
    fields.check()
    return bool(included)
