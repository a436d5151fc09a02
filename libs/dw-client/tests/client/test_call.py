from dataclasses import fields, replace
from typing import Any

import pytest

from durable_workflow.client._call import Call, Repeat, Response, document, json_object, nothing
from durable_workflow.errors import InvalidArgument, ServerError


def test_a_held_call_differs_in_its_headers_and_its_time_out_alone() -> None:
    call = Call(
        "POST", "/a/{id}", json_object, {"id": "1"}, {"q": 1}, {"b": 2}, True, 3.0, "about",
        {"H": "1", "Other": "2"}, frozenset({409}), Repeat.IF_KEYED, "/raw",
    )  # fmt: skip
    defaults = Call("GET", "/x", document)
    assert all(getattr(call, each.name) != getattr(defaults, each.name) for each in fields(call))
    held = call.held({"H": "3"}, 4.0)
    assert held == replace(call, headers={"H": "3", "Other": "2"}, timeout=4.0)
    assert (call.headers, call.timeout) == ({"H": "1", "Other": "2"}, 3.0)


def url(route: str, **path: str) -> str:
    return Call("GET", route, document, path=path).url


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        ("order-42", "order-42"),
        ("a.b_c~d", "a.b_c~d"),
        ("tenant:order:1", "tenant:order:1"),
        ("a/b", "a%2Fb"),
        ("what?", "what%3F"),
        ("a#b", "a%23b"),
        ("50%", "50%25"),
        ("a b", "a%20b"),
        ("größe", "gr%C3%B6%C3%9Fe"),
        (".", "%2E"),
        ("..", "%2E%2E"),
        ("...", "..."),
        ("{run_id}", "%7Brun_id%7D"),
    ],
)
def test_an_id_is_one_segment_whatever_is_in_it(value: str, encoded: str) -> None:
    assert url("/workflows/{workflow_id}/runs", workflow_id=value) == f"/workflows/{encoded}/runs"


@pytest.mark.parametrize("placeholder", ["name", "task_queue", "worker_id"])
def test_names_keep_no_reserved_character(placeholder: str) -> None:
    assert url(f"/x/{{{placeholder}}}", **{placeholder: "a:b/c"}) == "/x/a%3Ab%2Fc"


@pytest.mark.parametrize("blank", ["", "  ", "\n"])
def test_a_blank_id_is_refused(blank: str) -> None:
    with pytest.raises(InvalidArgument, match="schedule_id must not be blank"):
        url("/schedules/{schedule_id}", schedule_id=blank)
    with pytest.raises(ValueError, match="task_queue must not be blank"):
        _ = Call("POST", "/workflows", document, body={"task_queue": blank}).document
    with pytest.raises(InvalidArgument, match="task_queue must not be blank"):
        _ = Call("GET", "/workers", document, query={"task_queue": blank}).url


def test_an_id_is_sent_without_the_space_around_it_wherever_it_stands() -> None:
    assert url("/workflows/{workflow_id}/runs", workflow_id=" a b ") == "/workflows/a%20b/runs"
    call = Call("POST", "/x", document, body={"workflow_id": " a ", "note": " n ", "run_id": None})
    assert call.document == {"workflow_id": "a", "note": " n ", "run_id": None}
    assert Call("GET", "/workers", document, query={"task_queue": " q "}).url.endswith("=q")


def test_a_signal_is_called_by_the_name_that_its_author_gave() -> None:
    route = "/workflows/{workflow_id}/signal/{name}"
    assert url(route, workflow_id="a", name=" go ") == "/workflows/a/signal/%20go%20"
    assert url("/namespaces/{name}", name=" billing ") == "/namespaces/billing"


def test_an_id_that_is_no_string_is_refused() -> None:
    with pytest.raises(TypeError, match="workflow_id must be a string, not of type int"):
        _ = Call("POST", "/workflows", document, body={"workflow_id": 7}).document


def test_parameters_without_a_value_are_left_out() -> None:
    query: dict[str, Any] = {"status": None, "query": 'Tier = "gold" AND a&b', "page_size": 5}
    call = Call("GET", "/workflows", document, query=query)
    assert call.url == "/workflows?query=Tier+%3D+%22gold%22+AND+a%26b&page_size=5"
    assert Call("GET", "/workflows", document, query={"status": None}).url == "/workflows"


def test_a_document_is_read_as_it_is() -> None:
    assert document(Response(200, [1])) == [1]
    read: Any = nothing
    assert read(Response(202, {"outcome": "x"})) is None


@pytest.mark.parametrize("body", [None, [], "text", 7])
def test_what_has_to_be_an_object_is_refused_if_it_is_none(body: object) -> None:
    with pytest.raises(ServerError) as caught:
        json_object(Response(200, body), "invalid_cluster_info")
    assert caught.value.status == 200
    assert caught.value.reason() == "invalid_cluster_info"
