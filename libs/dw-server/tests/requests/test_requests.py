"""What is asked of the services, read off documents: good ones whole, and what is refused."""

from __future__ import annotations

import base64
from typing import Any, TypeVar

import pytest

from durable_workflow.server.fields import Reading, WireLimits, table_of
from durable_workflow.server.requests import (
    CompleteActivityTask,
    CompleteWorkflowTask,
    CreateSchedule,
    DebugWorkflow,
    DeregisterWorker,
    DescribeWorkflow,
    FailActivityTask,
    FailWorkflowTask,
    HeartbeatActivityTask,
    HeldTask,
    ListWorkflows,
    Payload,
    PollTask,
    ReadHistory,
    RegisterWorker,
    StartWorkflow,
    TaskFailure,
    TaskOwner,
    WorkerHeartbeat,
)
from durable_workflow.server.requests.workflows import DUPLICATE_POLICIES

OWNER = {"lease_owner": "w", "workflow_task_attempt": 2}
NAMES = {"workflow_id": "w", "run_id": "r", "task_id": "t"}
T = TypeVar("T")
ATTEMPT = {"lease_owner": "w", "activity_attempt_id": "a"}


def read(
    kind: type[T], document: dict[str, Any], *, limits: WireLimits | None = None, page: int = 1000
) -> T:
    reading = Reading(limits or WireLimits(), longest_page=page)
    found = table_of(kind).read(document, reading, names=NAMES)
    assert not reading.errors
    assert found is not None
    return found


def errors(
    kind: type[Any],
    document: dict[str, Any],
    *,
    limits: WireLimits | None = None,
    page: int = 1000,
) -> dict[str, list[str]]:
    reading = Reading(limits or WireLimits(), longest_page=page)
    assert table_of(kind).read(document, reading, names=NAMES) is None
    return reading.errors


def read_start(**document: Any) -> StartWorkflow:
    return read(StartWorkflow, {"workflow_type": "t", **document})


def start_errors(**document: Any) -> list[str]:
    return list(errors(StartWorkflow, {"workflow_type": "t", **document}))


def test_a_start_with_everything() -> None:
    request = read_start(
        workflow_id=" w:1 ",
        task_queue="q",
        input={"codec": "avro", "blob": "AA5bIkFkYSJdAg=="},
        memo={"a": [1]},
        search_attributes={"Tier": "gold"},
        execution_timeout_seconds="60",
        run_timeout_seconds=30,
        duplicate_policy="use-existing",
        priority=0,
        fairness_key="Tenant-A",
        fairness_weight=3,
        unknown="ignored",
    )

    assert request == StartWorkflow(
        workflow_type="t",
        workflow_id="w:1",
        task_queue="q",
        arguments=Payload("avro", "AA5bIkFkYSJdAg=="),
        memo={"a": [1]},
        search_attributes={"Tier": "gold"},
        execution_timeout_seconds=60,
        run_timeout_seconds=30,
        duplicate_policy="use-existing",
        priority=0,
        fairness_key="tenant-a",
        fairness_weight=3,
    )


def test_a_start_with_almost_nothing_has_the_defaults() -> None:
    assert read_start(workflow_id=None, memo=None, input=[]) == StartWorkflow(workflow_type="t")


@pytest.mark.parametrize("name", ["workflow_id", "task_queue"])
@pytest.mark.parametrize("blank", ["", "  "])
def test_a_start_with_a_blank_id_is_refused(name: str, blank: str) -> None:
    assert start_errors(**{name: blank}) == [name]


@pytest.mark.parametrize("name", ["worker_id", "task_queue"])
def test_a_registration_with_a_blank_id_is_refused(name: str) -> None:
    document = {"worker_id": "w", "task_queue": "q", "runtime": "python", name: " "}
    assert [*errors(RegisterWorker, document)] == [name]


def test_a_blank_build_id_is_none() -> None:
    document = {"task_queue": "q", "runtime": "python", "build_id": " "}
    assert read(RegisterWorker, document).build_id is None


@pytest.mark.parametrize("policy", DUPLICATE_POLICIES)
def test_the_policies_in_every_spelling(policy: str) -> None:
    assert read_start(duplicate_policy=policy).duplicate_policy == policy


@pytest.mark.parametrize("policy", ["terminate-existing", "terminate", "FAIL", 5])
def test_other_policies_are_refused(policy: Any) -> None:
    assert start_errors(duplicate_policy=policy) == ["duplicate_policy"]


@pytest.mark.parametrize("name", StartWorkflow.unsupported)
def test_unsupported_fields_are_refused_by_presence(name: str) -> None:
    assert start_errors(**{name: None}) == [name]


@pytest.mark.parametrize("seconds", [0, -1, 10**15, 2**63, "soon", 1.5])
def test_timeouts_that_no_clock_could_keep(seconds: Any) -> None:
    assert start_errors(run_timeout_seconds=seconds) == ["run_timeout_seconds"]


def test_limits_of_memo_and_search_attributes() -> None:
    limits = WireLimits(
        max_memo_bytes=11, max_search_attribute_key_length=3, max_search_attribute_value_bytes=4
    )

    start = {"workflow_type": "t"}
    fits = {"memo": {"a": 12345}, "search_attributes": {"Key": "four", "K": ["four", 5]}}
    read(StartWorkflow, start | fits, limits=limits)
    assert [*errors(StartWorkflow, start | {"memo": {"a": 123456}}, limits=limits)] == ["memo"]
    for wrong in ({"Long": 1}, {"1a": 1}, {"K": "fives"}, {"K": ["fives"]}, {"K": "ööö"}):
        found = errors(StartWorkflow, start | {"search_attributes": wrong}, limits=limits)
        assert [*found] == ["search_attributes"]


def test_a_history_with_a_bad_token_begins_at_the_beginning() -> None:
    def token(text: str) -> str:
        return base64.b64encode(text.encode()).decode()

    assert read(ReadHistory, {"next_page_token": token("50")}).after == 50
    for bad in ("", "!", token("-1"), token("x"), token("9" * 40), token("٣")):
        assert read(ReadHistory, {"next_page_token": bad}) == read(ReadHistory, {})


def test_statuses_of_runs_are_answered_with_the_bucket_to_ask_for() -> None:
    assert read(ListWorkflows, {"status": "failed"}).status == "failed"
    [told] = errors(ListWorkflows, {"status": "cancelled"})["status"]
    assert "for cancelled use failed" in told


def test_history_parameters() -> None:
    request = read(ReadHistory, {"page_size": "5", "wait_new_event": "1"})

    assert (request.page_size, request.after, request.wait) == (5, 0, True)
    assert read(ReadHistory, {}).page_size is None
    assert [*errors(ReadHistory, {"page_size": "1001"})] == ["page_size"]


@pytest.mark.parametrize(("word", "wanted"), [(None, False), ("true", True), ("0", False)])
def test_the_last_payload_is_shown_only_where_somebody_says_so(
    word: str | None, wanted: bool
) -> None:
    assert read(DebugWorkflow, {"include_last_event_payload": word}).preview is wanted


def test_a_registration() -> None:
    request = read(
        RegisterWorker,
        {
            "task_queue": "q",
            "runtime": "python",
            "supported_workflow_types": ["a"],
            "workflow_definition_fingerprints": {"a": "sha256:x"},
            "task_slots": {"workflow_available": "3", "other": "ignored"},
        },
    )

    assert request == RegisterWorker(
        task_queue="q",
        runtime="python",
        supported_workflow_types=["a"],
        workflow_definition_fingerprints={"a": "sha256:x"},
        task_slots={"workflow_available": 3},
    )


def test_a_heartbeat_that_names_what_it_holds() -> None:
    held = [
        {"kind": "workflow", "task_id": "t", "attempt": 2},
        {"kind": "activity", "task_id": "u", "attempt": "a-1"},
    ]
    document = {"worker_id": "w", "session": "s", "held_tasks": held, "wait_seconds": 10}

    assert read(WorkerHeartbeat, document) == WorkerHeartbeat(
        worker_id="w",
        session="s",
        held_tasks=[
            HeldTask(kind="workflow", task_id="t", attempt=2),
            HeldTask(kind="activity", task_id="u", attempt="a-1"),
        ],
        wait_seconds=10,
    )
    assert read(WorkerHeartbeat, {"worker_id": "w"}).held_tasks is None


@pytest.mark.parametrize(
    ("held", "field"),
    [
        ("x", "held_tasks"),
        (["x"], "held_tasks.0"),
        ([{"task_id": "t", "attempt": "a"}], "held_tasks.0.kind"),
        ([{"kind": "query", "task_id": "t", "attempt": "a"}], "held_tasks.0.kind"),
        ([{"kind": "workflow", "attempt": 1}], "held_tasks.0.task_id"),
        ([{"kind": "workflow", "task_id": "t", "attempt": "a"}], "held_tasks.0.attempt"),
        ([{"kind": "activity", "task_id": "t", "attempt": 1}], "held_tasks.0.attempt"),
        ([{"kind": "activity", "task_id": "t", "attempt": "a"}] * 10_001, "held_tasks"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_held_tasks_that_do_not_fit(held: Any, field: str) -> None:
    assert [*errors(WorkerHeartbeat, {"worker_id": "w", "held_tasks": held})] == [field]


def test_a_goodbye_names_the_session() -> None:
    assert [*errors(DeregisterWorker, {"worker_id": "w"})] == ["session"]
    assert [*errors(DeregisterWorker, {"session": "s"})] == ["worker_id"]


def test_a_poll_may_ask_for_pages_up_to_the_limit() -> None:
    document = {"worker_id": "w", "task_queue": "q", "history_page_size": "10"}

    assert read(PollTask, document, page=10) == PollTask(
        worker_id="w", task_queue="q", history_page_size=10
    )
    assert [*errors(PollTask, document, page=9)] == ["history_page_size"]


def test_requests_about_a_workflow_task() -> None:
    owner = TaskOwner(task_id="t", lease_owner="w", attempt=2)
    commands = [{"type": "dance"}]
    failure = {"message": " kept as it is ", "stack_trace": "  line\n"}

    assert read(TaskOwner, OWNER) == owner
    assert read(CompleteWorkflowTask, {**OWNER, "commands": commands}) == (
        CompleteWorkflowTask(owner=owner, commands=commands)
    )
    assert read(FailWorkflowTask, {**OWNER, "failure": failure}) == FailWorkflowTask(
        owner=owner, failure=TaskFailure(message=" kept as it is ", stack_trace="  line\n")
    )
    assert [*errors(FailWorkflowTask, OWNER)] == ["failure"]
    assert [*errors(FailWorkflowTask, {**OWNER, "failure": {}})] == ["failure.message"]
    assert [*errors(CompleteWorkflowTask, {**OWNER, "commands": [{}, 5]})] == ["commands.1"]
    assert [*errors(CompleteWorkflowTask, {**OWNER, "commands": []})] == ["commands"]


def test_requests_about_an_activity_task() -> None:
    assert read(CompleteActivityTask, {**ATTEMPT, "result": [1]}) == CompleteActivityTask(
        task_id="t", activity_attempt_id="a", lease_owner="w", result=[1]
    )
    beat = {**ATTEMPT, "details": {"n": 1}, "current": 0, "unit": "rows"}
    assert read(HeartbeatActivityTask, beat).progress == {
        "details": {"n": 1},
        "current": 0,
        "unit": "rows",
    }
    assert [*errors(HeartbeatActivityTask, {**ATTEMPT, "unit": "rows"})] == ["unit"]
    failure = {"message": "m", "non_retryable": "1", "kind": "timeout"}
    failed = read(FailActivityTask, {**ATTEMPT, "failure": failure})
    assert failed.failure.non_retryable
    assert failed.failure.kind == "timeout"


@pytest.mark.parametrize("blank", ["", "  "])
def test_ids_beside_a_document_are_trimmed_and_never_blank(blank: str) -> None:
    described = table_of(DescribeWorkflow)
    reading = Reading()

    found = described.read({}, reading, names={"workflow_id": " w ", "run_id": "r"})
    assert found == DescribeWorkflow(workflow_id="w", run_id="r")
    assert described.read({}, reading, names={"workflow_id": blank}) is None
    assert [*reading.errors] == ["workflow_id"]


@pytest.mark.parametrize("blank", [None, "", " ", "\t"])
def test_what_is_known_of_a_spec_is_stored_as_it_was_read(blank: str | None) -> None:
    """Also where it is nothing: what is left of a blank name of a time zone would be none."""
    spec = {
        "later": {"a": " "},
        "cron_expressions": [" 0 0 * * * "],
        "intervals": [{"every": " PT1H ", "offset": blank}],
        "timezone": blank,
    }
    request = read(CreateSchedule, {"spec": spec, "action": {"workflow_type": "t"}})
    assert request.spec == {
        "later": {"a": " "},
        "cron_expressions": ["0 0 * * *"],
        "intervals": [{"every": "PT1H"}],
    }
    spec |= {"intervals": [], "timezone": " UTC "}
    request = read(CreateSchedule, {"spec": spec, "action": {"workflow_type": "t"}})
    assert request.spec == {
        "later": {"a": " "},
        "cron_expressions": ["0 0 * * *"],
        "intervals": [],
        "timezone": "UTC",
    }
