"""The public names of this wheel as they were published."""

import dataclasses
import importlib
import inspect
import json
from pathlib import Path
from typing import Any

import pytest

MODULES = ["python_conformance", "testing"]
NO_DEFAULT = object()


@pytest.fixture(scope="module")
def published(spec_data: Path) -> Any:
    return json.loads((spec_data.parent / "python-api-signatures.json").read_text())


def entries(published: Any, module: str) -> list[tuple[str, Any, Any]]:
    """Name, published entry and our object, of each name."""
    ours = importlib.import_module(f"durable_workflow.{module}")
    return [
        (name, entry, getattr(ours, name))
        for name, entry in published[f"durable_workflow.{module}"].items()
    ]


def check_parameters(label: str, target: Any, published: list[dict[str, Any]]) -> None:
    """Same parameters, kinds and defaults; further keywords with a default do no harm."""
    wanted = {entry["name"]: entry for entry in published}
    ours = inspect.signature(target).parameters
    further = [parameter for name, parameter in ours.items() if name not in wanted]
    assert all(parameter.kind.name == "KEYWORD_ONLY" for parameter in further), label
    assert all(parameter.default is not inspect.Parameter.empty for parameter in further), label
    assert [name for name in ours if name in wanted] == list(wanted), label
    for name, entry in wanted.items():
        parameter = ours[name]
        assert parameter.kind.name == entry["kind"], f"{label}({name})"
        if entry.get("default") != "<factory>":
            default = (
                NO_DEFAULT
                if parameter.default is inspect.Parameter.empty
                else repr(parameter.default)
            )
            assert default == entry.get("default", NO_DEFAULT), f"{label}({name})"


@pytest.mark.parametrize("module", MODULES)
def test_every_published_name_is_there_and_public(published: Any, module: str) -> None:
    ours = importlib.import_module(f"durable_workflow.{module}")
    names = [name for name, *_ in entries(published, module)]
    assert names
    assert [name for name in names if name not in ours.__all__] == []


@pytest.mark.parametrize("module", MODULES)
def test_constants_have_their_published_values(published: Any, module: str) -> None:
    for name, entry, ours in entries(published, module):
        if entry["kind"] == "constant":
            shown = json.loads(json.dumps(ours, default=sorted))
            assert (shown, type(ours).__name__) == (entry["value"], entry["type"]), name


@pytest.mark.parametrize("module", MODULES)
def test_functions_have_their_published_signatures(published: Any, module: str) -> None:
    for name, entry, ours in entries(published, module):
        if entry["kind"] == "function":
            check_parameters(name, ours, entry["parameters"])


@pytest.mark.parametrize("module", MODULES)
def test_classes_have_their_published_members(published: Any, module: str) -> None:
    for name, entry, ours in entries(published, module):
        if entry["kind"] != "class":
            continue
        check_parameters(name, ours, entry["parameters"])
        for method, details in entry.get("methods", {}).items():
            check_parameters(f"{name}.{method}", getattr(ours, method), details["parameters"])
        for attribute in entry.get("properties", {}):
            assert isinstance(inspect.getattr_static(ours, attribute), property), attribute
        if "dataclass" in entry:
            fields = [field.name for field in dataclasses.fields(ours)]
            assert fields == [field["name"] for field in entry["fields"]], name
            assert ours.__dataclass_params__.frozen == entry["dataclass"]["frozen"], name


@pytest.mark.parametrize("module", MODULES)
def test_objects_say_that_they_live_where_they_are_imported_from(
    published: Any, module: str
) -> None:
    for name, entry, ours in entries(published, module):
        if entry.get("defined_in"):
            assert ours.__module__ == entry["defined_in"], name
