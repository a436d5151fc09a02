"""Requests of registration, heartbeat and the polls (worker-protocol 2, 3.1, 5.1, 7.4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from durable_workflow.server.api.bodies.fields import LARGEST, Fields
from durable_workflow.server.requests import (
    DeregisterWorker,
    HeldTask,
    PollTask,
    RegisterWorker,
    WorkerHeartbeat,
)

_SLOTS = ("workflow_available", "activity_available", "session_available")
_LONGEST_INTERVAL = 3600
# What one registration may name. Types are looked at in every claim of the worker, and what it says
# of itself is written with every heartbeat.
_MOST_TYPES = 2000
_LONGEST_TYPE = 255
_MOST_CAPABILITIES = 100
_LARGEST_METRICS = 16_384
_MOST_HELD = 10_000
_LONGEST_WAIT = 60


def read_register(document: Mapping[str, Any], names: Mapping[str, str]) -> RegisterWorker:
    """`POST /worker/register`."""
    fields = Fields(document)
    request = RegisterWorker(
        task_queue=fields.required_text("task_queue"),
        runtime=fields.required_text("runtime", longest=64),
        worker_id=fields.identifier("worker_id"),
        sdk_version=fields.text("sdk_version", longest=64),
        build_id=fields.text("build_id"),
        supported_workflow_types=fields.texts("supported_workflow_types", most=_MOST_TYPES),
        supported_activity_types=fields.texts("supported_activity_types", most=_MOST_TYPES),
        workflow_definition_fingerprints=_read_fingerprints(fields),
        max_concurrent_workflow_tasks=_slots(fields, "max_concurrent_workflow_tasks"),
        max_concurrent_activity_tasks=_slots(fields, "max_concurrent_activity_tasks"),
        capabilities=fields.texts("capabilities", most=_MOST_CAPABILITIES),
        task_slots=_read_slots(fields),
        process_metrics=_read_metrics(fields),
        heartbeat_interval_seconds=_read_interval(fields),
        session=fields.text("session"),
    )
    fields.check()
    return request


def read_heartbeat(document: Mapping[str, Any], names: Mapping[str, str]) -> WorkerHeartbeat:
    """`POST /worker/heartbeat`."""
    fields = Fields(document)
    request = WorkerHeartbeat(
        worker_id=fields.required_text("worker_id"),
        task_slots=_read_slots(fields),
        process_metrics=_read_metrics(fields),
        heartbeat_interval_seconds=_read_interval(fields),
        session=fields.text("session"),
        held_tasks=_read_held(fields),
        wait_seconds=fields.whole("wait_seconds", most=_LONGEST_WAIT),
    )
    fields.check()
    return request


def read_deregister(document: Mapping[str, Any], names: Mapping[str, str]) -> DeregisterWorker:
    """`POST /worker/deregister`."""
    fields = Fields(document)
    request = DeregisterWorker(
        worker_id=fields.required_text("worker_id"), session=fields.required_text("session")
    )
    fields.check()
    return request


def read_poll(
    document: Mapping[str, Any], names: Mapping[str, str], *, longest_page: int
) -> PollTask:
    """`POST /worker/…-tasks/poll`, of any kind."""
    fields = Fields(document)
    request = PollTask(
        worker_id=fields.required_text("worker_id"),
        task_queue=fields.required_text("task_queue"),
        build_id=fields.text("build_id"),
        poll_request_id=fields.text("poll_request_id"),
        history_page_size=fields.whole("history_page_size", least=1, most=longest_page),
        accept_history_encoding=fields.text("accept_history_encoding"),
        session=fields.text("session"),
    )
    fields.check()
    return request


def _read_fingerprints(fields: Fields) -> dict[str, str]:
    name = "workflow_definition_fingerprints"
    source = fields.object(name) or {}
    if len(source) > _MOST_TYPES:
        fields.fail(name, f"must not have more than {_MOST_TYPES} members.")
        return {}
    if any(len(kind) > _LONGEST_TYPE for kind in source):
        fields.fail(name, f"must not name a type longer than {_LONGEST_TYPE} characters.")
        return {}
    inside = fields.inside(name, source)
    return {kind: inside.required_text(kind) for kind in source}


def _read_metrics(fields: Fields) -> dict[str, Any] | None:
    metrics = fields.object("process_metrics")
    if metrics is None:
        return None
    if len(msgspec.json.encode(metrics)) > _LARGEST_METRICS:
        fields.fail("process_metrics", f"must not be larger than {_LARGEST_METRICS} bytes.")
        return None
    fields.inside("process_metrics", metrics).text("host")
    return metrics


def _read_held(fields: Fields) -> list[HeldTask] | None:
    source = fields.objects("held_tasks", most=_MOST_HELD)
    if source is None:
        return None
    held: list[HeldTask] = []
    for index, member in enumerate(source):
        task = fields.inside(f"held_tasks.{index}", member)
        kind = task.choice("kind", ("workflow", "activity"))
        attempt: int | str
        if kind == "workflow":
            attempt = task.required_whole("attempt")
        else:
            attempt = task.required_text("attempt")
        if kind is None and not task.has("kind"):
            task.fail("kind", "is required.")
        held.append(
            HeldTask(kind=kind or "", task_id=task.required_text("task_id"), attempt=attempt)
        )
    return held


def _slots(fields: Fields, name: str) -> int:
    number = fields.whole(name, least=1)
    return 100 if number is None else number


def _read_slots(fields: Fields) -> dict[str, int] | None:
    source = fields.object("task_slots")
    if source is None:
        return None
    inside = fields.inside("task_slots", source)
    numbers = {name: inside.whole(name, most=LARGEST) for name in _SLOTS}
    return {name: number for name, number in numbers.items() if number is not None}


def _read_interval(fields: Fields) -> int | None:
    return fields.whole("heartbeat_interval_seconds", least=1, most=_LONGEST_INTERVAL)
