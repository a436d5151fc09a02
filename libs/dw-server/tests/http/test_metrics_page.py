"""`/metrics`: who may read it, and that its figures are those of the server."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TypeAlias

import httpx
import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families

from durable_workflow.server.api.handlers import figures as handlers
from durable_workflow.server.figures import Family, Histogram, Sample
from durable_workflow.server.http import metrics_page
from durable_workflow.server.settings import MetricsAccess, Settings
from durable_workflow.server.store.protocol import Read
from durable_workflow.server.views import backlogs
from durable_workflow.server.views.backlogs import Backlogs, QueueKey, Waiting

Connected: TypeAlias = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]
Figures: TypeAlias = dict[tuple[str, frozenset[tuple[str, str]]], float]
HEADERS = {
    "X-Durable-Workflow-Control-Plane-Version": "2",
    "X-Durable-Workflow-Protocol-Version": "1.1",
}
PREFIX = "durable_workflow_server_"


@pytest.fixture(autouse=True)
def counted_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that was counted is told again."""
    monkeypatch.setattr(handlers, "_KEPT_SECONDS", 0.0)
    monkeypatch.setattr(handlers, "_KEPT_TIMES", 0)


def parsed(page: str) -> Figures:
    """Each series with its value, as Prometheus reads them."""
    found: Figures = {}
    for family in text_string_to_metric_families(page):
        assert family.documentation
        assert family.type in ("counter", "gauge", "histogram")
        for sample in family.samples:
            key = sample.name.removeprefix(PREFIX), frozenset(sample.labels.items())
            assert key not in found, "each series once"
            found[key] = sample.value
    return found


async def figures(client: httpx.AsyncClient) -> Figures:
    answer = await client.get("/metrics")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return parsed(answer.text)


def value(found: Figures, name: str, **labels: str) -> float:
    return found[name, frozenset(labels.items())]


async def start(client: httpx.AsyncClient, name: str, queue: str = "q") -> None:
    body = {"workflow_id": name, "workflow_type": "t", "task_queue": queue}
    answer = await client.post("/api/workflows", json=body, headers=HEADERS)
    assert answer.status_code == 201, answer.text


async def test_the_figures_are_those_of_the_server(client: httpx.AsyncClient) -> None:
    before = await figures(client)
    for number in range(3):
        await start(client, f"secret-name-{number}")
    worker = {"worker_id": "w", "task_queue": "q", "runtime": "python", "sdk_version": "1"}
    answer = await client.post("/api/worker/register", json=worker, headers=HEADERS)
    assert answer.status_code in (200, 201), answer.text
    poll = {"worker_id": "w", "task_queue": "q", "poll_request_id": "p"}
    await client.post("/api/worker/workflow-tasks/poll", json=poll, headers=HEADERS)
    await client.get("/api/nowhere/x")
    await client.request("BREW", "/api/workflows")

    found = await figures(client)

    queue = {"namespace": "default", "task_queue": "q", "kind": "workflow"}
    assert value(found, "ready_tasks", **queue) == 2
    assert value(found, "delayed_tasks", **queue) == 0
    assert 0 < value(found, "oldest_ready_task_seconds", **queue) < 60
    assert value(found, "leases", namespace="default", kind="workflow") == 1
    assert value(found, "leases", namespace="default", kind="activity") == 0
    started = {"method": "POST", "route": "/workflows"}
    assert value(found, "requests_total", **started, status="201") == 3
    assert value(found, "request_seconds_count", **started) == 3
    assert value(found, "request_seconds_bucket", **started, le="+Inf") == 3
    unknown = {"method": "other", "route": "an unknown route"}
    assert value(found, "requests_total", **unknown, status="404") == 1
    assert value(found, "requests_total", **unknown, status="405") == 1
    assert value(found, "commit_units_sum") >= value(before, "commit_units_sum") + 4
    assert value(found, "commit_seconds_count") == value(found, "commit_units_count") > 0
    assert value(found, "due_late_seconds") < 60
    for name, expected in (
        ("streams", 0),
        ("held_requests", 0),
        ("failed_commits_total", 0),
        ("namespaces", 1),
        ("set_aside_items", 0),
    ):
        assert value(found, name) == expected, name
    assert not [key for key in found if "secret-name" in str(key)]


async def test_a_queue_that_is_empty_again_says_so(client: httpx.AsyncClient) -> None:
    await start(client, "w1")
    await figures(client)
    await client.post("/api/workflows/w1/terminate", json={}, headers=HEADERS)

    found = await figures(client)

    assert value(found, "ready_tasks", namespace="default", task_queue="q", kind="workflow") == 0


async def test_a_state_file_has_sizes(connected: Connected, tmp_path: Path) -> None:
    async with connected(Settings(db=f"{tmp_path}/state.db", long_poll_timeout=0)) as client:
        await start(client, "w1")
        found = await figures(client)
        await start(client, "w2")
        again = await figures(client)

    parts = [value(found, "store_bytes", part=part) for part in ("database", "log")]
    assert sum(parts) > 10_000
    assert value(found, "disk_free_bytes") > 0
    of = {"namespace": "default", "task_queue": "q", "kind": "workflow"}
    assert (value(found, "ready_tasks", **of), value(again, "ready_tasks", **of)) == (1, 2)


async def test_the_series_of_namespaces_and_queues_are_bounded(
    client: httpx.AsyncClient,
) -> None:
    for number in range(60):
        await client.post("/api/namespaces", json={"name": f"n{number}"}, headers=HEADERS)
    for number in range(210):
        await start(client, f"w{number}", f"q{number}")
    await start(client, "deep", "q209")

    found = await figures(client)

    assert value(found, "namespaces") == 61
    assert len([name for name, _ in found if name == "leases"]) == 100
    queues = {
        dict(labels)["task_queue"]: n
        for (name, labels), n in found.items()
        if name == "ready_tasks"
    }
    assert len(queues) == 201
    assert queues["q209"] == 2, "the deepest have series"
    assert queues[""] == 10, "and all others are one"


async def test_many_readers_have_it_counted_once(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handlers, "_KEPT_SECONDS", 60.0)
    await figures(client)
    await start(client, "w1")

    pages = await asyncio.gather(*[figures(client) for _ in range(5)])

    assert not [name for page in pages for name, _ in page if name == "ready_tasks"]
    started = {"method": "POST", "route": "/workflows", "status": "201"}
    assert [value(page, "requests_total", **started) for page in pages] == [1] * 5, (
        "what is counted as it happens is never old"
    )


async def test_however_many_queues_there_are_the_loop_sees_those_with_series(
    connected: Connected, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counting a hundred thousand, and finding the deepest, takes tenths of a second."""
    threads: dict[str, threading.Thread] = {}
    counted: list[int] = []
    count, choose = Backlogs.count, backlogs.with_series

    def noted_count(found: Backlogs, read: Read, namespace: str) -> None:
        threads["count"] = threading.current_thread()
        count(found, read, namespace)

    def noted_choice(
        queues: dict[QueueKey, Waiting], known: set[QueueKey]
    ) -> dict[QueueKey, Waiting]:
        threads["choose"] = threading.current_thread()
        chosen = choose(queues, known)
        counted.append(len(chosen))
        return chosen

    monkeypatch.setattr(Backlogs, "count", noted_count)
    monkeypatch.setattr(handlers, "with_series", noted_choice)
    monkeypatch.setattr(backlogs, "MOST_QUEUES", 2)
    async with connected(Settings(db=f"{tmp_path}/state.db", long_poll_timeout=0)) as client:
        for number in range(5):
            await start(client, f"w-{number}", queue=f"q-{number}")
        await figures(client)
    assert counted == [3]  # the two, and the sum of the others
    assert set(threads) == {"count", "choose"}
    assert threading.current_thread() not in threads.values()


@pytest.mark.parametrize(
    ("access", "may"),
    [("anyone", {"", "x", "w", "o", "a"}), ("operator", {"o", "a"}), ("admin", {"a"})],
)
async def test_a_setting_says_who_may_read(
    connected: Connected, guarded_settings: Settings, access: MetricsAccess, may: set[str]
) -> None:
    settings = msgspec.structs.replace(guarded_settings, metrics_access=access)
    async with connected(settings) as client:
        for token in ("", "x", "w", "o", "a"):
            login = {"Authorization": f"Bearer {token}"} if token else {}
            answer = await client.get("/metrics", headers=login)
            expected = 200 if token in may else 403 if token in {"w", "o"} else 401
            assert answer.status_code == expected, (token, answer.text)


async def test_the_page_is_only_read(client: httpx.AsyncClient) -> None:
    wrong = await client.post("/metrics", json={})
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "GET, HEAD")
    head = await client.head("/metrics")
    assert (head.status_code, head.content) == (200, b"")


def test_labels_are_escaped_and_buckets_count_what_is_below_them() -> None:
    times = Histogram((1.0, 2.0))
    for each in (0.5, 1.0, 1.5, 9.0):
        times.note(each)
    odd = 'a "b" \\ c\nd'
    families = [
        Family("odd", "gauge", "Odd.", [Sample(1, {"queue": odd})]),
        Family("times", "histogram", "Times.", list(times.samples())),
    ]

    found = parsed(metrics_page.page(families).decode())

    assert value(found, "odd", queue=odd) == 1
    below = [value(found, "times_bucket", le=end) for end in ("1.0", "2.0", "+Inf")]
    assert below == [2, 3, 4]
    assert (value(found, "times_sum"), value(found, "times_count")) == (12, 4)
