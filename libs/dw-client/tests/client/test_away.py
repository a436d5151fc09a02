"""A server that is away while somebody waits for something anyway."""

import asyncio
import json
import logging
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from durable_workflow import serializer
from durable_workflow.client import Client, TransportResponse, _away
from durable_workflow.errors import ServerError, UpdateRejected

Answers = list[httpx.Response | Exception]
Requests = list[httpx.Request]

REFUSED = httpx.ConnectError("refused")
# Three attempts of the retry policy, three times.
AWAY: Answers = [*[REFUSED] * 3, *[httpx.ReadError("torn")] * 3, *[httpx.Response(503)] * 3]


@pytest.fixture(autouse=True)
def without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_away, "_FIRST_PAUSE_SECONDS", 0.001)


def ok(**members: Any) -> httpx.Response:
    return httpx.Response(200, json=members)


def run(status: str, run_id: str = "r1", **members: Any) -> httpx.Response:
    return ok(workflow_id="w", run_id=run_id, status=status, **members)


async def test_a_result_is_waited_for_beyond_the_retry_policy(
    client: Client, answers: Answers, caplog: pytest.LogCaptureFixture
) -> None:
    answers += [*AWAY, run("waiting"), *AWAY]
    answers += [run("completed", output_envelope=serializer.envelope("done"))]
    with caplog.at_level(logging.WARNING):
        handle = client.get_workflow_handle("w")
        assert await handle.result(timeout=20, poll_interval=0) == "done"
    warnings = [each.message for each in caplog.records if each.name == "durable_workflow.client"]
    assert len(warnings) == 2
    assert "the server cannot be reached" in warnings[0]
    assert "ConnectError: cannot connect to http://server.test: refused" in warnings[0]


async def test_the_description_of_one_run_is_waited_for(client: Client, answers: Answers) -> None:
    output = serializer.envelope(1)
    answers += [run("waiting", "r2"), *AWAY, run("completed", "r1", output_envelope=output)]
    assert await client.get_workflow_handle("w", run_id="r1").result(timeout=20) == 1


async def test_each_page_of_a_history_is_waited_for(client: Client, answers: Answers) -> None:
    closing = {"event_type": "WorkflowCompleted", "payload": {"output": serializer.envelope(2)}}
    answers += [run("completed"), *AWAY, ok(events=[], next_page_token="p2")]
    answers += [*AWAY, ok(events=[closing])]
    assert await client.get_workflow_handle("w").result(timeout=20) == 2


async def test_the_result_of_an_activity_is_waited_for(client: Client, answers: Answers) -> None:
    result = serializer.envelope(3)
    answers += [*AWAY, ok(activity_id="a", status="completed", result=result)]
    assert await client.get_activity_handle("a").result(timeout=20) == 3


async def test_an_update_is_waited_for_and_sent_under_one_id(
    client: Client, answers: Answers, requests: Requests
) -> None:
    answers += [*AWAY, ok(result_envelope=serializer.envelope("shipped"))]
    update = client.update_workflow("w", "ship", wait_for="completed", wait_timeout_seconds=20)
    assert await update == "shipped"
    bodies = [json.loads(request.content) for request in requests]
    assert len({body["request_id"] for body in bodies}) == 1
    assert all(body["wait_timeout_seconds"] in {19, 20} for body in bodies)


async def test_an_update_that_is_not_waited_for_is_not_sent_for_ever(
    client: Client, answers: Answers
) -> None:
    answers += [REFUSED] * 3
    with pytest.raises(httpx.ConnectError):
        await client.update_workflow("w", "ship", wait_for="accepted", wait_timeout_seconds=20)


async def test_an_answer_is_no_reason_to_wait(client: Client, answers: Answers) -> None:
    answers += [*AWAY, httpx.Response(409, json={"reason": "update_rejected"})]
    with pytest.raises(UpdateRejected):
        await client.update_workflow("w", "ship", wait_for="completed", wait_timeout_seconds=20)
    answers += [httpx.Response(500)] * 3
    with pytest.raises(ServerError):
        await client.get_workflow_handle("w").result(timeout=20)


class Frozen:
    """A transport to a server that takes connections and never answers."""

    async def send(self, *_: Any, **__: Any) -> TransportResponse:
        return await asyncio.Future[TransportResponse]()

    def clone(self) -> "Frozen":
        return self

    async def aclose(self) -> None:
        pass


WAITS: dict[str, Callable[[Client], Any]] = {
    "workflow w": lambda client: client.get_workflow_handle("w").result(timeout=0.05),
    "activity a": lambda client: client.get_activity_handle("a").result(timeout=0.05),
    "workflow e": lambda client: execute(client, "e"),
    "workflow k": lambda client: execute(client, "k", duplicate_policy="allow"),
}


def execute(client: Client, workflow_id: str, **options: Any) -> Any:
    return client.execute_workflow(
        workflow_type="t", task_queue="q", workflow_id=workflow_id, timeout=0.05, **options
    )


@pytest.mark.parametrize("what", WAITS)
async def test_a_server_that_stays_away_is_given_up_at_the_deadline(
    client: Client, answers: Answers, what: str
) -> None:
    answers += [REFUSED] * 3000
    started = time.monotonic()
    late = rf"{what} did not finish within 0\.05 s: the server cannot be reached: ConnectError"
    with pytest.raises(TimeoutError, match=late) as caught:
        await WAITS[what](client)
    assert isinstance(caught.value.__cause__, httpx.ConnectError)
    assert 0.05 <= time.monotonic() - started < 5


@pytest.mark.parametrize("what", WAITS)
async def test_a_server_that_hangs_is_given_up_soon_after_the_deadline(
    monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.setattr(_away, "_GRACE_SECONDS", 0.05)
    async with Client("http://frozen.test", transport=Frozen()) as client:
        started = time.monotonic()
        with pytest.raises(TimeoutError, match=f"{what} did not finish within 0.05 s"):
            await WAITS[what](client)
    assert time.monotonic() - started < 5
