"""What a worker speaks through: a transport that the client registered, or the client's methods."""

# pyright: reportPrivateUsage=false, reportUnknownMemberType=false
import asyncio
from typing import Any
from unittest.mock import AsyncMock

import pytest

from durable_workflow import serializer
from durable_workflow._meet import (
    Lease,
    Report,
    ServerUnreachable,
    Unencodable,
    register_unanswered,
    register_worker_transport,
)
from durable_workflow.worker import Worker
from durable_workflow.worker._transports import ClientMethods, requests_of, transport_of

ACTIVITY = Lease("activity", "t", "a-1", "w")


class LineDown(Exception):
    """What the library of some client raises when the network fails."""


async def test_failures_become_arguments_of_the_methods(server: Any) -> None:
    transport = ClientMethods(server)
    failure = {"message": "no", "type": "ValueError", "non_retryable": True}
    await transport.report(Report(ACTIVITY, "fail", {"failure": failure}))
    assert server.calls["fail_activity_task"] == [
        {
            "task_id": "t",
            "activity_attempt_id": "a-1",
            "lease_owner": "w",
            "message": "no",
            "failure_type": "ValueError",
            "stack_trace": None,
            "non_retryable": True,
        }
    ]


async def test_an_error_that_means_no_answer_is_one_of_our_own(server: Any) -> None:
    def fail(**_: Any) -> None:
        raise LineDown

    server.on["poll_activity_task"] = fail
    body = {"worker_id": "w", "task_queue": "q"}
    with pytest.raises(LineDown):
        await ClientMethods(server).poll("activity", body, timeout=1.0)
    register_unanswered(LineDown)
    with pytest.raises(ServerUnreachable, match="LineDown"):
        await ClientMethods(server).poll("activity", body, timeout=1.0)


@pytest.mark.parametrize(("result", "expected"), [(object(), Unencodable), (1, LookupError)])
async def test_what_cannot_be_encoded_is_told_apart(
    server: Any, result: object, expected: type[Exception]
) -> None:
    def fail(**_: Any) -> None:
        raise LookupError

    server.on["complete_activity_task"] = fail
    report = Report(ACTIVITY, "complete", unencoded={"result": result, "codec": "json"})
    with pytest.raises(expected):
        await ClientMethods(server).report(report)


async def test_a_method_replaced_after_the_worker_was_made_is_called(
    server: Any, pack: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Registered(type(server)):  # type: ignore[misc]  # the double is known to the fixture only
        pass

    class Direct(ClientMethods):
        async def report(self, report: Report) -> None:
            direct.append(report)

    def double(number: int) -> int:
        return 2 * number

    direct: list[Report] = []
    register_worker_transport(Registered, Direct)
    client = Registered()
    worker = Worker(client, task_queue="q", activities=[double], worker_id="w")
    task = {
        "task_id": "t1",
        "activity_type": "double",
        "arguments": pack([21]),
        "activity_attempt_id": "a",
        "payload_codec": "json",
    }
    await worker._run_activity_task(task)
    assert len(direct) == 1
    for target in (Registered, client):
        replaced = AsyncMock()
        with monkeypatch.context() as patched:
            patched.setattr(target, "complete_activity_task", replaced, raising=False)
            await worker._run_activity_task(task)
        assert replaced.await_args is not None
        assert replaced.await_args.kwargs["result"] == 42
    assert len(direct) == 1


async def test_a_registered_transport_gets_encoded_bodies(server: Any, pack: Any) -> None:
    reports: list[Report] = []
    both = asyncio.Event()

    class Registered(type(server)):  # type: ignore[misc]  # the double is known to the fixture only
        pass

    class Direct(ClientMethods):
        encodes = False

        async def report(self, report: Report) -> None:
            reports.append(report)
            if len(reports) == 2:
                both.set()

    register_worker_transport(Registered, Direct)
    client = Registered()
    assert type(transport_of(client)) is Direct

    def double(number: int) -> int:
        return 2 * number

    def raises() -> object:
        return object()

    worker = Worker(client, task_queue="q", activities=[double, raises], worker_id="w")
    for task_id, name, arguments in (("t1", "double", [21]), ("t2", "raises", [])):
        client.put(
            "activity",
            {
                "task_id": task_id,
                "activity_attempt_id": "a",
                "activity_type": name,
                "payload_codec": "avro",
                "arguments": pack(arguments),
            },
        )
    running = asyncio.create_task(worker.run())
    await asyncio.wait_for(both.wait(), 10)
    await worker.stop()
    await running
    done, failed = sorted(reports, key=lambda report: report.lease.task_id)
    assert (done.verb, done.lease) == ("complete", Lease("activity", "t1", "a", "w"))
    assert serializer.decode_envelope(done.body["result"]) == 42
    assert failed.verb == "fail"
    assert "cannot be encoded" in failed.body["failure"]["message"]
    assert failed.body["failure"]["non_retryable"] is True


async def test_a_report_that_is_sent_again_goes_the_way_that_it_was_made_for(server: Any) -> None:
    class Registered(type(server)):  # type: ignore[misc]  # the double is known to the fixture only
        async def complete_activity_task(self, **_: Any) -> None: ...

    class Direct(ClientMethods):
        encodes = False

    register_worker_transport(Registered, Direct)
    client: Any = Registered()
    requests = requests_of(client)
    unencoded = Report(ACTIVITY, "complete", unencoded={"result": 2, "codec": "json"})
    encoded = Report(ACTIVITY, "complete", {"result": serializer.envelope(2)})
    failed = Report(ACTIVITY, "fail", {"failure": {"message": "no"}})

    assert [type(requests(each)) for each in (None, encoded, failed)] == [Direct] * 3
    assert type(requests(unencoded)) is ClientMethods

    client.complete_activity_task = AsyncMock()
    assert [type(requests(each)) for each in (None, unencoded, failed)] == [ClientMethods] * 3
    assert type(requests(encoded)) is Direct
