import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from durable_workflow.serializer import _avro, _avro_runtimes

_SPEC = Path(__file__).resolve().parents[4] / "shared" / "spec"


@pytest.fixture(scope="session")
def spec_data() -> Path:
    """The folder with the specification's vectors and examples."""
    named = os.environ.get("DURABLE_WORKFLOW_SPEC_DATA")
    folder = Path(named) if named else _SPEC / "data"
    if not folder.is_dir():
        pytest.skip(f"the specification's data is not at {folder}")
    return folder


_RUNTIMES: dict[str, Callable[[], _avro_runtimes.AvroRuntime]] = {
    "apache": _avro_runtimes.ApacheAvro,
    "fastavro": _avro_runtimes.FastAvro,
}


@pytest.fixture(params=sorted(_RUNTIMES))
def avro_runtime(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Runs a test with either Avro library."""
    if request.param == "fastavro":
        pytest.importorskip("fastavro", reason="fastavro, the extra `speed`, is not installed")
    monkeypatch.setattr(_avro, "runtime", _RUNTIMES[request.param]())
    return str(request.param)


class Recorded:
    """Builds histories: each method appends one event and returns the history for chaining."""

    def __init__(self, *, clock=None, timestamp="2026-06-01T12:00:00Z"):
        self.events = []
        started = {"workflow_type": "t"}
        if timestamp is not None:
            started["timestamp"] = timestamp
        if clock is not None:
            started["clock"] = clock
        self.add("WorkflowStarted", **started)

    def __iter__(self):
        return iter(self.events)

    def __len__(self):
        return len(self.events)

    def __getitem__(self, part):
        return self.events[part]

    def add(self, event_type, **payload):
        sequence = len(self.events) + 1
        self.events.append(
            {
                "id": f"e{sequence}",
                "sequence": sequence,
                "event_type": event_type,
                "payload": payload,
                "recorded_at": f"2026-06-01T12:{sequence // 60:02}:{sequence % 60:02}.000000Z",
            }
        )
        return self

    def scheduled(self, sequence, activity_type="a"):
        return self.add("ActivityScheduled", sequence=sequence, activity_type=activity_type)

    def completed(self, sequence, result, activity_type="a"):
        blob = json.dumps(result)
        return self.add(
            "ActivityCompleted", sequence=sequence, activity_type=activity_type, result=blob
        )

    def activity(self, sequence, result, activity_type="a"):
        return self.scheduled(sequence, activity_type).completed(sequence, result, activity_type)

    def signal(self, name, *arguments):
        return self.add("SignalReceived", signal_name=name, arguments=json.dumps(arguments))

    def update(self, name, *arguments, update_id="u", sequence=None):
        blob = json.dumps(arguments)
        return self.add(
            "UpdateApplied",
            update_name=name,
            update_id=update_id,
            arguments=blob,
            sequence=sequence or len(self.events) + 1,
        )

    def accepted(self, name, *arguments, update_id="u"):
        blob = json.dumps(arguments)
        return self.add("UpdateAccepted", update_name=name, update_id=update_id, arguments=blob)

    def wait(self, sequence, key=None, wait_id=None, **fields):
        key = {} if key is None else {"condition_key": key}
        wait_id = wait_id or f"w{sequence}"
        return self.add(
            "ConditionWaitOpened", sequence=sequence, condition_wait_id=wait_id, **key, **fields
        )

    def satisfied(self, sequence):
        return self.add(
            "ConditionWaitSatisfied", sequence=sequence, condition_wait_id=f"w{sequence}"
        )

    def wait_timer_fired(self, sequence):
        return self.add(
            "TimerFired",
            sequence=sequence,
            timer_kind="condition_timeout",
            condition_wait_id=f"w{sequence}",
        )


@pytest.fixture(scope="session")
def recorded():
    """Start a history: `recorded()`, or `recorded(clock="event")` as our server writes it."""
    return Recorded
