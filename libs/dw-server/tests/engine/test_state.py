"""What is read from a run: the status that people see."""

from __future__ import annotations

from typing import Any

import pytest

from durable_workflow.server.engine.state import shown_status

Json = dict[str, Any]


@pytest.mark.parametrize(
    ("kind", "fields", "shown"),
    [
        ("ready", {"tasks_completed": 0, "status": "pending"}, "pending"),
        ("leased", {}, "running"),
        ("ready", {}, "running"),
        ("run", {}, "waiting"),
        ("run", {"status": "completed", "closed_at": 1}, "completed"),
    ],
)
def test_the_status_that_people_see(given: Any, kind: str, fields: Json, shown: str) -> None:
    assert shown_status(getattr(given, kind)(**fields)) == shown
