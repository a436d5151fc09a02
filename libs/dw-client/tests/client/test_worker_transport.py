"""The transport of a worker over HTTP: bodies as they are, errors of dw-core."""

import json

import httpx
import pytest

from durable_workflow._meet import Lease, Report, ServerUnreachable, worker_transport_for
from durable_workflow.client import Client
from durable_workflow.client._worker_transport import HttpWorkerTransport
from durable_workflow.errors import ServerError

Answers = list[httpx.Response | Exception]
Requests = list[httpx.Request]

LEASE = Lease("activity", "t-1", "a-1", "w")


def test_a_client_has_a_transport_and_a_subclass_its_methods(client: Client) -> None:
    class Changed(Client):
        """May override any public method."""

    assert isinstance(worker_transport_for(client), HttpWorkerTransport)
    assert worker_transport_for(Changed("http://localhost")) is None


async def test_a_report_is_sent_as_it_is(
    client: Client, answers: Answers, requests: Requests
) -> None:
    answers.append(httpx.Response(200, json={"outcome": "completed"}))
    result = {"codec": "json", "blob": "1"}
    answer = await HttpWorkerTransport(client).report(Report(LEASE, "complete", {"result": result}))
    assert answer == {"outcome": "completed"}
    assert requests[0].url.path == "/api/worker/activity-tasks/t-1/complete"
    assert json.loads(requests[0].content) == {
        "lease_owner": "w",
        "activity_attempt_id": "a-1",
        "result": result,
    }


async def test_a_registration_says_which_sdk_it_is_of(
    client: Client, answers: Answers, requests: Requests
) -> None:
    answers.append(httpx.Response(200, json={}))
    await HttpWorkerTransport(client).register({"worker_id": "w", "task_queue": "q"})
    body = json.loads(requests[0].content)
    assert body["runtime"] == "python"
    assert body["sdk_version"]


async def test_what_got_no_answer_is_an_error_of_dw_core(client: Client, answers: Answers) -> None:
    answers += [httpx.ConnectError("refused")] * 3
    with pytest.raises(ServerUnreachable, match="refused"):
        await HttpWorkerTransport(client).heartbeat(LEASE, None)


async def test_a_refusal_is_the_error_that_it_stands_for(client: Client, answers: Answers) -> None:
    answers.append(httpx.Response(409, json={"reason": "lease_expired"}))
    with pytest.raises(ServerError) as refused:
        await HttpWorkerTransport(client).history(Lease("workflow", "t", 1, "w"), "page-2")
    assert refused.value.status == 409
