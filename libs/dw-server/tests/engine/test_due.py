"""When a run and an activity need the clock next."""

from __future__ import annotations

from typing import Any

import pytest

from durable_workflow.server.engine.due import activity_due_at, run_due_at

Json = dict[str, Any]


@pytest.mark.parametrize(
    ("kind", "fields", "due"),
    [
        ("run", {}, None),
        ("ready", {}, None),
        ("ready", {"task_available_at": 9}, 9),
        ("ready", {"sticky_until": 4, "task_available_at": 9}, 4),
        ("leased", {"lease_expires_at": 30}, 30),
        ("leased", {"lease_expires_at": 30, "run_deadline": 20, "execution_deadline": 40}, 20),
        ("run", {"run_deadline": 20, "closed_at": 1}, None),
    ],
)
def test_when_a_run_needs_the_clock(given: Any, kind: str, fields: Json, due: int | None) -> None:
    ready: Json = {"task_available_at": 0} if kind == "ready" else {}
    assert run_due_at(getattr(given, kind)(**ready | fields), 1) == due


@pytest.mark.parametrize(
    ("kind", "fields", "due"),
    [
        ("activity", {}, None),
        ("activity", {"available_at": 9}, 9),
        ("activity", {"schedule_to_start_at": 8, "heartbeat_at": 2}, 8),
        ("running", {"lease_expires_at": 30, "heartbeat_at": 20}, 20),
        ("running", {"lease_expires_at": 30, "schedule_to_start_at": 2}, 30),
        ("running", {"lease_expires_at": 30, "schedule_to_close_at": 5}, 5),
        ("running", {"schedule_to_close_at": 5, "closed_at": 1}, None),
    ],
)
def test_when_an_activity_needs_the_clock(
    given: Any, kind: str, fields: Json, due: int | None
) -> None:
    ready: Json = {"available_at": 0} if kind == "activity" else {}
    assert activity_due_at(getattr(given, kind)(**ready | fields), 1) == due
