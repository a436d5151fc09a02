"""The public names of this wheel as they were published."""

import dataclasses
import importlib
import inspect
import json
from pathlib import Path
from typing import Any

import pytest

MODULES = ["history_bundle_verify", "replay_conformance", "replay_verify"]


@pytest.fixture(scope="module")
def published(spec_data: Path) -> Any:
    return json.loads((spec_data.parent / "python-api-signatures.json").read_text())


def entries(published: Any, module: str) -> list[tuple[str, Any, Any]]:
    """Name, published entry and our object, of each name of a module."""
    ours = importlib.import_module(f"durable_workflow.{module}")
    names = published[f"durable_workflow.{module}"].items()
    return [(name, entry, getattr(ours, name)) for name, entry in names]


def parameters_of(target: Any) -> list[tuple[str, str, bool]]:
    parameters = inspect.signature(target).parameters.values()
    return [(each.name, each.kind.name, each.default is not each.empty) for each in parameters]


def check_parameters(label: str, target: Any, published: list[dict[str, Any]]) -> None:
    """Same parameters and kinds; further keywords with a default do no harm."""
    wanted = [(entry["name"], entry["kind"], "default" in entry) for entry in published]
    ours = parameters_of(target)
    further = [each for each in ours if each not in wanted]
    assert all(kind == "KEYWORD_ONLY" and default for _, kind, default in further), label
    assert [each for each in ours if each not in further] == wanted, label


@pytest.mark.parametrize("module", MODULES)
def test_every_published_name_is_there_and_public(published: Any, module: str) -> None:
    ours = importlib.import_module(f"durable_workflow.{module}")
    for name, entry, value in entries(published, module):
        assert name in ours.__all__, name
        if entry.get("defined_in"):
            assert value.__module__ == entry["defined_in"], name


@pytest.mark.parametrize("module", MODULES)
def test_constants_have_their_published_values(published: Any, module: str) -> None:
    for name, entry, ours in entries(published, module):
        if entry["kind"] == "constant":
            value = frozenset(entry["value"]) if entry["type"] == "frozenset" else entry["value"]
            assert ours == value, name
            assert type(ours).__name__ == entry["type"], name


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
