"""Search attributes over HTTP: registered, checked, and what runs are found by (9, 4.3)."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from durable_workflow.server.engine.attributes import AttributeType
from durable_workflow.server.requests import ATTRIBUTE_TYPES

CONTROL = {"X-Durable-Workflow-Control-Plane-Version": "2"}
Json = dict[str, Any]


async def ask(wire: Any, method: str, path: str, body: Json | None = None) -> tuple[int, Json]:
    answer = await wire.http.request(method, f"/api{path}", json=body, headers=CONTROL)
    return answer.status_code, answer.json()


async def register(wire: Any, name: str, type_: str) -> None:
    status, _ = await ask(wire, "POST", "/search-attributes", {"name": name, "type": type_})
    assert status == 201


async def start(wire: Any, workflow_id: str, **attributes: Any) -> tuple[int, Json]:
    body = {"workflow_id": workflow_id, "workflow_type": "t", "task_queue": "q"}
    return await ask(wire, "POST", "/workflows", body | {"search_attributes": attributes})


async def found(wire: Any, query: str) -> list[str]:
    answer = await wire.http.get("/api/workflows", params={"query": query}, headers=CONTROL)
    assert answer.status_code == 200, answer.text
    return sorted(row["workflow_id"] for row in answer.json()["workflows"])


def test_requests_and_rules_know_the_same_types() -> None:
    assert get_args(AttributeType) == ATTRIBUTE_TYPES


async def test_attributes_are_registered_listed_and_taken_back(wire: Any) -> None:
    created = await ask(wire, "POST", "/search-attributes", {"name": "Tier", "type": "keyword"})
    assert created == (201, {"name": "Tier", "type": "keyword", "outcome": "created"})
    await register(wire, "Budget", "int")
    _, listed = await ask(wire, "GET", "/search-attributes")
    assert listed["custom_attributes"] == {"Budget": "int", "Tier": "keyword"}
    assert [*listed["custom_attributes"]] == ["Budget", "Tier"]
    assert listed["system_attributes"]["StartTime"] == "datetime"

    deleted = await ask(wire, "DELETE", "/search-attributes/Tier")
    assert deleted == (200, {"name": "Tier", "outcome": "deleted"})
    status, body = await ask(wire, "DELETE", "/search-attributes/Tier")
    assert (status, body["reason"]) == (404, "attribute_not_found")


async def test_a_definition_that_cannot_be_is_refused(wire: Any) -> None:
    await register(wire, "Tier", "keyword")
    for body, expected in (
        ({"name": "Status", "type": "keyword"}, (409, "name_reserved")),
        ({"name": "Tier", "type": "int"}, (409, "attribute_already_exists")),
        ({"name": "1a", "type": "int"}, (422, "validation_failed")),
        ({"name": "a" * 129, "type": "int"}, (422, "validation_failed")),
        ({"name": "A", "type": "number"}, (422, "validation_failed")),
        ({"name": "A"}, (422, "validation_failed")),
        ({}, (422, "validation_failed")),
    ):
        status, told = await ask(wire, "POST", "/search-attributes", body)
        assert (status, told["reason"]) == expected, body
        if told["reason"] == "attribute_already_exists":
            assert (told["name"], told["type"]) == ("Tier", "keyword")
    status, told = await ask(wire, "DELETE", "/search-attributes/RunId")
    assert (status, told["reason"]) == (409, "system_attribute")


async def test_a_namespace_has_so_many_definitions(wire: Any) -> None:
    for number in range(100):
        await register(wire, f"A{number}", "int")
    body = {"name": "OneMore", "type": "int"}
    status, told = await ask(wire, "POST", "/search-attributes", body)
    assert (status, told["reason"], told["limit"]) == (422, "search_attribute_limit_reached", 100)


FITTING: dict[str, list[Any]] = {
    "keyword": ["x", ""],
    "text": ["some words"],
    "int": [0, -5, 2**63 - 1],
    "double": [1, 1.5],
    "bool": [True, False],
    "datetime": ["2026-04-22T06:24:00Z", "2026-04-22", "2026-04-22T06:24:00.5+02:00"],
    "keyword_list": [[], ["x", "y"]],
}
WRONG: dict[str, list[Any]] = {
    "keyword": [1, True, ["x"], {"a": 1}],
    "text": [1.5],
    "int": ["1", 1.5, True, 2**63],
    "double": ["1", True],
    "bool": [1, "true"],
    "datetime": ["tomorrow", 5, "0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00"],
    "keyword_list": ["x", [1]],
}


@pytest.mark.parametrize("type_", ATTRIBUTE_TYPES)
async def test_values_of_a_start_fit_their_types(wire: Any, type_: str) -> None:
    await register(wire, "Value", type_)
    for number, value in enumerate([None, *FITTING[type_]]):
        status, told = await start(wire, f"fits-{number}", Value=value, Free=value)
        assert status == 201, (value, told)
    for value in WRONG[type_]:
        status, told = await start(wire, "wrong", Value=value)
        assert (status, [*told["errors"]]) == (422, ["search_attributes"]), value
        assert "Value must be a" in told["message"] or "Value must be true" in told["message"]
    assert await found(wire, "wrong") == []


async def test_values_of_a_start_are_bounded_together_as_those_of_upserts_are(wire: Any) -> None:
    most = 40_960 - len('{"List":[]}')
    fitting = ["x" * 1_020] * (most // 1_023)
    status, told = await start(wire, "fits", List=fitting)
    assert status == 201, told
    status, told = await start(wire, "wrong", List=[*fitting, "x" * 1_020])
    assert (status, [*told["errors"]]) == (422, ["search_attributes"])
    assert told["message"] == "The search_attributes field must not be larger than 40960 bytes."


async def test_values_of_an_upsert_fit_their_types(wire: Any) -> None:
    await register(wire, "Budget", "int")
    await wire.start()
    task = await wire.task()
    upsert = {"type": "upsert_search_attributes", "attributes": {"Budget": "much", "Free": "x"}}
    body = {
        "workflow_task_attempt": 1,
        "commands": [{"type": "start_timer", "delay_seconds": 9}, upsert],
    }
    refused = await wire.work(f"workflow-tasks/{task['task_id']}/complete", body)
    assert refused.status_code == 422
    assert [*refused.json()["errors"]] == ["commands.1.attributes.Budget"]
    assert await found(wire, "Free = 'x'") == []

    await wire.complete(
        task, {"type": "upsert_search_attributes", "attributes": {"Budget": 5, "Free": "x"}}
    )
    assert await found(wire, "Budget = 5 AND Free = 'x'") == ["wf"]


async def test_runs_are_found_by_what_was_upserted_last(wire: Any) -> None:
    await wire.start()
    task = await wire.task()

    def upsert(**attributes: Any) -> Json:
        return {"type": "upsert_search_attributes", "attributes": attributes}

    await wire.complete(task, upsert(State="a", Tags=["x"]))
    assert await found(wire, "State = 'a' AND Tags = 'x'") == ["wf"]
    await wire.complete(await wire.task(), upsert(State="b", Tags=None))
    assert await found(wire, "State = 'a'") == []
    assert await found(wire, "State = 'b' AND Tags IS NULL") == ["wf"]


async def test_dates_are_compared_as_moments(wire: Any) -> None:
    await register(wire, "Due", "datetime")
    await start(wire, "early", Due="2026-04-22T06:24:00+02:00")
    await start(wire, "late", Due="2026-04-22T06:24:00Z")
    assert await found(wire, "Due < '2026-04-22T05:00:00Z'") == ["early"]
    assert await found(wire, "Due = '2026-04-22T04:24:00.000Z'") == ["early"]


async def test_dates_are_moments_whenever_their_definition_comes_and_goes(wire: Any) -> None:
    await start(wire, "early", Due="2026-04-22T06:24:00+02:00")
    await start(wire, "late", Due="2026-04-22T06:24:00Z")
    await start(wire, "never", Due="tomorrow")
    written, meant = "Due = '2026-04-22T06:24:00+02:00'", "Due = '2026-04-22T04:24:00Z'"
    assert (await found(wire, written), await found(wire, meant)) == (["early"], [])

    await register(wire, "Due", "datetime")
    assert (await found(wire, written), await found(wire, meant)) == (["early"], ["early"])
    assert await found(wire, "Due < '2026-04-22T05:00:00Z'") == ["early"]
    assert await found(wire, "Due BETWEEN '2026-04-22T04:24:00Z' AND '2026-04-22T06:24:00Z'") == [
        "early",
        "late",
    ]
    await start(wire, "after", Due="2026-04-22T06:24:00+02:00")
    assert await found(wire, meant) == ["after", "early"]

    await ask(wire, "DELETE", "/search-attributes/Due")
    assert await found(wire, written) == ["after", "early"]
    assert await found(wire, meant) == []


@pytest.mark.parametrize(
    ("type_", "values", "query"),
    [
        ("int", [1, 2, 3], "Value > 0"),
        ("int", [1, 2, 3], "Value IN (1, 2, 3, 4, 5, 6, 7, 8, 9)"),
        ("double", [1, 2.5], "Value BETWEEN 1 AND 3"),
        ("keyword", ["a", "b"], "Value >= 'a'"),
        ("datetime", ["2026-04-21", "2026-04-22"], "Value > '2026-04-20'"),
    ],
)
async def test_runs_with_lists_of_before_their_definition_are_on_a_page_each(
    wire: Any, type_: str, values: list[Any], query: str
) -> None:
    for number in range(3):
        await start(wire, f"wf-{number}", Value=values)
    await register(wire, "Value", type_)
    asked: dict[str, Any] = {"query": query, "page_size": 1}
    for left in (2, 1, 0):
        answer = await wire.http.get("/api/workflows", params=asked, headers=CONTROL)
        page = answer.json()
        assert [row["workflow_id"] for row in page["workflows"]] == [f"wf-{left}"]
        asked["next_page_token"] = page["next_page_token"]
    assert page["next_page_token"] is None


async def test_values_stay_when_their_definition_goes(wire: Any) -> None:
    await register(wire, "Tier", "keyword")
    await start(wire, "a", Tier="gold")
    await ask(wire, "DELETE", "/search-attributes/Tier")
    assert await found(wire, "Tier = 'gold'") == ["a"]


async def test_a_filter_that_cannot_be_read_is_refused_with_its_position(wire: Any) -> None:
    answer = await wire.http.get("/api/workflows", params={"query": "Tier = gold"}, headers=CONTROL)
    body = answer.json()
    assert (answer.status_code, body["reason"], body["position"]) == (422, "validation_failed", 8)
    assert "expected a value" in body["errors"]["query"][0]
    assert body["control_plane"]["operation"] == "list"


async def test_a_text_to_look_for_is_bounded(wire: Any) -> None:
    assert (await start(wire, "wf"))[0] == 201
    assert await found(wire, "_" * 8_192) == []
    # In small letters it is three characters of two bytes.
    assert await found(wire, "\u0390" * 5_000) == []
    too_long = {"query": "_" * 30_000}
    answer = await wire.http.get("/api/workflows", params=too_long, headers=CONTROL)
    assert (answer.status_code, answer.json()["position"]) == (422, 8_193)
    assert [*answer.json()["errors"]] == ["query"]
