# pyright: reportPrivateUsage=false, reportUnknownLambdaType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
import json
from collections.abc import Callable
from typing import Any

import pytest

from durable_workflow.serializer import _avro, _avro_runtimes

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

    def __init__(self, *, clock: Any = None, timestamp: Any = "2026-06-01T12:00:00Z") -> None:
        self.events: list[dict[str, Any]] = []
        started = {"workflow_type": "t"}
        if timestamp is not None:
            started["timestamp"] = timestamp
        if clock is not None:
            started["clock"] = clock
        self.add("WorkflowStarted", **started)

    def __iter__(self) -> Any:
        return iter(self.events)

    def __len__(self) -> Any:
        return len(self.events)

    def __getitem__(self, part: Any) -> Any:
        return self.events[part]

    def add(self, event_type: Any, **payload: Any) -> Any:
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

    def scheduled(self, sequence: Any, activity_type: Any = "a") -> Any:
        return self.add("ActivityScheduled", sequence=sequence, activity_type=activity_type)

    def completed(self, sequence: Any, result: Any, activity_type: Any = "a") -> Any:
        blob = json.dumps(result)
        return self.add(
            "ActivityCompleted", sequence=sequence, activity_type=activity_type, result=blob
        )

    def activity(self, sequence: Any, result: Any, activity_type: Any = "a") -> Any:
        return self.scheduled(sequence, activity_type).completed(sequence, result, activity_type)

    def signal(self, name: Any, *arguments: Any) -> Any:
        return self.add("SignalReceived", signal_name=name, arguments=json.dumps(arguments))

    def update(self, name: Any, *arguments: Any, update_id: Any = "u", sequence: Any = None) -> Any:
        blob = json.dumps(arguments)
        return self.add(
            "UpdateApplied",
            update_name=name,
            update_id=update_id,
            arguments=blob,
            sequence=sequence or len(self.events) + 1,
        )

    def accepted(self, name: Any, *arguments: Any, update_id: Any = "u") -> Any:
        blob = json.dumps(arguments)
        return self.add("UpdateAccepted", update_name=name, update_id=update_id, arguments=blob)

    def wait(self, sequence: Any, key: Any = None, wait_id: Any = None, **fields: Any) -> Any:
        key = {} if key is None else {"condition_key": key}
        wait_id = wait_id or f"w{sequence}"
        return self.add(
            "ConditionWaitOpened", sequence=sequence, condition_wait_id=wait_id, **key, **fields
        )

    def satisfied(self, sequence: Any) -> Any:
        return self.add(
            "ConditionWaitSatisfied", sequence=sequence, condition_wait_id=f"w{sequence}"
        )

    def wait_timer_fired(self, sequence: Any) -> Any:
        return self.add(
            "TimerFired",
            sequence=sequence,
            timer_kind="condition_timeout",
            condition_wait_id=f"w{sequence}",
        )


@pytest.fixture(scope="session")
def recorded() -> Any:
    """Start a history: `recorded()`, or `recorded(clock="event")` as our server writes it."""
    return Recorded
