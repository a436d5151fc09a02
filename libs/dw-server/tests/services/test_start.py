"""Starting workflows, and what the duplicate policies make of an id that is in use."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest

from durable_workflow.server.refusals import Invalid, Refused
from durable_workflow.server.requests import Caller
from durable_workflow.server.services import starts


@pytest.mark.parametrize("policy", ["fail", "reject", "allow"])
async def test_an_open_run_keeps_its_id(server: Any, policy: str) -> None:
    first = await server.start()
    second = await server.start(duplicate_policy=policy)
    assert second.reason == "duplicate_not_allowed"
    assert second.body["reason"] == "duplicate_not_allowed"
    assert second.body["outcome"] == "rejected_duplicate"
    assert second.body["rejection_reason"] == "instance_already_started"
    assert second.body["run_id"] == first.body["run_id"]
    assert (await server.types())[-1] == "StartRejected"


@pytest.mark.parametrize("policy", ["use-existing", "use_existing"])
async def test_an_existing_run_is_returned(server: Any, commands: Any, policy: str) -> None:
    first = await server.start()
    again = await server.start(duplicate_policy=policy)
    assert (again.reason, again.body["outcome"]) == (None, "returned_existing_active")
    assert (await server.events())[-1]["payload"]["outcome"] == "returned_existing_active"
    await server.decide(commands.done())
    closed = await server.start(duplicate_policy=policy)
    assert (closed.reason, closed.body["run_id"]) == (None, first.body["run_id"])
    assert (await server.types())[-1] == "WorkflowCompleted"


async def test_a_closed_run_frees_its_id_only_where_allowed(server: Any, commands: Any) -> None:
    first = await server.start()
    await server.decide(commands.done())
    assert (await server.start()).reason == "duplicate_not_allowed"
    second = await server.start(duplicate_policy="allow")
    assert second.form == "created"
    assert second.body["run_id"] != first.body["run_id"]
    described = await server.describe()
    assert (described["run_number"], described["run_count"]) == (2, 2)
    assert described["run_id"] == second.body["run_id"]


async def test_starting_an_id_again_and_again_does_not_fill_its_history(
    server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(starts, "_MOST_IN_HISTORY", 3)
    await server.start()
    for _ in range(5):
        assert (await server.start(duplicate_policy="use-existing")).reason is None
    assert (await server.types()).count("StartAccepted") == 3


async def test_terminate_existing_replaces_an_open_run_of_any_type(server: Any) -> None:
    first = await server.start()
    second = await server.start(duplicate_policy="terminate_existing", workflow_type="other")
    assert second.form == "created"
    old = await server.describe("wf", first.body["run_id"])
    assert old["status"] == "terminated"
    assert old["failure"]["failure_category"] == "terminated"
    assert await server.types("wf", first.body["run_id"]) == [
        "StartAccepted",
        "WorkflowStarted",
        "TerminateRequested",
        "WorkflowTerminated",
    ]
    task = await server.task()
    assert task["run_id"] == second.body["run_id"]
    assert await server.poll() is None


@pytest.mark.parametrize("policy", ["fail", "use-existing", "allow"])
async def test_another_type_is_a_mistake(server: Any, policy: str) -> None:
    await server.start()
    with pytest.raises(Invalid) as error:
        await server.start(duplicate_policy=policy, workflow_type="other")
    assert list(error.value.extra["errors"]) == ["workflow_type"]


async def test_other_words_for_the_policy_are_refused(server: Any) -> None:
    with pytest.raises(Invalid) as error:
        await server.start(duplicate_policy="replace")
    assert "fail or use-existing" in error.value.message
    with pytest.raises(Refused) as missing:
        await server.describe()
    assert missing.value.reason == "instance_not_found"


async def test_namespaces_do_not_see_each_other(server: Any) -> None:
    await server.start()
    server.caller = msgspec.structs.replace(server.caller, namespace="other")
    assert (await server.start()).form == "created"


async def test_started_event_has_the_time_and_the_clock(server: Any) -> None:
    await server.start(execution_timeout_seconds=60, run_timeout_seconds=30, memo={"a": 1})
    started = (await server.events())[1]["payload"]
    assert started["timestamp"] == "2026-01-01T00:00:00.000000Z"
    assert started["clock"] == "event"
    assert started["execution_deadline_at"] == "2026-01-01T00:01:00+00:00"
    assert started["run_deadline_at"] == "2026-01-01T00:00:30+00:00"
    assert started["memo"] == {"a": 1}


async def test_a_memo_over_the_limit_is_refused(server: Any) -> None:
    with pytest.raises(Invalid) as error:
        await server.start(memo={"text": "x" * 262_144})
    assert list(error.value.extra["errors"]) == ["memo"]


def keyed(server: Any, key: str, body: str = "b") -> None:
    server.caller = Caller(namespace="default", idempotency_key=key, body_sha256=body)


async def test_under_its_key_a_start_is_answered_as_at_first(server: Any, commands: Any) -> None:
    keyed(server, "k")
    first = await server.start()
    await server.decide(commands.done())
    for policy in ("fail", "allow", "terminate_existing"):
        again = await server.start(duplicate_policy=policy)
        assert (again.form, again.reason, again.body) == ("created", None, first.body)
    assert (await server.describe())["run_count"] == 1

    keyed(server, "other")
    second = await server.start(duplicate_policy="allow")
    assert second.body["run_id"] != first.body["run_id"]
    keyed(server, "k")
    assert (await server.start()).body == first.body


async def test_under_its_key_a_start_without_an_id_is_known(server: Any) -> None:
    keyed(server, "k")
    first, again = await server.start(None), await server.start(None)
    assert again.body == first.body
    assert re.fullmatch("[0-9a-z]{26}", first.body["workflow_id"])

    keyed(server, "other")
    assert (await server.start(None)).body["workflow_id"] != first.body["workflow_id"]


async def test_under_its_key_a_start_that_was_refused_stays_refused(
    server: Any, commands: Any
) -> None:
    await server.start()
    keyed(server, "k")
    first = await server.start(duplicate_policy="allow")
    await server.decide(commands.done())
    again = await server.start(duplicate_policy="allow")
    assert first.reason == again.reason == "duplicate_not_allowed"
    assert again.body["outcome"] == "rejected_duplicate"

    keyed(server, "next")
    found = await server.start(duplicate_policy="use-existing")
    assert (await server.start(duplicate_policy="use-existing")).body == found.body


async def test_a_key_is_for_one_request(server: Any) -> None:
    keyed(server, "k")
    await server.start()
    keyed(server, "k", body="another")
    with pytest.raises(Invalid) as refused:
        await server.start()
    assert list(refused.value.extra["errors"]) == ["idempotency_key"]

    keyed(server, "k" * 256)
    with pytest.raises(Invalid) as refused:
        await server.start("other")
    assert list(refused.value.extra["errors"]) == ["idempotency_key"]
