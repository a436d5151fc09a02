"""The scenarios: recorded events, and what a replay of them must come to."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from durable_workflow import serializer
from durable_workflow.errors import NonDeterministicReplayError
from durable_workflow.history_bundle_verify import STATUS_FAILED, verify_bundle
from durable_workflow.replay_conformance._workflows import (
    ReplayConformanceDivergentWorkflow,
    ReplayConformanceWorkflow,
)
from durable_workflow.workflow import (
    Command,
    CompleteWorkflow,
    ContinueAsNew,
    query_state,
    replay,
)

Event = tuple[str, dict[str, Any]]
_ECHO: Final = {"activity_type": "conformance.echo"}


@dataclass(frozen=True, slots=True)
class Scenario:
    """A recorded run of the conformance workflow.

    Attributes:
        name: What `run` is given.
        events: Types and payloads, without the start.
        result: What the replayed run must return; None means that it continues as new.
        open_events: How many of the events leave the run open and asking for its first step.
        state: What a query must see in the end, beside the scenario.
    """

    name: str
    events: tuple[Event, ...]
    result: Any
    open_events: int = 0
    state: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def history(self, length: int | None = None) -> list[dict[str, Any]]:
        """The recorded events, or only the first ones of them."""
        started = {"workflow_type": "conformance.replay", "clock": "event"}
        every = [("WorkflowStarted", started), *self.events[:length]]
        return [
            {
                "id": f"event-{number}",
                "sequence": number,
                "event_type": event_type,
                "payload": payload,
                "recorded_at": f"2026-06-01T12:00:{number:02}.000000Z",
            }
            for number, (event_type, payload) in enumerate(every, 1)
        ]


def _payload(value: Any) -> dict[str, str]:
    return {"result": serializer.encode(value, serializer.AVRO_CODEC), "payload_codec": "avro"}


def _wait(key: str) -> dict[str, Any]:
    return {"sequence": 1, "condition_wait_id": "wait-1", "condition_key": key}


SCENARIOS: Final = (
    Scenario(
        "activity",
        (
            ("ActivityScheduled", {"sequence": 1, **_ECHO}),
            ("ActivityCompleted", {"sequence": 1, **_ECHO, **_payload("one")}),
        ),
        "one",
        open_events=1,
    ),
    Scenario(
        "activity-failure",
        (
            ("ActivityScheduled", {"sequence": 1, **_ECHO}),
            ("ActivityFailed", {"sequence": 1, **_ECHO, "message": "no echo"}),
        ),
        {"failed": "no echo"},
        open_events=1,
    ),
    Scenario(
        "fan-out",
        (
            ("ActivityScheduled", {"sequence": 1, **_ECHO}),
            ("ActivityScheduled", {"sequence": 2, **_ECHO}),
            ("ActivityCompleted", {"sequence": 2, **_ECHO, **_payload("two")}),
            ("ActivityCompleted", {"sequence": 1, **_ECHO, **_payload("one")}),
        ),
        ["one", "two"],
        open_events=3,
    ),
    Scenario(
        "timer",
        (("TimerScheduled", {"sequence": 1}), ("TimerFired", {"sequence": 1})),
        None,
        open_events=1,
    ),
    Scenario(
        "child",
        (
            ("ChildWorkflowScheduled", {"sequence": 1, "workflow_type": "conformance.child"}),
            ("ChildRunCompleted", {"sequence": 1, **_payload("from the child")}),
        ),
        "from the child",
        open_events=1,
    ),
    Scenario("side-effect", (("SideEffectRecorded", {"sequence": 1, **_payload("then")}),), "then"),
    Scenario(
        "version",
        (
            (
                "VersionMarkerRecorded",
                {"sequence": 1, "change_id": "conformance-change", "version": 2},
            ),
        ),
        2,
    ),
    Scenario("search-attributes", (("SearchAttributesUpserted", {"sequence": 1}),), None),
    Scenario(
        "signal",
        (
            ("ConditionWaitOpened", _wait("name")),
            ("SignalReceived", {"signal_name": "name_provided", "arguments": '["Ada"]'}),
            ("ConditionWaitSatisfied", _wait("name")),
        ),
        "Ada",
        open_events=1,
        state={"name": "Ada"},
    ),
    Scenario(
        "update",
        (
            ("ConditionWaitOpened", _wait("approval")),
            (
                "UpdateApplied",
                {"update_name": "approve", "update_id": "update-1", "arguments": "[true]"},
            ),
            ("ConditionWaitSatisfied", _wait("approval")),
        ),
        True,
        open_events=1,
        state={"approved": True},
    ),
    Scenario("continue-as-new", (), None),
)


class CheckFailed(Exception):
    """A check came to something else than it must; the text says what."""


def checks() -> Iterator[tuple[str, Callable[[], None]]]:
    """Every check: its id, and a function that raises where it fails."""
    for scenario in SCENARIOS:
        yield f"replay.{scenario.name}", partial(_replays, scenario)
        if scenario.open_events:
            yield f"resume.{scenario.name}", partial(_resumes, scenario)
        yield f"query.{scenario.name}", partial(_answers, scenario)
        if scenario.events:
            yield f"divergence.{scenario.name}", partial(_diverges, scenario)
    yield "bundle.intact", partial(_verifies, change=False)
    yield "bundle.changed", partial(_verifies, change=True)


def _commands(scenario: Scenario, length: int | None = None) -> list[Command]:
    history = scenario.history(length)
    return replay(ReplayConformanceWorkflow, history, [scenario.name]).commands


def _replays(scenario: Scenario) -> None:
    """The code ends as the recorded run did."""
    (command,) = _commands(scenario)
    if scenario.name == "continue-as-new":
        _expect(isinstance(command, ContinueAsNew), "a run that continues as new", command)
    else:
        _expect(command == CompleteWorkflow(scenario.result), scenario.result, command)


def _resumes(scenario: Scenario) -> None:
    """The code of a run that is still open waits for what is recorded."""
    commands = _commands(scenario, scenario.open_events)
    ends = any(isinstance(command, CompleteWorkflow) for command in commands)
    _expect(bool(commands) and not ends, "a run that waits", commands)


def _answers(scenario: Scenario) -> None:
    """A query sees what the run was told."""
    told = {"scenario": scenario.name, "name": None, "approved": None, **scenario.state}
    history = scenario.history()
    found = query_state(ReplayConformanceWorkflow, history, [scenario.name], "current_state")
    _expect(found == told, told, found)


def _diverges(scenario: Scenario) -> None:
    """Other code is told apart from the code that was recorded."""
    try:
        outcome = replay(ReplayConformanceDivergentWorkflow, scenario.history(), [scenario.name])
    except NonDeterministicReplayError:
        return
    raise CheckFailed(f"code that asks for something else replayed to {outcome.commands!r}")


def _verifies(*, change: bool) -> None:
    """An exported bundle is accepted as it is, and refused after a change."""
    bundle = json.loads(json.dumps(EXAMPLE_BUNDLE))
    if change:
        bundle["workflow"]["run_id"] = "another-run"
    report = verify_bundle(bundle)
    refused = report["status"] == STATUS_FAILED
    _expect(refused == change, "refused" if change else "accepted", report["findings"])


def _expect(holds: bool, wanted: Any, found: Any) -> None:
    if not holds:
        raise CheckFailed(f"expected {wanted!r}, found {found!r}")


# An exported bundle of a run that has only begun.
EXAMPLE_BUNDLE: Final[Mapping[str, Any]] = {
    "schema": "durable-workflow.v2.history-export",
    "schema_version": 1,
    "exported_at": "2026-06-01T12:00:00.000000Z",
    "workflow": {
        "instance_id": "conformance-é",
        "run_id": "run-1",
        "workflow_type": "conformance.replay",
        "last_history_sequence": 1,
    },
    "payloads": {"codec": "avro"},
    "history_events": [{"id": "event-1", "sequence": 1, "type": "WorkflowStarted", "payload": {}}],
    "commands": [],
    "signals": [],
    "updates": [],
    "tasks": [],
    "activities": [],
    "timers": [],
    "failures": [],
    "links": {},
    "redaction": {"applied": False, "paths": []},
    "codec_schemas": {},
    "payload_manifest": {"version": 1, "entries": []},
    "integrity": {
        "canonicalization": "json-recursive-ksort-v1",
        "checksum_algorithm": "sha256",
        "checksum": "f35f9600b1b3260fa8b097bbc0d99fddf31190223fa52a0d40d2a8383091683a",
        "signature_algorithm": None,
        "signature": None,
        "key_id": None,
    },
}
