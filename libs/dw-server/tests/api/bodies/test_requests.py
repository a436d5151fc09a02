"""The readers of bodies: good ones whole, and what each field refuses under its own name."""

from __future__ import annotations

import base64
from functools import partial
from typing import Any

import pytest

from durable_workflow.server.api.bodies import activity_tasks, workers, workflow_tasks, workflows
from durable_workflow.server.refusals import Invalid
from durable_workflow.server.requests import (
    CompleteActivityTask,
    CompleteWorkflowTask,
    FailWorkflowTask,
    HeartbeatActivityTask,
    HeldTask,
    ListWorkflows,
    Payload,
    PollTask,
    RegisterWorker,
    StartWorkflow,
    TaskOwner,
    WorkerHeartbeat,
)
from durable_workflow.server.settings import WireLimits

OWNER = {"lease_owner": "w", "workflow_task_attempt": 2}
ATTEMPT = {"lease_owner": "w", "activity_attempt_id": "a"}


def read_start(**document: Any) -> StartWorkflow:
    return workflows.read_start({"workflow_type": "t", **document}, {}, limits=WireLimits())


def errors(read: Any, *arguments: Any) -> list[str]:
    with pytest.raises(Invalid) as invalid:
        read(*arguments)
    return list(invalid.value.extra["errors"])


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
    assert errors(lambda: read_start(**{name: blank})) == [name]


@pytest.mark.parametrize("name", ["worker_id", "task_queue"])
def test_a_registration_with_a_blank_id_is_refused(name: str) -> None:
    document = {"worker_id": "w", "task_queue": "q", "runtime": "python", name: " "}
    assert errors(workers.read_register, document, {}) == [name]


def test_a_blank_build_id_is_none() -> None:
    document = {"task_queue": "q", "runtime": "python", "build_id": " "}
    assert workers.read_register(document, {}).build_id is None


@pytest.mark.parametrize("policy", workflows.DUPLICATE_POLICIES)
def test_the_policies_in_every_spelling(policy: str) -> None:
    assert read_start(duplicate_policy=policy).duplicate_policy == policy


@pytest.mark.parametrize("policy", ["terminate-existing", "terminate", "FAIL", 5])
def test_other_policies_are_refused(policy: Any) -> None:
    with pytest.raises(Invalid, match=r"duplicate_policy field must be"):
        read_start(duplicate_policy=policy)


@pytest.mark.parametrize("name", workflows.UNSUPPORTED_START_FIELDS)
def test_unsupported_fields_are_refused_by_presence(name: str) -> None:
    assert errors(lambda: read_start(**{name: None})) == [name]


@pytest.mark.parametrize("seconds", [0, -1, 10**15, 2**63, "soon", 1.5])
def test_timeouts_that_no_clock_could_keep(seconds: Any) -> None:
    assert errors(lambda: read_start(run_timeout_seconds=seconds)) == ["run_timeout_seconds"]


def test_limits_of_memo_and_search_attributes() -> None:
    limits = WireLimits(
        max_memo_bytes=11, max_search_attribute_key_length=3, max_search_attribute_value_bytes=4
    )

    def read(**document: Any) -> Any:
        return workflows.read_start({"workflow_type": "t", **document}, {}, limits=limits)

    read(memo={"a": 12345}, search_attributes={"Key": "four", "K": ["four", 5]})
    assert errors(lambda: read(memo={"a": 123456})) == ["memo"]
    for wrong in ({"Long": 1}, {"1a": 1}, {"K": "fives"}, {"K": ["fives"]}, {"K": "ööö"}):
        assert errors(lambda wrong=wrong: read(search_attributes=wrong)) == ["search_attributes"]


def test_a_list_with_a_bad_token_begins_at_the_beginning() -> None:
    def token(text: str) -> str:
        return base64.b64encode(text.encode()).decode()

    assert workflows.read_list({"next_page_token": token("50")}, {}).offset == 50
    for bad in ("", "!", token("-1"), token("x"), token("9" * 40), token("٣")):
        assert workflows.read_list({"next_page_token": bad}, {}) == ListWorkflows()


def test_statuses_of_runs_are_answered_with_the_bucket_to_ask_for() -> None:
    assert workflows.read_list({"status": "failed"}, {}).status == "failed"
    with pytest.raises(Invalid, match="for cancelled use failed"):
        workflows.read_list({"status": "cancelled"}, {})


def test_history_parameters() -> None:
    names = {"workflow_id": "w", "run_id": "r"}
    request, wait = workflows.read_history({"page_size": "5", "wait_new_event": "1"}, names)

    assert (request.page_size, request.after, wait) == (5, 0, True)
    assert workflows.read_history({}, names)[0].page_size is None
    assert errors(workflows.read_history, {"page_size": "1001"}, names) == ["page_size"]


def test_a_registration() -> None:
    request = workers.read_register(
        {
            "task_queue": "q",
            "runtime": "python",
            "supported_workflow_types": ["a"],
            "workflow_definition_fingerprints": {"a": "sha256:x"},
            "task_slots": {"workflow_available": "3", "other": "ignored"},
        },
        {},
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

    assert workers.read_heartbeat(document, {}) == WorkerHeartbeat(
        worker_id="w",
        session="s",
        held_tasks=[
            HeldTask(kind="workflow", task_id="t", attempt=2),
            HeldTask(kind="activity", task_id="u", attempt="a-1"),
        ],
        wait_seconds=10,
    )
    assert workers.read_heartbeat({"worker_id": "w"}, {}).held_tasks is None


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
    assert errors(workers.read_heartbeat, {"worker_id": "w", "held_tasks": held}, {}) == [field]


def test_a_goodbye_names_the_session() -> None:
    assert errors(workers.read_deregister, {"worker_id": "w"}, {}) == ["session"]
    assert errors(workers.read_deregister, {"session": "s"}, {}) == ["worker_id"]


def test_a_poll_may_ask_for_pages_up_to_the_limit() -> None:
    document = {"worker_id": "w", "task_queue": "q", "history_page_size": "10"}

    assert workers.read_poll(document, {}, longest_page=10) == PollTask(
        worker_id="w", task_queue="q", history_page_size=10
    )
    assert errors(partial(workers.read_poll, longest_page=9), document, {}) == ["history_page_size"]


def test_requests_about_a_workflow_task() -> None:
    owner = TaskOwner(task_id="t", lease_owner="w", attempt=2)
    commands = [{"type": "dance"}]
    failure = {"message": " kept as it is ", "stack_trace": "  line\n"}

    assert workflow_tasks.read_owner(OWNER, {"task_id": "t"}) == owner
    assert workflow_tasks.read_complete({**OWNER, "commands": commands}, {"task_id": "t"}) == (
        CompleteWorkflowTask(owner=owner, commands=commands)
    )
    assert workflow_tasks.read_fail(
        {**OWNER, "failure": failure}, {"task_id": "t"}
    ) == FailWorkflowTask(owner=owner, message=" kept as it is ", stack_trace="  line\n")
    assert errors(workflow_tasks.read_fail, OWNER, {"task_id": "t"}) == [
        "failure",
        "failure.message",
    ]
    assert errors(
        workflow_tasks.read_complete, {**OWNER, "commands": [{}, 5]}, {"task_id": "t"}
    ) == ["commands.1"]


def test_requests_about_an_activity_task() -> None:
    assert activity_tasks.read_complete(
        {**ATTEMPT, "result": [1]}, {"task_id": "t"}
    ) == CompleteActivityTask(task_id="t", activity_attempt_id="a", lease_owner="w", result=[1])
    beat = {**ATTEMPT, "details": {"n": 1}, "current": 0, "unit": "rows"}
    assert activity_tasks.read_heartbeat(beat, {"task_id": "t"}) == HeartbeatActivityTask(
        task_id="t",
        activity_attempt_id="a",
        lease_owner="w",
        progress={"details": {"n": 1}, "current": 0, "unit": "rows"},
    )
    failed = activity_tasks.read_fail(
        {**ATTEMPT, "failure": {"message": "m", "non_retryable": "1", "kind": "timeout"}},
        {"task_id": "t"},
    )
    assert failed.failure.non_retryable
    assert failed.failure.kind == "timeout"
