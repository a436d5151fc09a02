"""A server in memory that speaks the worker plane, so that a worker can be tested alone."""

# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false
import asyncio
import itertools
import json
import os
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from durable_workflow import serializer
from durable_workflow.errors import ServerError

Json = dict[str, Any]


def cluster_info(**server_capabilities: Any) -> Json:
    return {
        "version": "9.9.9",
        "control_plane": {
            "version": "2",
            "request_contract": {
                "schema": "durable-workflow.v2.control-plane-request.contract",
                "version": 1,
            },
        },
        "worker_protocol": {"version": "1.1", "server_capabilities": dict(server_capabilities)},
        "auth_composition_contract": {
            "schema": "durable-workflow.v2.auth-composition.contract",
            "version": 1,
            "precedence": {"connection_values": ["flags"], "profile_selection": ["flags"]},
            "canonical_environment": {
                "server_url": "DURABLE_WORKFLOW_SERVER_URL",
                "namespace": "DURABLE_WORKFLOW_NAMESPACE",
                "auth_token": "DURABLE_WORKFLOW_AUTH_TOKEN",
                "tls_verify": "DURABLE_WORKFLOW_TLS_VERIFY",
                "profile": "DW_ENV",
            },
            "auth_material": {
                "token": {"status": "supported", "effective_config_value": "redacted"},
                "mtls": {"status": "reserved"},
                "signed_headers": {"status": "reserved"},
            },
            "effective_config": {
                "required_fields": [
                    "server_url", "namespace", "profile", "auth", "tls", "identity",
                ]
            },
            "redaction": {
                "never_echo": ["bearer_tokens", "private_keys", "raw_authorization_headers"]
            },
        },
    }  # fmt: skip


@dataclass
class Execution:
    """What `describe_workflow` returns."""

    status: str


@dataclass
class Run:
    """A run as the double keeps it."""

    run_id: str
    workflow_id: str
    workflow_type: str
    arguments: list[Any]
    status: str = "pending"
    history: list[Json] = field(default_factory=list)
    result: Any = None
    next_step: int = 1
    open_steps: int = 0
    attempt: int = 0
    claimed: int = 0
    kept: int | None = None

    def append(self, event_type: str, **payload: Any) -> None:
        event = {"sequence": len(self.history) + 1, "event_type": event_type, "payload": payload}
        self.history.append(event)


class FakeServer:
    """Speaks the worker plane: keeps runs, hands out tasks, remembers every call.

    `on[method]` is called with the arguments before a call is served and may raise or wait.
    """

    def __init__(self) -> None:
        self.info: Any = cluster_info()
        self.calls: dict[str, list[Json]] = defaultdict(list)
        self.on: dict[str, Callable[..., Any]] = {}
        self.runs: dict[str, Run] = {}
        self.page_size: int | None = None
        self.sticky = False
        self.register_reply: Any = {"registered": True}
        self.heartbeat_reply: Any = {"acknowledged": True}
        self._tasks: dict[str, asyncio.Queue[Any]] = defaultdict(asyncio.Queue)
        self._leased: dict[str, tuple[str, Any]] = {}
        self._ids = itertools.count(1)
        self._changed = asyncio.Event()

    # --- what tests do and ask ---------------------------------------------------------

    def start(self, workflow_type: str, *arguments: Any, workflow_id: str | None = None) -> Run:
        number = next(self._ids)
        run = Run(f"run-{number}", workflow_id or f"wf-{number}", workflow_type, list(arguments))
        run.append("WorkflowStarted", timestamp="2026-06-01T12:00:00Z", clock="event")
        self.runs[run.run_id] = run
        self.offer(run)
        return run

    def offer(self, run: Run, **extra: Any) -> str:
        """Make a workflow task of a run ready."""
        task_id = f"task-{next(self._ids)}"
        run.attempt = 1
        self._tasks["workflow"].put_nowait((task_id, run, extra))
        return task_id

    def put(self, kind: str, task: Json) -> None:
        """Make a task ready as it is."""
        self._tasks[kind].put_nowait(task)

    def signal(self, run: Run, name: str, *arguments: Any) -> None:
        run.append("SignalReceived", signal_name=name, arguments=envelope(list(arguments)))
        self.offer(run)

    async def until(self, condition: Callable[[], Any]) -> None:
        """Wait until something that calls bring about is so."""
        async with asyncio.timeout(10):
            while not condition():
                await self._changed.wait()
                self._changed.clear()

    def count(self, method: str) -> int:
        return len(self.calls[method])

    async def _called(self, method: str, arguments: Json) -> Any:
        self.calls[method].append(arguments)
        self._changed.set()
        hook = self.on.get(method)
        if hook is not None:
            answer = hook(**arguments)
            if asyncio.iscoroutine(answer):
                answer = await answer
            return answer
        return None

    # --- the worker plane ----------------------------------------------------------------

    async def get_cluster_info(self) -> Any:
        await self._called("get_cluster_info", {})
        return self.info

    async def describe_workflow(self, workflow_id: str) -> Execution:
        await self._called("describe_workflow", {"workflow_id": workflow_id})
        found = [run for run in self.runs.values() if run.workflow_id == workflow_id]
        return Execution(found[-1].status)

    async def register_worker(self, **arguments: Any) -> Any:
        await self._called("register_worker", arguments)
        return self.register_reply

    async def heartbeat_worker(self, **arguments: Any) -> Any:
        await self._called("heartbeat_worker", arguments)
        return self.heartbeat_reply

    async def release_worker(self, **arguments: Any) -> Any:
        await self._called("release_worker", arguments)
        return {"deregistered": True}

    async def poll_workflow_task(self, **arguments: Any) -> Any:
        answer = await self._called("poll_workflow_task", arguments)
        if answer is not None:
            return answer
        taken = await self._tasks["workflow"].get()
        if isinstance(taken, dict):
            return taken
        task_id, run, extra = taken
        return self._workflow_task(task_id, run, arguments["worker_id"], extra)

    def _workflow_task(self, task_id: str, run: Run, owner: str, extra: Json) -> Json:
        self._leased[task_id] = ("workflow", run)
        events, token = run.history, None
        run.claimed = len(events)
        task: Json = {}
        if self.sticky and run.kept is not None:
            task["history_after_sequence"] = run.kept
            task["full_history_token"] = "from-0"
            events = events[run.kept :]
        else:
            task["arguments"] = envelope(run.arguments)
        if self.page_size is not None and len(events) > self.page_size:
            first = events[0]["sequence"] - 1
            events, token = events[: self.page_size], f"from-{first + self.page_size}"
        return task | {
            "task_id": task_id,
            "workflow_task_attempt": run.attempt,
            "workflow_id": run.workflow_id,
            "run_id": run.run_id,
            "workflow_type": run.workflow_type,
            "payload_codec": "avro",
            "history_events": [dict(event) for event in events],
            "next_history_page_token": token,
            "last_history_sequence": len(run.history),
            "lease_owner": owner,
            "workflow_update_id": None,
            **extra,
        }

    async def workflow_task_history(self, **arguments: Any) -> Any:
        await self._called("workflow_task_history", arguments)
        _, run = self._leased[arguments["task_id"]]
        first = int(arguments["next_history_page_token"].removeprefix("from-"))
        size = self.page_size or len(run.history) or 1
        events = run.history[first : first + size]
        more = first + size < len(run.history)
        page: Json = {} if first else {"arguments": envelope(run.arguments)}
        return page | {
            "history_events": [dict(event) for event in events],
            "next_history_page_token": f"from-{first + size}" if more else None,
        }

    async def complete_workflow_task(self, **arguments: Any) -> Any:
        await self._called("complete_workflow_task", arguments)
        leased = self._leased.pop(arguments["task_id"], None)
        if leased is None:
            if arguments["task_id"].startswith("task-"):
                raise ServerError(409, {"reason": "task_not_leased"})
            return {}
        run = leased[1]
        run.status = "waiting"
        known = run.open_steps > 0
        for command in arguments["commands"]:
            self._apply(run, command, known)
        # The worker has seen what it was given; what the completion wrote is new to it.
        run.kept = run.claimed if arguments.get("keep_history") is True else None
        self._changed.set()
        return {"outcome": "completed"}

    def _apply(self, run: Run, command: Json, known: bool) -> None:
        """Carry out a command; a blocking one that is open already is recognised by its place."""
        kind = command["type"]
        if kind == "complete_workflow":
            run.status, run.result = "completed", decode(command["result"])
            run.append("WorkflowCompleted")
        elif kind == "fail_workflow":
            run.status, run.result = "failed", command["message"]
            run.append("WorkflowFailed", message=command["message"])
        elif kind == "complete_update":
            run.append("UpdateApplied", update_id=command["update_id"])
            run.append("UpdateCompleted", update_id=command["update_id"], result=command["result"])
        elif kind == "fail_update":
            run.append("UpdateCompleted", update_id=command["update_id"])
        elif not (known and kind == "schedule_activity"):
            self._open(run, kind, command)

    def _open(self, run: Run, kind: str, command: Json) -> None:
        step, run.next_step = run.next_step, run.next_step + 1
        if kind == "schedule_activity":
            run.open_steps += 1
            name = command["activity_type"]
            run.append("ActivityScheduled", sequence=step, activity_type=name)
            self._tasks["activity"].put_nowait((f"act-{next(self._ids)}", run, step, command))
        elif kind == "open_condition_wait":
            run.append(
                "ConditionWaitOpened",
                sequence=step,
                condition_wait_id=f"wait-{step}",
                condition_key=command.get("condition_key"),
                condition_definition_fingerprint=command.get("condition_definition_fingerprint"),
            )
        elif kind == "record_side_effect":
            run.append(
                "SideEffectRecorded", sequence=step, result=command["result"], payload_codec="avro"
            )
        else:
            raise AssertionError(f"the double does not know {kind}")

    async def fail_workflow_task(self, **arguments: Any) -> Any:
        await self._called("fail_workflow_task", arguments)
        self._leased.pop(arguments["task_id"], None)

    async def poll_activity_task(self, **arguments: Any) -> Any:
        answer = await self._called("poll_activity_task", arguments)
        if answer is not None:
            return answer
        taken = await self._tasks["activity"].get()
        if isinstance(taken, dict):
            return taken
        task_id, run, step, command = taken
        self._leased[task_id] = ("activity", (run, step))
        return {
            "task_id": task_id,
            "activity_attempt_id": f"{task_id}-1",
            "attempt_number": 1,
            "activity_type": command["activity_type"],
            "payload_codec": "avro",
            "arguments": command["arguments"],
            "run_id": run.run_id,
        }

    async def complete_activity_task(self, **arguments: Any) -> Any:
        await self._called("complete_activity_task", arguments)
        result = serializer.envelope(arguments["result"], arguments["codec"])
        leased = self._leased.pop(arguments["task_id"], None)
        if leased is not None:
            run, step = leased[1]
            run.open_steps -= 1
            run.append("ActivityCompleted", sequence=step, result=result)
            if run.open_steps == 0:  # a batch wakes its run once
                self.offer(run)
        self._changed.set()
        return {"outcome": "completed"}

    async def fail_activity_task(self, **arguments: Any) -> Any:
        await self._called("fail_activity_task", arguments)

    async def heartbeat_activity_task(self, **arguments: Any) -> Any:
        return await self._called("heartbeat_activity_task", arguments) or {}

    async def poll_query_task(self, **arguments: Any) -> Any:
        answer = await self._called("poll_query_task", arguments)
        return answer if answer is not None else await self._tasks["query"].get()

    async def complete_query_task(self, **arguments: Any) -> Any:
        await self._called("complete_query_task", arguments)
        serializer.encode(arguments["result"], arguments["codec"])

    async def fail_query_task(self, **arguments: Any) -> Any:
        await self._called("fail_query_task", arguments)


def envelope(value: Any, codec: str = "avro") -> dict[str, str]:
    return serializer.envelope(value, codec)


def decode(value: Any, codec: str | None = None) -> Any:
    return serializer.decode_envelope(value, codec)


@pytest.fixture
async def server() -> FakeServer:
    return FakeServer()


@pytest.fixture
def info() -> Callable[..., Json]:
    """Makes the cluster info of a compatible server."""
    return cluster_info


@pytest.fixture
def pack() -> Callable[..., Json]:
    """Makes a payload envelope."""
    return envelope


@pytest.fixture
def exchanges() -> Path:
    """The recorded exchanges of a reference server."""
    root = Path(__file__).resolve().parents[3]
    beside = root.parent / "shared" / "spec" / "data"
    folder = Path(os.environ.get("DURABLE_WORKFLOW_SPEC_DATA", beside)) / "exchanges"
    if not folder.is_dir():
        pytest.skip(f"the specification's recorded exchanges are not at {folder}")
    return folder


@pytest.fixture
def load() -> Callable[[Path], Any]:
    """Reads a JSON file."""
    return lambda path: json.loads(path.read_text())
