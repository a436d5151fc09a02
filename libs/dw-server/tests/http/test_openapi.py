"""The description of the API: valid, whole, and true of what the fields read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any, get_args

import httpx
import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from durable_workflow.server.api import Operation
from durable_workflow.server.engine import schedules
from durable_workflow.server.engine.attributes import TYPES
from durable_workflow.server.fields import (
    Arguments,
    Choice,
    CronExpression,
    Duration,
    Envelope,
    Flag,
    Identifier,
    Inside,
    IsoDuration,
    Kind,
    Listed,
    Number,
    Object,
    Reading,
    Result,
    RetryPolicy,
    Schemas,
    Text,
    TimeZone,
    Together,
    Whole,
    WireLimits,
    table_of,
    texts,
)
from durable_workflow.server.filters.fields import STATUSES
from durable_workflow.server.http.openapi import answers, reasons
from durable_workflow.server.http.refusals import status_of
from durable_workflow.server.http.routes import ROUTES
from durable_workflow.server.records.queues import TaskKind
from durable_workflow.server.replies import Reply
from durable_workflow.server.requests.fleet import WORKER_STATES
from durable_workflow.server.requests.schedules import OVERLAP_POLICIES, Action
from durable_workflow.server.requests.workflows import (
    STATUS_BUCKETS,
    SearchAttributes,
    StatusBucket,
)

Json = dict[str, Any]


@pytest.fixture
async def document(client: httpx.AsyncClient) -> Json:
    answer = await client.get("/api/openapi.json")
    assert answer.status_code == 200
    found: Json = answer.json()
    return found


def operations_of(document: Json) -> dict[tuple[str, str], Json]:
    return {
        (method.upper(), path): operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


async def test_the_document_is_valid(document: Json) -> None:
    assert document["openapi"].startswith("3.1")
    errors = list(OpenAPIV31SpecValidator(document).iter_errors())
    assert errors == []


async def test_every_route_is_in_it_and_nothing_else(document: Json) -> None:
    found = operations_of(document)
    assert found.keys() == {(route.method, route.path) for route in ROUTES}
    names = [operation["operationId"] for operation in found.values()]
    assert len(set(names)) == len(names)


async def test_every_operation_says_what_it_needs_and_answers(
    document: Json, operations: dict[str, Operation[Any]]
) -> None:
    found = operations_of(document)
    for route in ROUTES:
        operation, described = operations[route.operation], found[route.method, route.path]
        parameters = [
            document["components"]["parameters"][each["$ref"].rpartition("/")[2]]
            if "$ref" in each
            else each
            for each in described["parameters"]
        ]
        headers = {each["name"] for each in parameters if each["in"] == "header"}
        version = (
            "X-Durable-Workflow-Protocol-Version"
            if route.plane == "worker"
            else "X-Durable-Workflow-Control-Plane-Version"
        )
        assert (version in headers) == route.versioned, route
        assert ("X-Namespace" in headers) == operation.namespaced, route
        in_path = {each["name"] for each in parameters if each["in"] == "path"}
        assert in_path == set(re.findall(r"\{(\w+)\}", route.path)), route
        assert bool(described["security"]) == bool(operation.roles), route
        assert ("requestBody" in described) == (route.method in ("POST", "PUT")), route
        succeeded = [status for status in described["responses"] if status < "300"]
        assert succeeded, f"{route} has no success"


async def test_every_reason_is_in_it_under_its_status(
    document: Json, operations: dict[str, Operation[Any]]
) -> None:
    found = operations_of(document)
    for route in ROUTES:
        responses = found[route.method, route.path]["responses"]
        for reason in reasons.of(route, operations[route.operation]):
            status = status_of(Reply({}, reason=reason), route.operation)
            assert reason in responses[str(status)]["description"], (route, reason)


async def test_a_path_that_is_not_text_is_answered_as_described(
    client: httpx.AsyncClient, document: Json
) -> None:
    found = operations_of(document)
    for route in ROUTES:
        if "{" not in route.path:
            continue
        answer = await client.request(route.method, re.sub(r"\{\w+\}", "%ff", route.path))
        responses = found[route.method, route.path]["responses"]
        assert answer.status_code == 404
        said = re.findall(r"\w+", responses["404"]["description"])
        assert answer.json()["reason"] in said, route


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("RunStatus", STATUSES),
        ("StatusBucket", STATUS_BUCKETS),
        ("WorkerStatus", WORKER_STATES),
        ("ScheduleStatus", (schedules.ACTIVE, schedules.PAUSED, schedules.DELETED)),
        ("OverlapPolicy", OVERLAP_POLICIES),
        ("TaskKind", get_args(TaskKind)),
        ("AttributeType", TYPES),
    ],
)
def test_the_words_of_answers_are_those_that_the_server_has(
    name: str, words: tuple[str, ...]
) -> None:
    assert answers.components()[name] == {"enum": [*words]}


def test_every_shape_that_an_answer_names_is_there(document: Json) -> None:
    named = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(document)))
    assert named <= document["components"]["schemas"].keys()


BLANKS = ["", "  ", "a", " a ", "a b", "ä" * 4, "x" * 300, "a\0b", "\0"]
NUMBERS = [0, 1, -1, 5, 9, 10, 2**63, 1.5, "5", " 5 ", "5.0", "+5", "1_0", "", True, False]
OTHERS = [[], {}, ["a"], {"a": 1}, [None], None]
DATES = ["* * * * *", "@daily", " @hourly", "* * * *", "daily", "PT5M", "P1D", "P", "PT", "5 min"]
ENVELOPES = [
    {"codec": "json", "blob": "[]"},
    {"codec": "no", "blob": "[]"},
    {"codec": "json", "blob": 1},
    {"codec": "json"},
    {"codec": "json", "blob": "[]", "more": 1},
]
VALUES: list[Any] = [
    *BLANKS,
    *NUMBERS,
    *OTHERS,
    *DATES,
    *ENVELOPES,
    "fail",
    "use-existing",
    "running",
    "UTC",
    "@daily",
    "@DaILY",
    "@never",
]
# Texts that are nearly those. A number in digits is described without its bounds.
VARIED: list[Any] = [
    other
    for text in VALUES
    if isinstance(text, str)
    for other in (f" {text}\u2003", text.upper(), text.title(), text[1:], text[:-1], text * 2)
]
KINDS: list[Kind] = [
    Text(),
    Text(longest=None, nulls=True),
    Text(longest=3, pattern=re.compile(r"[a-z]+")),
    Text(blank=True),
    Text(trim=False),
    Identifier(),
    Identifier(pattern=re.compile(r"[a-z]+")),
    Choice(words=("fail", "use-existing")),
    Whole(),
    Whole(least=1, most=9),
    Number(),
    Duration(),
    Flag(),
    Object(),
    Object(or_list=False),
    Listed(each=Whole(), most=2),
    Listed(each=Text(), required=True),
    texts(most=1),
    Arguments(),
    Envelope(),
    Envelope(bare=False),
    Result(),
    CronExpression(),
    IsoDuration(),
    SearchAttributes(),
    StatusBucket(),
]


@pytest.mark.parametrize("kind", KINDS, ids=repr)
def test_a_schema_takes_what_its_kind_reads_and_nothing_else(kind: Kind) -> None:
    take_the_same(kind)


def test_so_does_the_schema_of_each_field_of_each_body(
    operations: dict[str, Operation[Any]],
) -> None:
    bodies = [operations[route.operation].asks for route in ROUTES if route.method != "GET"]
    kinds = kinds_of(bodies)
    assert {Inside, Action, RetryPolicy} <= {type(kind) for kind in kinds} | {
        kind.into for kind in kinds if isinstance(kind, Inside)
    }
    for kind in kinds:
        # What a time zone may be is known to the machine alone.
        if not isinstance(kind, TimeZone):
            take_the_same(kind)


def kinds_of(tables: Iterable[type[Any]]) -> list[Kind]:
    """The kinds of all fields of these tables, and of those inside them."""
    left, seen, found = [*tables], set[type[Any]](), list[Kind]()
    while left:
        into = left.pop()
        if into in seen:
            continue
        seen.add(into)
        for row in table_of(into).rows:
            kind = row.kind
            within = kind.each if isinstance(kind, Listed) else kind
            if isinstance(within, Inside | Together):
                left.append(within.into)
            if row.table is None and not kind.beside and kind not in found:
                found.append(kind)
    return found


def take_the_same(kind: Kind) -> None:
    for needed in (True, False):
        schemas = Schemas(WireLimits(), 1000)
        schema = kind.schema(schemas, needed=needed)
        whole = {**schema, "components": {"schemas": schemas.components}}
        # Its stubs name types that they do not bring.
        validator: Any = Draft202012Validator(whole)
        for value, exact in [(each, True) for each in VALUES] + [(each, False) for each in VARIED]:
            if value is None:
                continue
            reading = Reading()
            read = kind.read(value, "field", reading)
            # No arguments are arguments.
            is_there = read is not None or isinstance(kind, Arguments) or not needed
            taken = reading.failures == 0 and is_there
            # The document says in words that the space around a text does not count.
            bare = value.strip() if isinstance(value, str) else value
            described = validator.is_valid(value) or validator.is_valid(bare)
            told = (kind, needed, value, read, reading.errors, schema)
            assert described >= taken, told
            assert described == taken or not exact, told


def test_a_choice_that_need_not_be_made_may_be_blank() -> None:
    """As `?status=` in a query."""
    words = ("active", "stale")
    schemas = Schemas(WireLimits(), 1000)
    assert Choice(words=words).schema(schemas, needed=False)["enum"] == [*words, ""]
    assert Choice(words=words).read("", "field", Reading()) is None


def test_what_a_time_zone_may_be_is_known_to_the_machine_alone() -> None:
    assert TimeZone().schema(Schemas(WireLimits(), 1000), needed=True)["type"] == "string"
