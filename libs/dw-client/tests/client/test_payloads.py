"""Payloads as they leave and as they come: codecs, warnings, external storage."""

import base64
import json
import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from durable_workflow import serializer
from durable_workflow.client import Client, ScheduleAction, ScheduleSpec
from durable_workflow.external_storage import LocalFilesystemExternalStorage

MakeClient = Callable[..., Client]
Answers = list[httpx.Response | Exception]
Requests = list[httpx.Request]

LARGE = "x" * 5000


def ok(body: Any = None) -> httpx.Response:
    return httpx.Response(200, json={} if body is None else body)


def body(request: httpx.Request) -> Any:
    return json.loads(request.content)


class Recording(LocalFilesystemExternalStorage):
    """Notes on which thread it was used."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.threads: list[int] = []

    def put(self, data: bytes, *, sha256: str, codec: str) -> str:
        self.threads.append(threading.get_ident())
        return super().put(data, sha256=sha256, codec=codec)

    def get(self, uri: str) -> bytes:
        self.threads.append(threading.get_ident())
        return super().get(uri)


class InMemory(dict[str, bytes]):
    """A driver that is a container, and thus false while it is empty."""

    def put(self, data: bytes, *, sha256: str, codec: str) -> str:
        self[f"memory:{sha256}"] = data
        return f"memory:{sha256}"

    def get(self, uri: str) -> bytes:  # type: ignore[override]  # the get of a driver
        return self[uri]

    def delete(self, uri: str) -> None:
        del self[uri]


async def test_a_driver_that_is_an_empty_container_is_used(
    make_client: MakeClient, answers: Answers, requests: Requests
) -> None:
    client = make_client(external_storage=InMemory(), external_storage_threshold_bytes=1000)
    answers.append(ok())
    await client.start_workflow(workflow_type="t", task_queue="q", input=[LARGE])
    assert "external_storage" in body(requests[0])["input"]


async def test_a_threshold_of_nothing_is_refused_and_not_replaced(
    make_client: MakeClient, tmp_path: Path
) -> None:
    storage = LocalFilesystemExternalStorage(tmp_path)
    client = make_client(external_storage=storage, external_storage_threshold_bytes=1000)
    with pytest.raises(ValueError, match="at least 1"):
        await client.complete_activity_task(
            task_id="t",
            activity_attempt_id="a",
            lease_owner="w",
            result=1,
            external_storage_threshold_bytes=0,
        )


async def test_large_payloads_go_to_external_storage_and_come_back(
    make_client: MakeClient, answers: Answers, requests: Requests, tmp_path: Path
) -> None:
    storage = Recording(tmp_path)
    client = make_client(external_storage=storage, external_storage_threshold_bytes=1000)
    answers += [ok(), ok()]
    await client.start_workflow(workflow_type="t", task_queue="q", input=[LARGE])
    await client.start_workflow(workflow_type="t", task_queue="q", input=["small"])
    large, small = (body(request)["input"] for request in requests)
    assert large.keys() == {"codec", "external_storage"}
    assert small.keys() == {"codec", "blob"}
    answers.append(ok({"status": "running", "input_envelope": large, "output_envelope": None}))
    assert (await client.describe_workflow("w")).input == [LARGE]
    # Neither blocked the loop.
    assert len(storage.threads) == 2
    assert threading.get_ident() not in storage.threads


async def test_what_was_fetched_once_is_not_fetched_again(
    make_client: MakeClient, answers: Answers, tmp_path: Path
) -> None:
    storage = Recording(tmp_path)
    client = make_client(external_storage=storage)
    envelope = serializer.external_storage_envelope(
        LARGE, external_storage=storage, threshold_bytes=10
    )
    storage.threads.clear()
    answers += [ok({"output_envelope": envelope}), ok({"output_envelope": envelope})]
    for _ in range(2):
        assert (await client.describe_workflow("w")).output == LARGE
    assert len(storage.threads) == 1


async def test_a_reference_needs_a_driver(client: Client, answers: Answers, tmp_path: Path) -> None:
    envelope = serializer.external_storage_envelope(
        LARGE, external_storage=LocalFilesystemExternalStorage(tmp_path), threshold_bytes=10
    )
    answers.append(ok({"output_envelope": envelope}))
    with pytest.raises(ValueError, match="driver"):
        await client.describe_workflow("w")


async def test_a_driver_without_a_threshold_stores_nothing(
    make_client: MakeClient, answers: Answers, requests: Requests, tmp_path: Path
) -> None:
    client = make_client(external_storage=LocalFilesystemExternalStorage(tmp_path))
    answers.append(ok())
    await client.signal_workflow("w", "s", args=[LARGE])
    assert "blob" in body(requests[0])["input"]


async def test_a_worker_may_bring_its_own_storage(
    client: Client, answers: Answers, requests: Requests, tmp_path: Path
) -> None:
    storage = LocalFilesystemExternalStorage(tmp_path)
    answers += [ok(), ok()]
    await client.complete_activity_task(
        task_id="t",
        activity_attempt_id="a",
        lease_owner="w",
        result=LARGE,
        external_storage=storage,
        external_storage_threshold_bytes=10,
    )
    await client.complete_query_task(
        query_task_id="t",
        lease_owner="w",
        query_task_attempt=1,
        result=LARGE,
        external_storage=storage,
        external_storage_threshold_bytes=10,
    )
    assert "external_storage" in body(requests[0])["result"]
    assert "external_storage" in body(requests[1])["result_envelope"]
    assert body(requests[1])["result"] == LARGE


async def test_a_result_that_is_too_large_for_a_request_is_only_in_storage(
    client: Client, answers: Answers, requests: Requests, tmp_path: Path
) -> None:
    answers.append(ok())
    await client.complete_query_task(
        query_task_id="t",
        lease_owner="w",
        query_task_attempt=1,
        result="x" * 3_000_000,
        external_storage=LocalFilesystemExternalStorage(tmp_path),
        external_storage_threshold_bytes=10,
    )
    assert body(requests[0])["result"] is None
    assert "external_storage" in body(requests[0])["result_envelope"]


async def test_results_are_sent_in_the_codec_of_the_run(
    client: Client, answers: Answers, requests: Requests
) -> None:
    answers += [ok(), ok()]
    await client.complete_activity_task(
        task_id="t", activity_attempt_id="a", lease_owner="w", result={"é": 1}, codec="json"
    )
    await client.fail_activity_task(
        task_id="t",
        activity_attempt_id="a",
        lease_owner="w",
        message="m",
        failure_type="T",
        stack_trace="s",
        non_retryable=True,
        details={"d": 1},
    )
    assert body(requests[0])["result"] == {"codec": "json", "blob": '{"é":1}'}
    failure = body(requests[1])["failure"]
    assert base64.b64decode(failure.pop("details")["blob"]) == b'\x00\x0e{"d":1}\x02'
    assert failure == {"message": "m", "type": "T", "stack_trace": "s", "non_retryable": True}


async def test_a_result_that_cannot_be_encoded_is_not_sent(
    client: Client, requests: Requests
) -> None:
    with pytest.raises(TypeError):
        await client.complete_activity_task(
            task_id="t", activity_attempt_id="a", lease_owner="w", result=object()
        )
    assert requests == []


WARNED: dict[str, tuple[Callable[[Client], Any], dict[str, str]]] = {
    "start": (
        lambda c: c.start_workflow(
            workflow_type="t", task_queue="q", workflow_id="w", input=[LARGE]
        ),
        {"kind": "workflow_input", "workflow_id": "w", "workflow_type": "t", "task_queue": "q"},
    ),
    "attributes": (
        lambda c: c.start_workflow(
            workflow_type="t", task_queue="q", workflow_id="w", search_attributes={"A": LARGE}
        ),
        {"kind": "search_attributes", "workflow_id": "w"},
    ),
    "signal": (
        lambda c: c.signal_workflow("w", "s", args=[LARGE]),
        {"kind": "signal", "workflow_id": "w", "signal_name": "s"},
    ),
    "query": (
        lambda c: c.query_workflow("w", "s", args=[LARGE]),
        {"kind": "query", "query_name": "s"},
    ),
    "update": (
        lambda c: c.update_workflow("w", "s", args=[LARGE]),
        {"kind": "update", "update_name": "s"},
    ),
    "activity": (
        lambda c: c.start_activity(activity_type="a", task_queue="q", input=[LARGE]),
        {"kind": "activity_input", "activity_name": "a"},
    ),
    "schedule": (
        lambda c: c.create_schedule(
            schedule_id="s", spec=ScheduleSpec(), action=ScheduleAction("t", input=[LARGE])
        ),
        {"kind": "schedule_input", "schedule_id": "s", "workflow_type": "t"},
    ),
    "schedule attributes": (
        lambda c: c.update_schedule("s", search_attributes={"A": LARGE}),
        {"kind": "schedule_search_attributes", "schedule_id": "s"},
    ),
}


@pytest.mark.parametrize("case", WARNED)
async def test_nearly_too_large_is_said_in_the_log(
    make_client: MakeClient, answers: Answers, caplog: pytest.LogCaptureFixture, case: str
) -> None:
    send, about = WARNED[case]
    quiet = make_client(payload_size_limit_bytes=1000, payload_size_warnings=False)
    loud = make_client(payload_size_limit_bytes=1000, namespace="billing")
    answers += [ok(), ok()]
    with caplog.at_level(logging.WARNING, "durable_workflow.serializer"):
        await send(quiet)
        assert caplog.records == []
        await send(loud)
    [record] = caplog.records
    said: dict[str, Any] = vars(record)["durable_workflow_payload"]
    expected = about | {"namespace": "billing"}
    assert {name: said[name] for name in expected} == expected
    assert said["limit_bytes"] == 1000


CALLS: dict[str, Callable[[Client, Any], Any]] = {
    "start_workflow": lambda client, given: client.start_workflow(
        workflow_type="t", task_queue="q", workflow_id="w", input=given
    ),
    "start_activity": lambda client, given: client.start_activity(
        activity_type="a", task_queue="q", input=given
    ),
    "create_schedule": lambda client, given: client.create_schedule(
        spec=ScheduleSpec(cron_expressions=["* * * * *"]),
        action=ScheduleAction(workflow_type="t", input=given),
    ),
    "signal": lambda client, given: client.signal_workflow("w", "s", args=given),
    "query": lambda client, given: client.query_workflow("w", "q", args=given),
    "update": lambda client, given: client.update_workflow("w", "u", args=given),
    "handle": lambda client, given: client.get_workflow_handle("w").signal("s", given),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("given", ["str", "", b"bytes", {"a": 1}, {}, 5])
async def test_one_argument_in_place_of_a_list_is_a_mistake(
    client: Client, requests: Requests, call: Callable[[Client, Any], Any], given: Any
) -> None:
    with pytest.raises(TypeError, match="put it in a list") as caught:
        await call(client, given)
    assert type(given).__name__ in str(caught.value)
    assert requests == []


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("given", [[1, "two"], (1, "two")])
async def test_arguments_may_come_in_a_list_or_a_tuple(
    client: Client, answers: Answers, requests: Requests, call: Any, given: Any
) -> None:
    answers.append(ok({"workflow_id": "w", "run_id": "r", "schedule_id": "s"}))
    await call(client, given)
    sent = body(requests[0])
    envelope = sent.get("input") or sent["action"]["input"]
    assert serializer.decode_envelope(envelope) == [1, "two"]
