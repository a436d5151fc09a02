"""The public module is what the specification's signatures say."""

# pyright: reportPrivateUsage=false, reportUnknownLambdaType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

import dataclasses
import inspect
import typing
from importlib.util import find_spec
from typing import Any

import pytest

from durable_workflow import workflow

_NOT_HERE = {"Replayer"}  # of dw-replay


@pytest.fixture(scope="module")
def signatures(published: dict[str, Any]) -> Any:
    return published["durable_workflow.workflow"]


def parameters(function: Any, *, skip_self: Any = False) -> Any:
    found = list(inspect.signature(function).parameters.values())
    return [(p.name, p.kind.name, p.default is not p.empty) for p in found[skip_self:]]


def documented(entry: Any, *, skip_self: Any = False) -> Any:
    found = entry["parameters"]
    if skip_self and found and found[0]["name"] == "self":
        found = found[1:]
    return [(p["name"], p["kind"], "default" in p) for p in found]


def test_every_documented_name_is_there(signatures: Any) -> None:
    assert set(signatures) - _NOT_HERE <= set(workflow.__all__)
    for name in workflow.__all__:
        assert getattr(workflow, name) is not None


def test_functions_have_their_published_signatures(signatures: Any) -> None:
    functions = {n: e for n, e in signatures.items() if e["kind"] == "function"}
    assert len(functions) >= 10
    for name, entry in functions.items():
        assert parameters(getattr(workflow, name)) == documented(entry), name


def test_classes_have_their_published_signatures(signatures: Any) -> None:
    classes = {n: e for n, e in signatures.items() if e["kind"] == "class"}
    for name in classes.keys() - _NOT_HERE:
        cls, entry = getattr(workflow, name), classes[name]
        assert parameters(cls) == documented(entry), name
        assert cls.__module__ == "durable_workflow.workflow"
        for method, described in entry.get("methods", {}).items():
            ours = parameters(getattr(cls, method), skip_self=True)
            assert ours == documented(described, skip_self=True), f"{name}.{method}"


def test_dataclass_fields(signatures: Any) -> None:
    for name, entry in signatures.items():
        if name in _NOT_HERE or "fields" not in entry:
            continue
        cls = getattr(workflow, name)
        assert [f.name for f in dataclasses.fields(cls)] == [f["name"] for f in entry["fields"]]
        params = cls.__dataclass_params__
        assert (params.frozen, params.eq) == (
            entry["dataclass"]["frozen"],
            entry["dataclass"]["eq"],
        ), name


def test_command_is_the_union_of_the_commands(signatures: Any) -> None:
    members = {member.__name__ for member in typing.get_args(workflow.Command)}
    assert members == {
        part.rsplit(".", 1)[1] for part in signatures["Command"]["value"].split(" | ")
    }


def test_replayer_is_another_wheels() -> None:
    if find_spec("durable_workflow._replayer") is None:
        with pytest.raises(ImportError, match="dw-replay"):
            workflow.Replayer  # noqa: B018
    else:
        assert workflow.Replayer.__name__ == "Replayer"
    with pytest.raises(AttributeError):
        workflow.nothing  # noqa: B018
