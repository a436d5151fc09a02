"""The server keeps what its description says: schemathesis makes requests out of the document.

Each operation gets requests that the document allows, aimed at what is there or at anything, and
requests that it does not. No answer is a 5xx, but the few that say that nobody answered a query,
and every answer has a status, a media type, headers and a body that the document has.

DESCRIPTION_EXAMPLES  requests of each of the two kinds to each operation (default 2)
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, TypeAlias

import pytest
import requests
import schemathesis
from described import Described
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.core import NotSet
from schemathesis.specs.openapi import checks as openapi_checks

from durable_workflow.server.http.routes import ROUTES
from durable_workflow.server.http.routing import Route
from integration.contract.conftest import ENVIRONMENT
from integration.contract.scene import Scene, Stage
from integration.harness.payloads import as_list, as_object
from integration.harness.processes import ServerProcess
from integration.harness.wire import CONTROL, Wire

pytestmark = pytest.mark.hypothesis
# Their own types are unknown in part.
Schema: TypeAlias = Any
Case: TypeAlias = Any
library: Any = schemathesis
checks: Any = openapi_checks

EXAMPLES = settings(
    max_examples=int(os.environ.get("DESCRIPTION_EXAMPLES", "2")),
    deadline=None,
    database=None,
    # Shrinking asks the server again and again, and it has changed meanwhile.
    phases=[Phase.generate],
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.filter_too_much,
        HealthCheck.large_base_example,
        HealthCheck.function_scoped_fixture,
    ],
)
CHECKS = [
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
]
# What is sent may well register a worker that answers queries, and then nobody does.
NOBODY_ANSWERED = {
    "query_worker_timeout",
    "query_worker_execution_timeout",
    "query_task_not_claimed",
}
# Seconds in which an answer must begin. A server that works as it should may hold an answer for a
# second or two, on a machine that is busy with other tests.
ANSWERED_WITHIN = 60
# What a request may be refused with that the description does not allow.
REFUSING = ["400", "404", "406", "409", "413", "415", "422"]
# Names in paths and bodies, and what they stand for in a scene.
KNOWN = {
    "workflow_id": "workflow",
    "run_id": "run",
    "activity_id": "standalone",
    "schedule_id": "schedule",
    "worker_id": "worker",
    "lease_owner": "worker",
    "task_queue": "queue",
    "activity_attempt_id": "activity_attempt",
    "workflow_task_attempt": "attempt",
}
ASKED = [
    pytest.param(route, mode, id=f"{route.method} {route.path}-{mode.value}")
    for route in ROUTES
    for mode in GenerationMode
    # The others read nothing that could be bad.
    if mode.is_positive or route.versioned
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server of its own: what is sent here may well be good, and then it changes something."""
    db = tmp_path_factory.mktemp("examples") / "state.db"
    with ServerProcess(db, environment=ENVIRONMENT) as server:
        yield server


@pytest.fixture(scope="module")
def wire(server: ServerProcess) -> Iterator[Wire]:
    with Wire(server.url) as wire:
        yield wire


@pytest.fixture(scope="module")
def document(wire: Wire) -> dict[str, Any]:
    return wire.send("GET", "/api/openapi.json").need()


@pytest.fixture(scope="module")
def described(document: dict[str, Any]) -> Described:
    return Described(document)


@pytest.fixture(scope="module")
def schema(document: dict[str, Any]) -> Schema:
    # This server has no logins, so that no login is a bad one. A body may be bad and too large.
    options = {
        "generation": {"with-security-parameters": False},
        "checks": {"negative_data_rejection": {"expected-statuses": REFUSING}},
    }
    config = library.Config.from_dict(options)
    return library.openapi.from_dict(document, config=config)


@pytest.fixture(scope="module")
def stage(wire: Wire) -> Stage:
    return Stage(wire)


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    with requests.Session() as session:
        yield session


@pytest.mark.parametrize(("route", "mode"), ASKED)
def test_every_answer_is_one_that_the_description_has(
    route: Route,
    mode: GenerationMode,
    schema: Schema,
    described: Described,
    stage: Stage,
    server: ServerProcess,
    session: requests.Session,
) -> None:
    scene = stage.scene

    @EXAMPLES
    @given(
        case=schema[route.path][route.method].as_strategy(generation_mode=mode),
        aimed=st.booleans(),
    )
    def send(case: Case, aimed: bool) -> None:
        if aimed and mode.is_positive:
            aim(case, scene, route)
        if "Prefer" in case.headers:
            case.headers["Prefer"] = "wait=0"
        response = case.call(server.url, session=session, timeout=ANSWERED_WITHIN)
        if reason_of(response) not in NOBODY_ANSWERED:
            assert response.status_code < 500, (case.as_curl_command(), server.process.output)
        judged = CHECKS[:-1] if is_read_otherwise(case, described) else CHECKS
        case.validate_response(response, judged)

    send()
    if mode.is_positive and route.method != "GET":
        stage.clear()


def aim(case: Case, scene: Scene, route: Route) -> None:
    """Put what is there in the place of what was made up."""
    names = {name: scene.names[known] for name, known in KNOWN.items()}
    names["task_id"] = scene.names["activity_task" if "activity" in route.path else "task"]
    # Nobody is there to carry out an update, or to disturb a heartbeat that is held.
    names |= {"namespace": "default", "wait_timeout_seconds": 1, "wait_seconds": 0}
    for found in (case.path_parameters, case.query, case.body):
        members = as_object(found) or {}
        for name in members.keys() & names.keys():
            members[name] = names[name]


def is_read_otherwise(case: Case, described: Described) -> bool:
    """Whether a request may be good though its schema says no: the document has it in words.

    Blank text is the same as none, the space around a text does not count, and of what is sent
    twice the last counts.
    """
    values = (as_object(case.query) or {}).values()
    # An object is sent as its keys, one after the other.
    if any(isinstance(each, list | dict) or not str(each).strip() for each in values):
        return True
    sent: dict[str, Any] = {
        "path": case.path_parameters,
        "query": case.query,
        "header": dict(case.headers),
    }
    if not isinstance(case.body, NotSet):
        sent["body"] = case.body
    bare = without_space(sent)
    return bool(bare != sent) and described.has_request(case.method, case.path, bare)


def without_space(value: Any) -> Any:
    """A value without the space around the texts in it."""
    if isinstance(value, str):
        return value.strip()
    if (members := as_object(value)) is not None:
        return {name: without_space(each) for name, each in members.items()}
    if (items := as_list(value)) is not None:
        return [without_space(each) for each in items]
    return value


def reason_of(response: Any) -> object:
    if not response.headers.get("content-type", [""])[0].startswith("application/json"):
        return None
    return (as_object(response.json()) or {}).get("reason")


LONG_KEY, OTHER_KEY, LONG_NAME = "k" * 255, "o" * 255, "q" * 255


@pytest.mark.parametrize(
    ("key", "queue", "taken"),
    [
        (LONG_KEY, " " + LONG_NAME, True),
        (OTHER_KEY + "\xa0", LONG_NAME, True),
        (LONG_KEY, LONG_NAME + "q", False),
        (LONG_KEY, LONG_NAME + "q ", False),
        (LONG_KEY + "k\xa0", LONG_NAME, False),
    ],
)
def test_the_space_around_a_text_does_not_count(
    key: str, queue: str, taken: bool, schema: Schema, described: Described, server: ServerProcess
) -> None:
    action = {"workflow_type": "Kind", "task_queue": queue}
    body = {"action": action, "spec": {"cron_expressions": ["@yearly"]}}
    case = case_of(schema, "/api/schedules", "POST", body=body, headers={"Idempotency-Key": key})

    assert is_read_otherwise(case, described) == taken

    answer = case.call(server.url, timeout=ANSWERED_WITHIN)
    assert answer.status_code == (201 if taken else 422), answer.text


def test_nor_does_the_space_around_a_number_in_a_query(
    schema: Schema, described: Described
) -> None:
    for size, is_good in ((" 7", True), (" 7.0", False), (" 0 ", False), ("7", False)):
        case = case_of(schema, "/api/workflows", "GET", query={"page_size": size})
        assert is_read_otherwise(case, described) == is_good, size


def test_an_update_that_nobody_carries_out_is_soon_given_up(
    schema: Schema, stage: Stage, server: ServerProcess
) -> None:
    names = {name: stage.scene.names[KNOWN[name]] for name in ("workflow_id", "run_id")}
    path = "/api/workflows/{workflow_id}/runs/{run_id}/update/{update_name}"
    case = case_of(
        schema,
        path,
        "POST",
        path_parameters={**names, "update_name": "u"},
        body={"wait_for": "completed"},
    )
    answer = case.call(server.url, timeout=ANSWERED_WITHIN)

    told = answer.json()
    assert (told["wait_timed_out"], told["wait_timeout_seconds"]) == (True, 1)
    stage.clear()


def case_of(schema: Schema, path: str, method: str, **sent: Any) -> Case:
    """A request with what a good one needs beside what is sent."""
    media_type = "application/json" if "body" in sent else None
    headers = {**CONTROL, **sent.pop("headers", {})}
    return schema[path][method].Case(headers=headers, media_type=media_type, **sent)
