"""Whatever a request holds, it is answered, not with a 5xx, and the server goes on."""

from __future__ import annotations

import itertools
import os
import string
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from integration.contract.conftest import ENVIRONMENT
from integration.contract.scene import Scene
from integration.contract.tables.commands import FIELDS, GOOD, OUT_OF_PLACE
from integration.contract.tables.fields import ROUTES as FIELD_ROUTES
from integration.contract.tables.operations import OPERATION_ROUTES
from integration.contract.tables.requests import CONTROL_GETS
from integration.contract.tables.rows import Route
from integration.contract.tables.schedules import ROUTES as SCHEDULE_ROUTES
from integration.harness.payloads import as_object
from integration.harness.processes import ServerProcess
from integration.harness.wire import Answer, Wire

# What a peer may well send: any JSON, of any shape, and numbers beyond every column's size.
NUMBERS = st.integers() | st.sampled_from([2**31, 2**63, 2**64, -(2**63), 10**40, 0, -1])
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text(max_size=30) | st.sampled_from(
    ["", "\x00", "\ud7ff", "default", "MQ==", "🜁", "9" * 30]
)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | FLOATS | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4)
    ),
    max_leaves=12,
)
EXAMPLES = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    max_examples=max(200, int(os.environ.get("SOAK_EXAMPLES", "0"))),
)
ROUTES = [*FIELD_ROUTES, *OPERATION_ROUTES, *SCHEDULE_ROUTES]
# Nothing, as it may be written: blank text counts as null (control-plane 1.6).
NOTHING = [None, "", " ", "\t\u2003"]
# What is sent may well register a worker that answers queries, and then nobody does.
NOBODY_ANSWERED = {
    "query_worker_timeout",
    "query_worker_execution_timeout",
    "query_task_not_claimed",
}
_numbers = itertools.count()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server of its own: what is sent here may well be good, and then it changes something."""
    with ServerProcess(
        tmp_path_factory.mktemp("fuzz") / "state.db", environment=ENVIRONMENT
    ) as server:
        yield server


@pytest.fixture(scope="module")
def scene(server: ServerProcess) -> Iterator[Scene]:
    with Wire(server.url) as wire:
        yield Scene.make(wire)


def check(scene: Scene, server: ServerProcess, answer: Answer) -> None:
    if answer.reason not in NOBODY_ANSWERED:
        assert answer.status < 500, (answer.body, server.process.output)
    assert scene.wire.send("GET", "/api/health").need()["status"] == "serving"


@st.composite
def bodies(draw: st.DrawFn, route: Route) -> Any:
    """A good body with some fields gone strange, or any JSON at all."""
    if draw(st.integers(0, 9)) == 0:
        return draw(JSON)
    names = [*route.good, *(name.split(".")[0] for name in route.fields), "namespace", "extra"]
    body = dict(route.good)
    for name in draw(st.lists(st.sampled_from(names), max_size=4, unique=True)):
        body[name] = draw(JSON)
    return body


@EXAMPLES
@given(data=st.data())
def test_any_body_on_any_route_is_answered(
    data: st.DataObject, scene: Scene, server: ServerProcess
) -> None:
    route = data.draw(st.sampled_from(ROUTES), label="route")
    body = data.draw(bodies(route), label="body")
    answer = scene.wire.send(route.method, scene.path(route.path), strange(scene, body))
    check(scene, server, answer)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_nothing_in_any_field_of_any_route_is_answered(
    route: Route, scene: Scene, server: ServerProcess
) -> None:
    for path, nothing in itertools.product(route.fields, NOTHING):
        body = scene.fill(route.body(path, nothing))
        check(scene, server, scene.wire.send(route.method, scene.path(route.path), body))


@EXAMPLES
@given(
    route=st.sampled_from(ROUTES),
    content=st.binary(max_size=80) | st.text(max_size=40).map(str.encode),
    media_type=st.sampled_from(["application/json", "application/x+json", "text/plain", ";", None]),
)
def test_any_bytes_on_any_route_are_answered(
    route: Route, content: bytes, media_type: str | None, scene: Scene, server: ServerProcess
) -> None:
    answer = scene.wire.send(
        "POST", scene.path(route.path), content=content, headers={"Content-Type": media_type}
    )
    check(scene, server, answer)


@EXAMPLES
@given(
    path=st.sampled_from(CONTROL_GETS),
    query=st.dictionaries(
        st.sampled_from(
            ["status", "page_size", "next_page_token", "query", "workflow_type", "wait_new_event"]
        ),
        st.text(string.printable, max_size=12)
        | st.sampled_from(["1", "0", "MQ==", "é", "running"]),
        max_size=4,
    ),
)
def test_any_query_string_is_answered(
    path: str, query: dict[str, str], scene: Scene, server: ServerProcess
) -> None:
    answer = scene.wire.send("GET", f"{scene.path(path)}?{urlencode(query)}")
    check(scene, server, answer)


@st.composite
def commands(draw: st.DrawFn) -> dict[str, Any]:
    """A command of a known kind, or nearly one."""
    kind = draw(st.sampled_from([*GOOD, "dance"]))
    command: dict[str, Any] = {"type": kind, **GOOD.get(kind, {})}
    names = sorted({*FIELDS.get(kind, {}), *(name for _, name, _ in OUT_OF_PLACE), "extra"})
    for name in draw(st.lists(st.sampled_from(names), max_size=2, unique=True)):
        command[name] = draw(JSON)
    return command


@EXAMPLES
@given(some=st.lists(commands() | JSON, max_size=5))
def test_any_list_of_commands_is_applied_or_refused_as_a_whole(
    some: list[Any], scene: Scene, server: ServerProcess
) -> None:
    queue, worker = f"fuzz-{next(_numbers)}", f"fuzz-worker-{next(_numbers)}"
    scene.wire.register(worker, queue=queue)
    started = scene.wire.start(queue, workflow_type="fuzzed", queue=queue)
    task = scene.wire.poll("workflow", worker, queue=queue)
    owner = {"lease_owner": worker, "workflow_task_attempt": task["workflow_task_attempt"]}
    path = f"/api/worker/workflow-tasks/{task['task_id']}"

    answer = scene.wire.send("POST", f"{path}/complete", {**owner, "commands": some})

    check(scene, server, answer)
    if answer.status != 200:
        assert scene.wire.send("POST", f"{path}/heartbeat", owner).need()["renewed"] is True
        assert len(scene.wire.history(queue, started["run_id"])) == 2


def strange(scene: Scene, body: Any) -> Any:
    """Fill in the scene's names where the table's own values still stand."""
    members = as_object(body)
    if members is None:
        return body
    known = {f"${name}" for name in scene.names}
    return {
        key: scene.fill(value) if isinstance(value, str) and value in known else value
        for key, value in members.items()
    }
