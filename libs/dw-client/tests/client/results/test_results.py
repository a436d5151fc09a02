"""Reading response objects: tolerant of what is missing, of `[]` for `{}`, and of what is new."""

import json
from collections.abc import Callable
from dataclasses import fields
from math import inf
from pathlib import Path
from typing import Any

import pytest

from durable_workflow.client import (
    BridgeAdapterOutcome,
    NamespaceDescription,
    ScheduleAction,
    ScheduleSpec,
    SearchAttributeList,
    StandaloneActivityExecution,
    StoragePayloadTestResult,
    StorageTestResult,
    TaskQueueAdmission,
    TaskQueueBuildIdCohort,
    TaskQueueBuildIdRollout,
    TaskQueueBuildIdRolloutState,
    TaskQueueDescription,
    TaskQueueQueryAdmission,
    TaskQueueTaskAdmission,
    WorkerDescription,
    WorkflowCommandResult,
    WorkflowRun,
)
from durable_workflow.client._results import schedule_history, schedules

READERS: list[Callable[[dict[str, Any]], Any]] = [
    BridgeAdapterOutcome.from_dict,
    NamespaceDescription.from_dict,
    SearchAttributeList.from_dict,
    StandaloneActivityExecution.from_dict,
    StoragePayloadTestResult.from_dict,
    StorageTestResult.from_dict,
    TaskQueueAdmission.from_dict,
    TaskQueueBuildIdCohort.from_dict,
    TaskQueueBuildIdRollout.from_dict,
    TaskQueueBuildIdRolloutState.from_dict,
    TaskQueueDescription.from_dict,
    TaskQueueQueryAdmission.from_dict,
    TaskQueueTaskAdmission.from_dict,
    WorkerDescription.from_dict,
    WorkflowCommandResult.from_dict,
    WorkflowRun.from_dict,
]


@pytest.mark.parametrize("read", READERS)
def test_an_empty_object_and_a_strange_one_are_read(read: Callable[..., Any]) -> None:
    empty = read({})
    strange = read({"made_up": 1, "raw": {"not": "this"}})
    for field in fields(empty):
        if field.name == "raw":
            assert (empty.raw, strange.raw) == ({}, {"made_up": 1, "raw": {"not": "this"}})
        else:
            assert getattr(empty, field.name) == getattr(strange, field.name)


@pytest.mark.parametrize("wrong", [7, "text", None])
def test_containers_of_the_wrong_kind_are_nothing(wrong: Any) -> None:
    run = WorkflowRun.from_dict({"memo": wrong, "search_attributes": [], "actions": wrong})
    assert (run.memo, run.search_attributes, run.actions) == (None, {}, None)
    worker = WorkerDescription.from_dict(
        {"supported_workflow_types": wrong, "task_slots": wrong, "process_metrics": []}
    )
    assert (worker.supported_workflow_types, worker.task_slots, worker.process_metrics) == (
        None,
        None,
        {},
    )
    queue = TaskQueueDescription.from_dict({"pollers": wrong, "stats": wrong, "admission": wrong})
    assert (queue.pollers, queue.stats) == (None, None)
    assert queue.admission == TaskQueueAdmission(raw={})
    cohort = TaskQueueBuildIdCohort.from_dict({"runtimes": wrong, "sdk_versions": ["a", 1]})
    assert (cohort.runtimes, cohort.sdk_versions) == ([], ["a"])
    attributes = SearchAttributeList.from_dict({"custom_attributes": []})
    assert (attributes.system_attributes, attributes.custom_attributes) == ({}, {})


def test_ids_that_a_body_omits_are_those_asked_for() -> None:
    assert WorkflowRun.from_dict({}, workflow_id="w", run_id="r").run_id == "r"
    assert WorkflowCommandResult.from_dict({}, workflow_id="w").workflow_id == "w"
    assert WorkerDescription.from_dict({"worker_id": ""}, worker_id="k").worker_id == "k"
    activity = StandaloneActivityExecution.from_dict({}, activity_id="a", result=1)
    assert (activity.activity_id, activity.result) == ("a", 1)


def test_counters_are_whole_numbers() -> None:
    cohort = TaskQueueBuildIdCohort.from_dict(
        {"active_worker_count": "2", "stale_worker_count": None, "total_worker_count": "many"}
    )
    assert TaskQueueBuildIdCohort.from_dict({"total_worker_count": inf}).total_worker_count == 0
    counts = (cohort.active_worker_count, cohort.stale_worker_count, cohort.total_worker_count)
    assert counts == (2, 0, 0)


def test_admissions() -> None:
    assert TaskQueueTaskAdmission.from_dict(None) is None
    assert TaskQueueQueryAdmission.from_dict(None) is None
    assert TaskQueueAdmission.from_dict(None) == TaskQueueAdmission(raw={})
    admission = TaskQueueAdmission.from_dict(
        {"workflow_tasks": {"status": "accepting", "leased_count": 1}, "query_tasks": {}}
    )
    assert admission.workflow_tasks == TaskQueueTaskAdmission(status="accepting", leased_count=1)
    assert admission.activity_tasks is None
    assert admission.query_tasks == TaskQueueQueryAdmission()


def test_a_namespace_with_a_storage_policy_and_what_went_with_it() -> None:
    namespace = NamespaceDescription.from_dict(
        {
            "name": "billing",
            "deleted": {"workflow_runs": 12, "note": "x", "really": True},
            "external_payload_storage": {"driver": "s3", "threshold_bytes": 5},
        }
    )
    assert namespace.deleted == {"workflow_runs": 12}
    assert namespace.external_payload_storage is not None
    assert namespace.external_payload_storage.driver == "s3"
    assert NamespaceDescription.from_dict({"external_payload_storage": []}) == (
        NamespaceDescription("")
    )


def test_a_storage_probe() -> None:
    result = StorageTestResult.from_dict(
        {"status": "passed", "small_payload": {"status": "passed", "bytes": 1, "latency_ms": 0.5}}
    )
    assert result.small_payload == StoragePayloadTestResult("passed", 1, latency_ms=0.5)
    assert result.large_payload is None


def test_what_a_schedule_takes() -> None:
    assert ScheduleSpec().to_dict() == {}
    assert ScheduleSpec(["* * * * *"], timezone="UTC").to_dict() == {
        "cron_expressions": ["* * * * *"],
        "timezone": "UTC",
    }
    action = ScheduleAction("t", input=[])
    assert action.to_dict()["input"] == {"codec": "avro", "blob": "AARbXQI="}
    assert action.to_dict(input_encoder=lambda args: {"n": str(len(args))})["input"] == {"n": "0"}


def test_a_schedule_of_an_older_server() -> None:
    described = schedules.described_schedule(
        {
            "state": {"status": "paused", "paused": True, "note": "n"},
            "info": {"next_fire": "soon", "last_fire": "late", "fires_count": 3},
            "memo": [],
        },
        "s",
    )
    assert (described.schedule_id, described.status, described.note) == ("s", "paused", "n")
    assert (described.next_fire_at, described.last_fired_at) == ("soon", "late")
    assert (described.fires_count, described.failures_count, described.memo) == (3, 0, {})


def test_results_of_fires() -> None:
    triggered = schedules.trigger_result({"outcome": "buffered", "buffer_depth": 2}, "s")
    assert (triggered.schedule_id, triggered.buffer_depth) == ("s", 2)
    backfill = schedules.backfill_result({"fires_attempted": 1, "results": [{"outcome": "x"}]}, "s")
    assert (backfill.fires_attempted, backfill.results) == (1, [{"outcome": "x"}])


EXCHANGES = Path(__file__).resolve().parents[5] / "integration" / "contract" / "exchanges"
RECORDED: dict[str, Callable[[dict[str, Any]], Any]] = {
    "063-describe-run": WorkflowRun.from_dict,
    "082-archive": WorkflowCommandResult.from_dict,
    "155-schedule-describe": lambda body: schedules.described_schedule(body, ""),
    "161-schedule-trigger": lambda body: schedules.trigger_result(body, ""),
    "162-schedule-backfill": lambda body: schedules.backfill_result(body, ""),
    "163-schedule-history": lambda body: schedule_history.history_page(body, ""),
    "036-search-attribute-list": SearchAttributeList.from_dict,
    "184-namespace-describe-with-storage": NamespaceDescription.from_dict,
    "181-storage-test": StorageTestResult.from_dict,
    "052-task-queue-describe-busy": TaskQueueDescription.from_dict,
    "189-task-queue-build-ids": TaskQueueBuildIdRollout.from_dict,
    "190-task-queue-drain": TaskQueueBuildIdRolloutState.from_dict,
    "199-worker-describe": WorkerDescription.from_dict,
}


@pytest.mark.parametrize("name", RECORDED)
def test_recorded_answers_are_read_in_full(name: str) -> None:
    # One that our server does not repeat yet stands here.
    beside = Path(__file__).with_name(f"{name}.json")
    file = beside if beside.exists() else EXCHANGES / f"routes/{name}.json"
    recorded = json.loads(file.read_text())
    body = recorded["response"]["body"]
    assert recorded["response"]["status"] < 300
    result = RECORDED[name](body)
    for field in fields(result):
        sent, read = body.get(field.name), getattr(result, field.name)
        if isinstance(sent, str | int | float):
            assert read == sent, field.name
        elif isinstance(sent, list | dict) and sent:
            assert read, field.name
