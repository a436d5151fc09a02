import importlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

# pyright: reportPrivateUsage=false
from durable_workflow.replay_check import _checker, _opening
from durable_workflow.replay_check._history_text import HistoryText

History = Callable[..., dict[str, Any]]
WORKFLOWS = "checked_workflows:WORKFLOWS"


_PARSERS: dict[str, Callable[[bytes], Any]] = {
    "standard library": lambda payload: HistoryText(payload.decode()),
    "quickest": _opening.open_history,
}


@pytest.fixture(params=sorted(_PARSERS))
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Runs a test with the parser of the standard library, and with the quickest that is there."""
    monkeypatch.setattr(_checker, "open_history", _PARSERS[request.param])
    return str(request.param)


@pytest.fixture
def workflows(monkeypatch: pytest.MonkeyPatch) -> list[type]:
    """The workflows that are checked, importable as `checked_workflows`."""
    monkeypatch.setattr(sys, "path", [str(Path(__file__).parent), *sys.path])
    module: Any = importlib.import_module("checked_workflows")
    found: list[type] = module.WORKFLOWS
    return found


@pytest.fixture
def history() -> History:
    """Makes a history document: events as pairs of type and payload, and further members."""

    def make(*events: tuple[str, dict[str, Any]], of: str = "order", **members: Any) -> Any:
        started = {"workflow_type": of, "workflow_instance_id": f"{of}-1", "clock": "event"}
        every = [("WorkflowStarted", {**started, "workflow_run_id": "run-1"}), *events]
        records = [
            {
                "sequence": number,
                "event_type": event_type,
                "payload": payload,
                "recorded_at": f"2026-06-01T12:00:{number:02}Z",
            }
            for number, (event_type, payload) in enumerate(every, 1)
        ]
        return {"input": ["o-1"], "events": records, **members}

    return make


@pytest.fixture
def charged() -> list[tuple[str, dict[str, Any]]]:
    """The events of an activity that the order asks for."""
    about = {"sequence": 2, "activity_type": "charge"}
    return [
        ("ActivityScheduled", about),
        ("ActivityCompleted", {**about, "result": json.dumps("visa")}),
    ]
