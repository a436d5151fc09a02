"""Runs and steps for the engine alone: no store, no clock.

Rules are tested as tables: what the run is like, what happens, which events are appended and what
has changed. `decide` makes each decision twice, from what was given and from a copy of it, and
checks that both are equal and that nothing given has changed.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import msgspec
import pytest

from durable_workflow.server.engine.decision import Decision, NewId
from durable_workflow.server.engine.starting import Beginning, begin
from durable_workflow.server.engine.state import (
    LEASED,
    READY,
    RUNNING,
    Activity,
    ActivityPolicy,
    BufferedEvent,
    ChildLink,
    ChildPolicy,
    Resolution,
    Run,
    RunDetails,
    Timer,
    Update,
)
from integration.harness.runs import plain_run

NOW = 1_767_225_600_000_000
SECOND = 1_000_000
Json = dict[str, Any]

# They move with every event.
_UNINTERESTING = {"last_sequence", "history_bytes", "last_progress_at"}


class Ids:
    """An id source that starts again where it is copied."""

    def __init__(self) -> None:
        self._count = 0

    def __call__(self) -> str:
        self._count += 1
        return f"id{self._count:04}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ids)

    __hash__ = None  # type: ignore[assignment]

    def __deepcopy__(self, memo: object) -> Ids:
        return Ids()


class Decided:
    """A decision, with what tests ask of it.

    Attributes:
        changed: The fields of the run that the decision changes, as they will be.
    """

    def __init__(self, decision: Decision, before: Run) -> None:
        self.decision = decision
        self.run = decision.run
        self.types = [event.event_type for event in decision.events]
        self.records: list[Json] = [msgspec.json.decode(event.record) for event in decision.events]
        self.payloads: list[Json] = [record["payload"] for record in self.records]
        self.changed = {
            name: value
            for name, value in msgspec.structs.asdict(decision.run).items()
            if name not in _UNINTERESTING and value != getattr(before, name)
        }


class Given:
    """Makes what the engine is given. Fields that a test does not name have a plain value."""

    now = NOW
    second = SECOND

    def __deepcopy__(self, memo: object) -> Given:
        return self

    def ids(self) -> NewId:
        return Ids()

    def run(self, **fields: Any) -> Run:
        """An open run that waits for nothing: it has completed one task and has none now."""
        waiting: Json = {"status": "waiting", "last_sequence": 3, "tasks_completed": 1}
        return plain_run(**{"started_at": NOW} | waiting | fields)

    def ready(self, **fields: Any) -> Run:
        """A run with an ordinary task that nobody has claimed."""
        task: Json = {
            "task_id": "task",
            "task_status": READY,
            "task_available_at": NOW,
            "task_ordinary": True,
        }
        return self.run(**task | fields)

    def leased(self, **fields: Any) -> Run:
        """A run whose ordinary task worker `w` holds, which has seen the first three events."""
        lease: Json = {
            "task_status": LEASED,
            "task_attempt": 1,
            "lease_owner": "w",
            "leased_at": NOW,
            "lease_expires_at": NOW + 30 * SECOND,
            "claimed_sequence": 3,
        }
        return self.ready(**lease | fields)

    def waiting(self, make: Callable[..., Run] | None = None, **fields: Any) -> Run:
        """A run with an open condition wait that times out in a minute."""
        wait: Json = {
            "wait_id": "wait",
            "wait_key": "k",
            "wait_sequence": 2,
            "wait_timeout": 60 * SECOND,
            "wait_timer_id": "wait-timer",
            "wait_fire_at": NOW + 60 * SECOND,
        }
        return (make or self.run)(**wait | fields)

    def child(self, **fields: Any) -> Run:
        """A run that is the child of `run`."""
        given: Json = {
            "run_id": "child-run",
            "workflow_id": "child-wf",
            "workflow_type": "child",
            "parent_run_id": "run",
            "parent_sequence": 4,
            "link_id": "link",
        }
        return self.run(**given | fields)

    def details(self, run_id: str = "run", **fields: Any) -> RunDetails:
        return RunDetails(run_id, {"codec": "json", "blob": "[1]"}, **fields)

    def activity(self, policy: Json | None = None, **fields: Any) -> Activity:
        """An activity that nobody has claimed."""
        given: Json = {
            "execution_id": "exec",
            "run_id": "run",
            "namespace": "default",
            "sequence": 4,
            "activity_type": "act",
            "task_queue": "q",
            "priority": 5,
            "codec": "json",
            "policy": None if policy is None else _dump(ActivityPolicy(**policy)),
            "scheduled_at": NOW,
            "task_id": "act-task",
            "available_at": NOW,
        }
        return Activity(**given | fields)

    def running(self, policy: Json | None = None, **fields: Any) -> Activity:
        """An activity whose first attempt worker `w` has begun."""
        lease: Json = {
            "status": RUNNING,
            "attempt_count": 1,
            "task_status": LEASED,
            "attempt_id": "attempt",
            "lease_owner": "w",
            "lease_expires_at": NOW + 300 * SECOND,
            "started_at": NOW,
        }
        return self.activity(policy, **lease | fields)

    def timer(self, **fields: Any) -> Timer:
        given: Json = {
            "timer_id": "timer",
            "run_id": "run",
            "sequence": 4,
            "delay": 5 * SECOND,
            "fire_at": NOW + 5 * SECOND,
        }
        return Timer(**given | fields)

    def link(self, policy: Json | None = None, **fields: Any) -> ChildLink:
        given: Json = {
            "link_id": "link",
            "run_id": "run",
            "sequence": 4,
            "child_workflow_id": "child-wf",
            "child_run_id": "child-run",
            "child_run_number": 1,
            "child_type": "child",
            "parent_close_policy": "abandon",
            "policy": None if policy is None else _dump(ChildPolicy(**policy)),
            "execution_timeout_seconds": None,
            "run_timeout_seconds": None,
        }
        return ChildLink(**given | fields)

    def update(self, update_id: str = "u1", **fields: Any) -> Update:
        given: Json = {
            "namespace": "default",
            "workflow_id": "wf",
            "run_id": "run",
            "command_id": f"command-{update_id}",
            "command_sequence": 2,
            "update_name": "add",
            "request_id": None,
            "arguments": {"codec": "json", "blob": "[1]"},
            "position": 2,
            "accepted_at": NOW,
        }
        return Update(update_id, **given | fields)

    def signal(self, signal_id: str = "s1") -> BufferedEvent:
        payload = b'{"signal_name":"go"}'
        return BufferedEvent(
            "signal", signal_id, "SignalReceived", payload, f"command-{signal_id}", {"a": signal_id}
        )

    def accepted(self, update_id: str = "u1") -> BufferedEvent:
        payload = b'{"update_name":"add"}'
        return BufferedEvent("update", update_id, "UpdateAccepted", payload, f"command-{update_id}")

    def timeout(self, timer_id: str = "wait-timer") -> BufferedEvent:
        return BufferedEvent("wait_timeout", timer_id, "", b"")

    def outcome(self, sequence: int) -> Resolution:
        return Resolution(
            sequence, "ActivityCompleted", b'{"sequence":%d}' % sequence, f"t{sequence}"
        )


def _dump(policy: msgspec.Struct) -> str:
    return msgspec.json.encode(policy).decode()


@pytest.fixture
def now() -> int:
    return NOW


@pytest.fixture
def new_id() -> NewId:
    return Ids()


@pytest.fixture
def given() -> Given:
    return Given()


@pytest.fixture
def decide() -> Callable[..., Decided]:
    """Calls an engine function whose first argument is the run; checks that it is pure."""

    def call(function: Callable[..., Decision], run: Run, *rest: Any, **named: Any) -> Decided:
        arguments = (run, *rest)
        given = deepcopy((arguments, named))
        first = function(*arguments, **named)
        assert (arguments, named) == given, "what was given has changed"
        second = function(*given[0], **given[1])
        assert [event.record for event in first.events] == [event.record for event in second.events]
        assert first.run == second.run
        return Decided(first, run)

    return call


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
