"""What the text of a time-out says of a run that is still open."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from durable_workflow.client import Client, TransportResponse, _still_open
from durable_workflow.client._still_open import why_open

Answers = list[httpx.Response | Exception]
Requests = list[httpx.Request]
OPEN = httpx.Response(200, json={"workflow_id": "w", "run_id": "r1", "status": "waiting"})
RUNNING = httpx.Response(200, json={"activity_id": "a", "status": "running"})


def debug(**members: Any) -> dict[str, Any]:
    queue = {"name": "orders", "stats": {"pollers": {"active_count": 1}}}
    return {"task_queue": queue, "execution": {}, "findings": [], **members}


def finding(message: str, code: str = "no_active_pollers") -> dict[str, Any]:
    return {"severity": "warning", "code": code, "message": message}


def activity(**members: Any) -> dict[str, Any]:
    return {"activity_type": "charge", "queue": "orders", "attempt_count": 0, **members}


SENTENCES: dict[str, tuple[dict[str, Any], str]] = {
    "a queue that nobody polls": (
        debug(
            pending_workflow_tasks=[{"queue": "ordres", "status": "ready"}],
            execution={"wait_kind": "workflow-task", "wait_reason": "Workflow task ready"},
            findings=[finding("No live worker polls the task queue ordres.")],
        ),
        "Its workflow task waits for a worker of the task queue ordres. "
        "No live worker polls the task queue ordres.",
    ),
    "a task that is being worked on": (
        debug(pending_workflow_tasks=[{"queue": "orders", "lease_owner": "w-1"}]),
        "Its workflow task is with the worker w-1. 1 live worker polls the task queue orders.",
    ),
    "a task that fails": (
        debug(
            pending_workflow_tasks=[{"queue": "orders", "last_error": "boom"}],
            findings=[finding("The workflow task has failed 2 time(s): boom", "task_problem")],
        ),
        "The workflow task has failed 2 time(s): boom. 1 live worker polls the task queue orders.",
    ),
    "an activity that nobody takes": (
        debug(
            pending_activities=[activity()],
            execution={"wait_kind": "activity", "wait_reason": "Waiting for activity charge"},
            findings=[finding("No live worker takes it.")],
        ),
        "It waits for the activity charge of the task queue orders, which no worker has begun. "
        "No live worker takes it.",
    ),
    "an activity that fails": (
        debug(pending_activities=[activity(attempt_count=3, last_error="x" * 400)]),
        "It waits for the activity charge of the task queue orders, whose attempt 3 has ended; "
        f"its last error: {'x' * 300}. 1 live worker polls the task queue orders.",
    ),
    "an activity that runs": (
        debug(
            pending_activities=[
                activity(attempt_count=2, current_attempt={"lease_owner": "w-2"}, last_error="no")
            ]
        ),
        "It waits for the activity charge of the task queue orders, whose attempt 2 is with the "
        "worker w-2; its last error: no. 1 live worker polls the task queue orders.",
    ),
    "many activities": (
        debug(pending_activities=[activity()] * 5, task_queue={}),
        "It waits for the activity charge of the task queue orders, which no worker has begun. " * 3
        + "It waits for 2 more activities.",
    ),
    "a condition": (
        debug(execution={"wait_kind": "condition", "wait_reason": "Waiting for condition paid"}),
        "Waiting for condition paid. 1 live worker polls the task queue orders.",
    ),
    "nothing of this": ({}, ""),
    "members of other types": (
        {"findings": 1, "pending_activities": {}, "task_queue": [], "execution": "x"},
        "",
    ),
}


@pytest.mark.parametrize("what", SENTENCES)
def test_what_is_said(what: str) -> None:
    document, said = SENTENCES[what]
    assert why_open(document) == said


WAITS: dict[str, tuple[httpx.Response, Callable[[Client], Any], str]] = {
    "workflow w": (
        OPEN,
        lambda client: client.get_workflow_handle("w").result(timeout=0),
        "/api/workflows/w/runs/r1/debug",
    ),
    "activity a": (
        RUNNING,
        lambda client: client.get_activity_handle("a").result(timeout=0),
        "/api/workflows/a/debug",
    ),
}


@pytest.mark.parametrize("what", WAITS)
async def test_a_wait_that_ends_asks_the_server_why(
    client: Client, answers: Answers, requests: Requests, what: str
) -> None:
    status, wait, path = WAITS[what]
    answers += [status, httpx.Response(200, json=debug(findings=[finding("Nobody polls.")]))]
    with pytest.raises(TimeoutError) as caught:
        await wait(client)
    assert str(caught.value) == f"{what} did not finish within 0 s. Nobody polls."
    assert requests[-1].url.path == path


@pytest.mark.parametrize("what", WAITS)
@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(404, json={"reason": "not_found"}),
        httpx.Response(403, json={"reason": "forbidden"}),
        httpx.Response(200, text="<html>"),
        httpx.Response(200, json=[]),
        httpx.Response(200, json={}),
        httpx.ReadError("torn"),
    ],
)
async def test_a_server_that_cannot_say_leaves_the_text_as_it_was(
    client: Client, answers: Answers, what: str, answer: httpx.Response | Exception
) -> None:
    status, wait, _ = WAITS[what]
    answers += [status, *[answer] * 3]
    with pytest.raises(TimeoutError) as caught:
        await wait(client)
    assert str(caught.value) == f"{what} did not finish within 0 s"


class SilentAboutIt:
    """A transport to a server that answers everything but why a run is open."""

    async def send(self, method: str, url: str, *_: Any, **__: Any) -> TransportResponse:
        if url.endswith("/debug"):
            await asyncio.Future[None]()
        return TransportResponse(200, {}, OPEN.content)

    def clone(self) -> "SilentAboutIt":
        return self

    async def aclose(self) -> None:
        pass


async def test_a_server_that_does_not_answer_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_still_open, "_PATIENCE", 0.05)
    async with Client("http://silent.test", transport=SilentAboutIt()) as client:
        with pytest.raises(TimeoutError, match=r"w did not finish within 0 s$"):
            await asyncio.wait_for(client.get_workflow_handle("w").result(timeout=0), 10)
