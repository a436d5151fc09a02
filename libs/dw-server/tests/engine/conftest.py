"""Runs for the engine alone: no store, no clock."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import pytest

from durable_workflow.server.engine.decision import Decision, NewId
from durable_workflow.server.engine.starting import Beginning, begin

NOW = 1_767_225_600_000_000


@pytest.fixture
def now() -> int:
    return NOW


@pytest.fixture
def new_id() -> NewId:
    numbers = count(1)
    return lambda: f"id{next(numbers):04}"


@pytest.fixture
def started(new_id: NewId, now: int) -> Callable[..., Decision]:
    """Begins a run."""

    def start(**fields: object) -> Decision:
        given = {
            "namespace": "default",
            "workflow_id": "wf",
            "workflow_type": "flow",
            "task_queue": "q",
            "run_id": "run",
        }
        return begin(Beginning(**given | fields), now, new_id)  # type: ignore[arg-type]

    return start
