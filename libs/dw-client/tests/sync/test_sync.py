"""The blocking client against answers from a list."""

import asyncio
import inspect
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from durable_workflow import sync
from durable_workflow.client import (
    Client,
    HttpxTransport,
    ScheduleHandle,
    StandaloneActivityHandle,
    TransportResponse,
    WorkflowHandle,
)
from durable_workflow.errors import ClientClosed, WorkflowCancelled, WorkflowNotFound
from durable_workflow.metrics import InMemoryMetrics

Answers = list[httpx.Response | Exception]
MakeClient = Callable[..., sync.Client]
# Of the async client, and called otherwise here.
OTHER_NAMES = {"aclose"}
PAIRS: list[tuple[type, type]] = [
    (Client, sync.Client),
    (WorkflowHandle, sync.SyncWorkflowHandle),
    (ScheduleHandle, sync.SyncScheduleHandle),
    (StandaloneActivityHandle, sync.SyncStandaloneActivityHandle),
]


@pytest.fixture
def make(answers: Answers, requests: list[httpx.Request]) -> Iterator[MakeClient]:
    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        given = answers.pop(0)
        if isinstance(given, Exception):
            raise given
        return given

    made: list[sync.Client] = []

    def connect() -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.MockTransport(answer))

    def make(**settings: Any) -> sync.Client:
        made.append(
            sync.Client("http://server.test", transport=HttpxTransport(connect), **settings)
        )
        return made[-1]

    yield make
    for client in made:
        client.close()


@pytest.fixture
def blocking(make: MakeClient) -> sync.Client:
    return make()


def ok(**body: Any) -> httpx.Response:
    return httpx.Response(200, json=body)


def public(kind: type) -> set[str]:
    return {name for name, _ in inspect.getmembers(kind, callable) if not name.startswith("_")}


@pytest.mark.parametrize(("asynchronous", "blocking_kind"), PAIRS)
def test_every_method_has_its_twin(asynchronous: type, blocking_kind: type) -> None:
    names = public(asynchronous) - OTHER_NAMES
    assert names <= public(blocking_kind)
    assert len(names) >= 3
    for name in names:
        theirs, ours = getattr(asynchronous, name), getattr(blocking_kind, name)
        parameters = inspect.signature(theirs).parameters.values()
        twins = inspect.signature(ours).parameters.values()
        assert [(p.name, p.kind, p.default) for p in parameters] == [
            (p.name, p.kind, p.default) for p in twins
        ], name
        assert inspect.getdoc(ours) == inspect.getdoc(theirs), name
        assert not inspect.iscoroutinefunction(ours), name
        assert ours.__annotations__["return"] is not inspect.Parameter.empty


def test_a_call_waits_for_its_result(blocking: sync.Client, answers: Answers) -> None:
    answers.append(ok(workflow_id="w", run_id="r", workflow_type="t"))
    handle = blocking.start_workflow(workflow_type="t", task_queue="q")
    assert isinstance(handle, sync.SyncWorkflowHandle)
    assert (handle.workflow_id, handle.run_id, handle.workflow_type) == ("w", "r", "t")
    answers.append(ok(run_id="r", status="completed", output=[1]))
    assert blocking.describe_workflow("w").output == [1]
    assert "workflow_id='w'" in repr(handle)


def test_it_waits_where_an_event_loop_runs(blocking: sync.Client, answers: Answers) -> None:
    answers.append(ok(status="ok"))

    async def in_a_notebook() -> Any:
        return blocking.health()

    assert asyncio.run(in_a_notebook()) == {"status": "ok"}


def test_threads_share_a_client(
    blocking: sync.Client, answers: Answers, requests: list[httpx.Request]
) -> None:
    answers += [ok(status="ok") for _ in range(40)]
    threads = [
        threading.Thread(target=lambda: [blocking.health() for _ in range(5)]) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(requests) == 40


def test_errors_are_those_of_the_async_client(blocking: sync.Client, answers: Answers) -> None:
    answers.append(httpx.Response(404, json={"reason": "instance_not_found"}))
    with pytest.raises(WorkflowNotFound):
        blocking.describe_workflow("w")
    answers.append(ok(run_id="r", status="cancelled", closed_reason="cancelled"))
    answers.append(ok(events=[{"event_type": "WorkflowCancelled", "payload": {}}]))
    with pytest.raises(WorkflowCancelled):
        blocking.get_result(blocking.get_workflow_handle("w"))


def test_iterators_are_plain_ones(blocking: sync.Client, answers: Answers) -> None:
    event: dict[str, Any] = {"sequence": 1, "event_type": "ScheduleCreated", "payload": {}}
    answers += [
        ok(events=[event], has_more=True, next_cursor=1),
        ok(events=[event | {"sequence": 2}], has_more=False),
    ]
    found = blocking.get_schedule_handle("s").iter_history()
    assert isinstance(found, Iterator)
    assert [each.sequence for each in found] == [1, 2]
    answers.append(ok(workflows=[{"workflow_id": "w"}]))
    assert [run.workflow_id for run in blocking.iter_workflows()] == ["w"]


def test_a_wait_takes_a_blocking_handle_only(blocking: sync.Client) -> None:
    wrong: Any = "w"
    with pytest.raises(TypeError, match="handle must be a handle of a blocking client"):
        blocking.get_result(wrong)


def test_after_closing_calls_are_refused(blocking: sync.Client) -> None:
    blocking.close()
    blocking.close()
    with pytest.raises(RuntimeError, match="this client is closed"):
        blocking.health()
    with sync.Client("http://server.test") as other:
        assert other.namespace == "default"
    with pytest.raises(RuntimeError, match="this client is closed"):
        list(other.iter_workflows())


class Holding:
    """A transport whose server holds every response."""

    def __init__(self) -> None:
        self.asked = threading.Semaphore(0)

    async def send(self, *_: Any, **__: Any) -> TransportResponse:
        self.asked.release()
        return await asyncio.Future[TransportResponse]()

    def clone(self) -> "Holding":
        return self

    async def aclose(self) -> None:
        pass


def test_closing_ends_what_other_threads_wait_for() -> None:
    transport = Holding()
    client = sync.Client("http://server.test", transport=transport)
    handle = client.get_workflow_handle("w")
    waits: list[Callable[[], Any]] = [
        client.health,
        handle.describe,
        lambda: handle.result(timeout=600),
        lambda: list(client.iter_workflows()),
    ]
    with ThreadPoolExecutor(len(waits)) as threads:
        waiting = [threads.submit(wait) for wait in waits]
        for _ in waits:
            assert transport.asked.acquire(timeout=30)
        client.close()
        ends = [each.exception(timeout=30) for each in waiting]
    assert [type(end) for end in ends] == [ClientClosed] * len(waits)
    with pytest.raises(ClientClosed, match="this client is closed"):
        handle.describe()


def test_a_call_from_the_private_loop_is_refused(
    make: MakeClient, answers: Answers, caplog: pytest.LogCaptureFixture
) -> None:
    class Recorder(InMemoryMetrics):
        def increment(self, *args: Any, **kwargs: Any) -> None:
            client.health()

    client = make(metrics=Recorder())
    answers.append(ok(status="ok"))
    assert client.health() == {"status": "ok"}
    assert "RuntimeError: a blocking client was called from its own event loop" in caplog.text


def test_a_warning_shows_the_line_of_the_caller(blocking: sync.Client, answers: Answers) -> None:
    answers.append(ok(name="n"))
    with pytest.warns(DeprecationWarning, match="namespace= is deprecated") as caught:
        blocking.set_namespace_external_storage(namespace="n", driver="local")
    assert [warning.filename for warning in caught] == [__file__]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_client_and_its_handles_are_of_the_process_that_made_them(
    blocking: sync.Client, requests: list[httpx.Request]
) -> None:
    handle = blocking.get_workflow_handle("w")
    child = os.fork()
    if child == 0:  # nothing but the status leaves the child
        refused = 0
        for call in (blocking.health, handle.describe, handle.result):
            try:
                call()
            except RuntimeError as error:
                refused += "before a fork" in str(error)
        os._exit(refused if requests == [] else 9)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 3


# So many that the client changes to its other HTTP library.
MANY_CALLS = "assert [client.health() for _ in range(300)]"
# A thread that waits for its response when the interpreter exits.
WAITING_DAEMON = """
handle = client.get_workflow_handle("w")
threading.Thread(target=handle.describe, daemon=True).start()
begun.wait()
"""


@pytest.mark.parametrize(
    "ending", ["", "client.close()", "raise SystemExit(0)", MANY_CALLS, WAITING_DAEMON]
)
def test_the_interpreter_exits_cleanly(ending: str) -> None:
    program = f"""
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from durable_workflow import sync

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        if self.path == "/api/workflows/w":
            begun.set()
            threading.Event().wait()
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{{}}")
    def log_message(self, *args):
        pass

begun = threading.Event()
server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = sync.Client(f"http://127.0.0.1:{{server.server_port}}")
assert client.health() == {{}} and client.health() == {{}}
{ending}
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
