"""The public surface against the published one. What differs stands in one table."""

import dataclasses
import inspect
import json
from pathlib import Path
from typing import Any

import pytest

import durable_workflow.client as module

# Parameter by parameter, in the words of the published surface.
Parameter = tuple[str, str, str, str]

ADDED: dict[str, set[str]] = {
    # Answers are decoded; the whole document can be had.
    "Client.query_workflow": {"raw"},
    "Client.update_workflow": {"raw"},
    "WorkflowHandle.query": {"raw"},
    "WorkflowHandle.update": {"raw"},
    # A repetition is known as one.
    "Client.signal_workflow": {"request_id"},
    "WorkflowHandle.signal": {"request_id"},
    # A run that continued as new is followed, or not.
    "Client.get_result": {"follow_runs"},
    "WorkflowHandle.result": {"follow_runs"},
    # Documented, and not in the published client.
    "Client.start_workflow": {"business_key"},
    # Something else than httpx may send.
    "Client": {"transport"},
    # Of the extension sticky_history.
    "Client.complete_workflow_task": {"keep_history"},
    # Of the extension held_tasks.
    "Client.register_worker": {"session"},
    "Client.heartbeat_worker": {"session", "held_tasks", "wait_seconds"},
    "Client.poll_workflow_task": {"session"},
    "Client.poll_activity_task": {"session"},
    "Client.poll_query_task": {"session"},
    # Documented members of the storage probe.
    "StoragePayloadTestResult": {"wrote", "read", "verified", "latency_ms"},
}
CHANGED: dict[tuple[str, str], Parameter] = {
    # None is no limit, and is not sent.
    ("Client.start_workflow", "execution_timeout_seconds"): (
        "execution_timeout_seconds",
        "KEYWORD_ONLY",
        "int | None",
        "None",
    ),
    ("Client.start_workflow", "run_timeout_seconds"): (
        "run_timeout_seconds",
        "KEYWORD_ONLY",
        "int | None",
        "None",
    ),
    # Documented as optional: the server chooses one.
    ("Client.start_workflow", "workflow_id"): ("workflow_id", "KEYWORD_ONLY", "str | None", "None"),
    ("Client", "timeout"): ("timeout", "KEYWORD_ONLY", "float | None", "60.0"),
    # An encoder may put the input into external storage, whose envelope is no dict of strings.
    ("ScheduleAction.to_dict", "input_encoder"): (
        "input_encoder",
        "KEYWORD_ONLY",
        "Callable[[list[Any]], dict[str, Any]] | None",
        "None",
    ),
}
RETURNS = {"Client.__aenter__": "Self"}
VALUES_OF_OUR_OWN = {"DEFAULT_SDK_VERSION"}


def surface(spec: Path) -> dict[str, Any]:
    published = json.loads((spec / "python-api-signatures.json").read_text())
    return dict(published["durable_workflow.client"])


def annotation(given: Any) -> str:
    if given is inspect.Parameter.empty:
        return ""
    name = given if isinstance(given, str) else None
    if name is None:
        name = given.__name__ if inspect.isclass(given) and not _is_generic(given) else str(given)
    for prefix in ("typing.", "collections.abc.", "durable_workflow."):
        name = name.replace(prefix, "")
    # Whatever module a class of ours stands in, the published surface has its bare name.
    words = name.replace("[", " [ ").replace("]", " ] ").replace(",", " , ").split(" ")
    bare = "".join(
        f" {word.rpartition('.')[2]}" if word.isidentifier() or "." in word else word
        for word in words
    )
    return bare.replace(" ", "").replace("|", " | ").replace(",", ", ")


def _is_generic(given: Any) -> bool:
    return bool(getattr(given, "__args__", None))


def parameters(given: Any) -> list[Parameter]:
    return [
        (
            parameter.name,
            parameter.kind.name,
            annotation(parameter.annotation),
            "" if parameter.default is inspect.Parameter.empty else repr(parameter.default),
        )
        for parameter in inspect.signature(given).parameters.values()
    ]


def published_parameters(entry: dict[str, Any]) -> list[Parameter]:
    return [
        (
            parameter["name"],
            parameter["kind"],
            annotation(parameter.get("annotation", "")),
            parameter.get("default", ""),
        )
        for parameter in entry["parameters"]
    ]


def assert_same(name: str, ours: list[Parameter], theirs: list[Parameter]) -> None:
    added = ADDED.get(name, set())
    expected = [CHANGED.get((name, parameter[0]), parameter) for parameter in theirs]
    kept = [parameter for parameter in ours if parameter[0] not in added]
    assert {parameter[0] for parameter in ours} >= added
    keyword_only = [p for p in expected if p[1] == "KEYWORD_ONLY"]
    positional = [p for p in expected if p[1] != "KEYWORD_ONLY"]
    assert [p for p in kept if p[1] != "KEYWORD_ONLY"] == positional
    # The order of what is given by name means nothing.
    assert sorted(p for p in kept if p[1] == "KEYWORD_ONLY") == sorted(keyword_only)


def test_nothing_public_is_missing(spec: Path) -> None:
    assert surface(spec).keys() <= set(module.__all__)
    assert all(hasattr(module, name) for name in module.__all__)


def test_constants_have_their_published_values(spec: Path) -> None:
    for name, entry in surface(spec).items():
        if entry["kind"] == "constant" and name not in VALUES_OF_OUR_OWN:
            assert getattr(module, name) == entry["value"], name
    assert module.DEFAULT_SDK_VERSION.startswith("durable-workflow-python/")


def test_constructors(spec: Path) -> None:
    for name, entry in surface(spec).items():
        if entry["kind"] == "class":
            assert_same(name, parameters(getattr(module, name)), published_parameters(entry))


def test_results_are_plain_dataclasses(spec: Path) -> None:
    for name, entry in surface(spec).items():
        if entry["kind"] != "class":
            continue
        kind = getattr(module, name)
        assert dataclasses.is_dataclass(kind) == ("dataclass" in entry), name
        if not dataclasses.is_dataclass(kind):
            continue
        names = [field.name for field in dataclasses.fields(kind)]
        fields = [field["name"] for field in entry["fields"]]
        assert names[: len(fields)] == fields, name
        assert set(names[len(fields) :]) == ADDED.get(name, set())
        params: Any = vars(kind)["__dataclass_params__"]
        assert not params.frozen, name
        assert params.eq, name
        assert not hasattr(kind, "__slots__"), name


@pytest.mark.parametrize(
    "kind", ["Client", "WorkflowHandle", "StandaloneActivityHandle", "ScheduleHandle"]
)
def test_methods_have_their_published_signatures(kind: str, spec: Path) -> None:
    for name, entry in surface(spec)[kind]["methods"].items():
        _assert_method(kind, name, entry)


def test_methods_of_results(spec: Path) -> None:
    for kind, published in surface(spec).items():
        if "dataclass" in published:
            for name, entry in published.get("methods", {}).items():
                _assert_method(kind, name, entry)


def _assert_method(kind: str, name: str, entry: dict[str, Any]) -> None:
    method = getattr(getattr(module, kind), name)
    theirs = published_parameters(entry)
    if entry["kind"] == "classmethod":
        theirs = theirs[1:] if theirs and theirs[0][0] == "cls" else theirs
    assert_same(f"{kind}.{name}", parameters(method), theirs)
    is_async = inspect.iscoroutinefunction(method)
    assert is_async == (entry["kind"] == "async method"), f"{kind}.{name}"
    returned = entry["signature"].rpartition(" -> ")[2]
    expected = RETURNS.get(f"{kind}.{name}", returned)
    assert annotation(inspect.signature(method).return_annotation) == annotation(expected)
