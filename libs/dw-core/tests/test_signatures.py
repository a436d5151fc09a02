"""The public names of this wheel as they were published."""

import dataclasses
import importlib
import inspect
import json
from pathlib import Path
from typing import Any

import pytest

MODULES = [
    "activity",
    "auth_composition",
    "errors",
    "external_storage",
    "external_task_input",
    "external_task_result",
    "metrics",
    "retry_policy",
    "serializer",
]
NO_DEFAULT = object()


@pytest.fixture(scope="module")
def published(spec_data: Path) -> Any:
    return json.loads((spec_data.parent / "python-api-signatures.json").read_text())


def entries(published: Any, module: str) -> list[tuple[str, Any, Any]]:
    """Name, published entry and our object, of each name that this wheel owns."""
    ours = importlib.import_module(f"durable_workflow.{module}")
    return [
        (name, entry, getattr(ours, name))
        for name, entry in published[f"durable_workflow.{module}"].items()
        if entry["wheel"] == "dw-core"
    ]


def parameters_of(target: Any) -> list[tuple[str, str, object]]:
    parameters = inspect.signature(target).parameters.values()
    return [
        (
            parameter.name,
            parameter.kind.name,
            NO_DEFAULT if parameter.default is inspect.Parameter.empty else parameter.default,
        )
        for parameter in parameters
    ]


def check_parameters(label: str, target: Any, published: list[dict[str, Any]]) -> None:
    """Same parameters, kinds and defaults; further keywords with a default do no harm."""
    ours = parameters_of(target)
    wanted = [(entry["name"], entry["kind"]) for entry in published]
    further = [parameter for parameter in ours if parameter[:2] not in wanted]
    assert all(kind == "KEYWORD_ONLY" for _, kind, _ in further), label
    assert all(default is not NO_DEFAULT for _, _, default in further), label
    kept = [parameter for parameter in ours if parameter not in further]
    assert [parameter[:2] for parameter in kept] == wanted, label
    for (name, _, default), entry in zip(kept, published, strict=True):
        place = f"{label}({name})"
        assert (default is NO_DEFAULT) == ("default" not in entry), place
        if "default" in entry and entry["default"] != "<factory>":
            assert repr(default) == entry["default"], place


@pytest.mark.parametrize("module", MODULES)
def test_every_published_name_is_there_and_public(published: Any, module: Any) -> None:
    ours = importlib.import_module(f"durable_workflow.{module}")
    for name, _, _ in entries(published, module):
        assert name in ours.__all__, name


@pytest.mark.parametrize("module", MODULES)
def test_constants_have_their_published_values(published: Any, module: Any) -> None:
    for name, entry, ours in entries(published, module):
        if entry["kind"] == "constant":
            assert ours == (tuple(entry["value"]) if entry["type"] == "tuple" else entry["value"])
            assert type(ours).__name__ == entry["type"], name


@pytest.mark.parametrize("module", MODULES)
def test_functions_have_their_published_signatures(published: Any, module: Any) -> None:
    for name, entry, ours in entries(published, module):
        if entry["kind"] in ("function", "async function"):
            check_parameters(name, ours, entry["parameters"])
            assert inspect.iscoroutinefunction(ours) == (entry["kind"] == "async function")


@pytest.mark.parametrize("module", MODULES)
def test_classes_have_their_published_members(published: Any, module: Any) -> None:
    for name, entry, ours in entries(published, module):
        if entry["kind"] not in ("class", "exception", "protocol"):
            continue
        if "parameters" in entry:
            check_parameters(name, ours, entry["parameters"])
        for method, details in entry.get("methods", {}).items():
            function = inspect.getattr_static(ours, method)
            function = getattr(function, "__func__", function)
            assert inspect.iscoroutinefunction(function) == ("async" in details["kind"])
            check_parameters(f"{name}.{method}", function, details["parameters"])
        for attribute in entry.get("properties", {}):
            assert isinstance(inspect.getattr_static(ours, attribute), property), attribute


@pytest.mark.parametrize("module", MODULES)
def test_dataclasses_have_their_published_fields(published: Any, module: Any) -> None:
    for name, entry, ours in entries(published, module):
        if "dataclass" in entry and entry["kind"] == "class":  # errors are plain ones here
            fields = [field.name for field in dataclasses.fields(ours)]
            assert fields == [field["name"] for field in entry["fields"]], name
            assert ours.__dataclass_params__.frozen == entry["dataclass"]["frozen"], name
            assert ours.__dataclass_params__.eq == entry["dataclass"]["eq"], name


@pytest.mark.parametrize("module", MODULES)
def test_exceptions_have_their_published_bases(published: Any, module: Any) -> None:
    for name, entry, ours in entries(published, module):
        if entry["kind"] == "exception":
            names = [base.__name__ for base in ours.__mro__]
            assert [base for base in entry["mro"] if base not in names] == [], name


@pytest.mark.parametrize("module", MODULES)
def test_objects_say_that_they_live_where_they_are_imported_from(
    published: Any, module: Any
) -> None:
    for name, entry, ours in entries(published, module):
        if entry.get("defined_in"):
            assert ours.__module__ == entry["defined_in"], name
