"""Budgets of what is given out: claims find nothing while one is used up."""

from __future__ import annotations

from typing import Any

import pytest

from durable_workflow.server.admission_settings import AdmissionSettings, Budget
from durable_workflow.server.fair_queues import FairQueues
from durable_workflow.server.records import fairness as class_records
from durable_workflow.server.records.fairness import QueueKey
from durable_workflow.server.records.workers import find as find_worker
from durable_workflow.server.requests import Caller, PollTask, RegisterWorker, StartWorkflow
from durable_workflow.server.services import workers, workflow_claims, workflows
from durable_workflow.server.store.protocol import Read, Tx
from durable_workflow.server.views import task_queues

Json = dict[str, Any]


def limit(server: Any, *, overrides: Any = None, **budget: Any) -> None:
    """Limit workflow tasks by a budget, and queues by members of their own."""
    usual = AdmissionSettings(workflow=Budget(**budget), overrides=overrides or {})
    server.configure(admission=usual)


async def admission(server: Any, name: str = "q", namespace: str = "default") -> Json:
    def look(read: Read) -> Json:
        return task_queues.describe(read, namespace, name, server.settings, pending_queries=0)

    body: Json = (await server.store.read(look))["admission"]["workflow_tasks"]
    return body


async def start(server: Any, count: int, queue: str = "q", prefix: str = "wf") -> None:
    for number in range(count):
        await server.start(f"{prefix}-{queue}-{number}", task_queue=queue)


async def test_leases_of_a_queue_are_limited(server: Any, commands: Any) -> None:
    limit(server, max_active_leases_per_queue=2)
    await start(server, 3)
    first = await server.task()
    await server.task()
    assert await server.poll() is None
    shown = await admission(server)
    assert shown["status"] == "throttled"
    assert shown["server_remaining_active_lease_capacity"] == 0
    assert shown["server_lock_required"] is True
    source = "server.admission.workflow_tasks.max_active_leases_per_queue"
    assert shown["server_budget_source"] == source
    await server.complete(first, commands.done())
    assert (await admission(server))["status"] == "accepting"
    assert await server.poll() is not None
    assert await server.poll() is None


async def test_leases_of_a_namespace_are_limited_over_its_queues(server: Any) -> None:
    limit(server, max_active_leases_per_namespace=1)
    await server.register("v", task_queue="other")
    await start(server, 1)
    await start(server, 1, queue="other")
    await server.task()
    assert await server.poll("v", task_queue="other") is None
    shown = await admission(server, "other")
    assert shown["server_namespace_active_lease_count"] == 1
    assert shown["status"] == "throttled"


@pytest.mark.parametrize(
    "member", ["max_dispatches_per_minute", "max_dispatches_per_minute_per_namespace"]
)
async def test_dispatches_of_a_minute_are_limited(server: Any, commands: Any, member: str) -> None:
    limit(server, **{member: 2})
    await start(server, 3)
    for _ in range(2):
        await server.complete(await server.task(), commands.done())
    assert await server.poll() is None
    assert (await admission(server))["status"] == "throttled"
    await server.pass_time(60)
    await server.register()
    assert await server.poll() is not None
    shown = await admission(server)
    of = "namespace_dispatch" if member.endswith("namespace") else "dispatch"
    assert shown[f"server_{of}_count_this_minute"] == 1
    assert shown[f"server_remaining_{of}_capacity"] == 1


async def test_queues_of_a_group_share_its_dispatches(server: Any) -> None:
    own = {"dispatch_budget_group": "mail", "max_dispatches_per_minute_per_budget_group": 1}
    limit(server, overrides={"q": {"workflow": own}, "other": {"workflow": own}})
    await server.register("v", task_queue="other")
    await start(server, 1)
    await start(server, 1, queue="other")
    await server.task("v", task_queue="other")
    assert await server.poll() is None
    shown = await admission(server)
    assert shown["server_dispatch_budget_group"] == "mail"
    assert shown["server_budget_group_dispatch_count_this_minute"] == 1
    assert shown["server_budget_source"] == "server.admission.queue_overrides"


async def in_namespace(server: Any, namespace: str, queue: str, workflows_there: int) -> None:
    """Have a worker and waiting runs in a namespace."""
    register = RegisterWorker(worker_id=queue, task_queue=queue, runtime="python")
    await server.run(workers.register, namespace, register)
    for number in range(workflows_there):
        request = StartWorkflow(
            workflow_type="flow",
            workflow_id=f"{queue}-{number}",
            task_queue=queue,
            arguments=None,
        )
        await server.run(workflows.start, Caller(namespace=namespace), request)


async def claim_in(server: Any, namespace: str, queue: str) -> bool:
    """Whether the worker of a namespace gets a task."""
    request = PollTask(worker_id=queue, task_queue=queue)
    return await server.run(workflow_claims.claim, namespace, request) is not None


async def test_a_group_is_shared_by_queues_of_several_namespaces(server: Any) -> None:
    name = "dispatch_budget_group"
    most = "max_dispatches_per_minute_per_budget_group"
    mail = {name: "mail", most: 3}
    limit(
        server,
        overrides={
            "one:*": {"workflow": mail},
            "two:q": {"workflow": mail},
            # The same name counts what the others had, against a limit of its own.
            "three:q": {"workflow": mail | {most: 4}},
            "other:q": {"workflow": mail | {name: "sms"}},
        },
    )
    for namespace in ("one", "two", "three", "other"):
        await in_namespace(server, namespace, "q", 4)
    await in_namespace(server, "one", "second", 1)

    assert await claim_in(server, "one", "q")
    assert await claim_in(server, "one", "second")
    assert await claim_in(server, "two", "q")
    assert not await claim_in(server, "one", "q")
    assert not await claim_in(server, "two", "q")
    assert await claim_in(server, "three", "q")
    assert not await claim_in(server, "three", "q")
    assert [await claim_in(server, "other", "q") for _ in range(4)] == [True, True, True, False]

    for namespace, used, left in (("one", 4, 0), ("two", 4, 0), ("three", 4, 0), ("other", 3, 0)):
        shown = await admission(server, namespace=namespace)
        assert shown["server_budget_group_dispatch_count_this_minute"] == used, namespace
        assert shown["server_remaining_budget_group_dispatch_capacity"] == left
        assert (shown["status"], shown["server_lock_required"]) == ("throttled", True)

    await server.pass_time(60)
    assert await claim_in(server, "two", "q")
    shown = await admission(server, namespace="one")
    assert shown["server_remaining_budget_group_dispatch_capacity"] == 2


async def test_a_task_that_never_waited_has_the_same_budget(server: Any) -> None:
    limit(server, max_active_leases_per_queue=1)
    await start(server, 2)
    key = QueueKey("workflow", "default", "q")

    def claim(tx: Tx) -> Json | None:
        worker = find_worker(tx, "default", "w")
        assert worker is not None
        [first] = class_records.ready(tx, key, above=-1, first="", most=1)
        return workflow_claims.claim_for(
            tx, worker, first.task_id, tuple, False, server.settings, FairQueues()
        )

    assert await server.store.run(claim) is not None
    assert await server.store.run(claim) is None


async def test_activities_have_a_budget_of_their_own(server: Any, commands: Any) -> None:
    server.configure(admission=AdmissionSettings(activity=Budget(max_active_leases_per_queue=1)))
    await server.start()
    await server.decide(commands.activity(), commands.activity())
    first = await server.activity()
    assert await server.poll_activity() is None
    await server.complete_activity(first)
    assert await server.poll_activity() is not None


def test_the_most_specific_key_wins_member_by_member() -> None:
    settings = AdmissionSettings(
        workflow=Budget(max_active_leases_per_queue=9, max_dispatches_per_minute=9),
        overrides={
            "*": {"workflow": {"max_active_leases_per_queue": 8}},
            "q": {"workflow": {"max_active_leases_per_queue": 7}},
            "ns:*": {"workflow": {"max_dispatches_per_minute": 6}},
            "ns:q": {"workflow": {"max_active_leases_per_queue": None}},
        },
    )

    def found(namespace: str, queue: str) -> tuple[int | None, int | None]:
        budget = settings.budget("workflow", namespace, queue)
        return budget.max_active_leases_per_queue, budget.max_dispatches_per_minute

    assert found("a", "b") == (8, 9)
    assert found("a", "q") == (7, 9)
    assert found("ns", "b") == (8, 6)
    assert found("ns", "q") == (None, 6)
    assert settings.budget("activity", "ns", "q") == Budget()
