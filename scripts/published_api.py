"""How tests of a wheel compare its public names with the published ones.

Each check takes the name of a module and its published entries, as `python-api-signatures.json` has
them. The objects may have further keywords that have a default, and nothing else that differs.
"""

import dataclasses
import importlib
import inspect
import json
from collections.abc import Callable, Iterator
from typing import Any

Entries = dict[str, Any]

# A default that is made anew for each object; which function makes it is not published.
_FACTORY = "<factory>"
_NO_DEFAULT = object()


def check_names(module: str, published: Entries) -> None:
    """Every published name is there, and public."""
    ours = importlib.import_module(f"durable_workflow.{module}")
    assert published, module
    assert [name for name in published if name not in ours.__all__] == []


def check_constants(module: str, published: Entries) -> None:
    """Constants have their published values and types."""
    for name, entry, ours in _of_kind(module, published, "constant"):
        # Tuples and sets are published as lists, a set in order.
        assert json.loads(json.dumps(ours, default=sorted)) == entry["value"], name
        assert type(ours).__name__ == entry["type"], name


def check_functions(module: str, published: Entries) -> None:
    """Functions have their published signatures."""
    for name, entry, ours in _of_kind(module, published, "function", "async function"):
        check_parameters(name, ours, entry["parameters"])
        assert inspect.iscoroutinefunction(ours) == (entry["kind"] == "async function"), name


def check_classes(module: str, published: Entries) -> None:
    """Classes have their published parameters, methods and properties."""
    for name, entry, ours in _of_kind(module, published, "class", "exception", "protocol"):
        if "parameters" in entry:
            check_parameters(name, ours, entry["parameters"])
        for method, details in entry.get("methods", {}).items():
            function = inspect.getattr_static(ours, method)
            function = getattr(function, "__func__", function)
            assert inspect.iscoroutinefunction(function) == ("async" in details["kind"]), method
            check_parameters(f"{name}.{method}", function, details["parameters"])
        for attribute in entry.get("properties", {}):
            assert isinstance(inspect.getattr_static(ours, attribute), property), attribute


def check_dataclasses(module: str, published: Entries) -> None:
    """Dataclasses have their published fields and ways. Errors are plain classes here."""
    for name, entry, ours in _of_kind(module, published, "class"):
        if "dataclass" in entry:
            fields = [field.name for field in dataclasses.fields(ours)]
            assert fields == [field["name"] for field in entry["fields"]], name
            ways = ours.__dataclass_params__
            assert (ways.frozen, ways.eq) == (
                entry["dataclass"]["frozen"],
                entry["dataclass"]["eq"],
            ), name


def check_bases(module: str, published: Entries) -> None:
    """Exceptions have their published bases."""
    for name, entry, ours in _of_kind(module, published, "exception"):
        bases = [base.__name__ for base in ours.__mro__]
        assert [base for base in entry["mro"] if base not in bases] == [], name


def check_homes(module: str, published: Entries) -> None:
    """Objects say that they live where they are imported from."""
    for name, entry, ours in _of_kind(module, published):
        if entry.get("defined_in"):
            assert ours.__module__ == entry["defined_in"], name


CHECKS: list[Callable[[str, Entries], None]] = [
    check_names,
    check_constants,
    check_functions,
    check_classes,
    check_dataclasses,
    check_bases,
    check_homes,
]


def check_parameters(label: str, target: Any, published: list[dict[str, Any]]) -> None:
    """Same parameters, kinds and defaults; further keywords with a default do no harm.

    A default is published as its `repr`, or as the name of a constant of the module.
    """
    wanted = [
        (entry["name"], entry["kind"], entry.get("default", _NO_DEFAULT)) for entry in published
    ]
    ours = [
        (
            parameter.name,
            parameter.kind.name,
            _NO_DEFAULT if parameter.default is parameter.empty else repr(parameter.default),
        )
        for parameter in inspect.signature(target).parameters.values()
    ]
    names = [name for name, *_ in wanted]
    further = [each for each in ours if each[0] not in names]
    assert all(kind == "KEYWORD_ONLY" for _, kind, _ in further), label
    assert all(default is not _NO_DEFAULT for *_, default in further), label
    kept = [each for each in ours if each[0] in names]
    assert [each[:2] for each in kept] == [each[:2] for each in wanted], label
    for (name, _, default), (*_, published_default) in zip(kept, wanted, strict=True):
        if published_default == _FACTORY:
            assert default is not _NO_DEFAULT, f"{label}({name})"
        else:
            constant = getattr(inspect.getmodule(target), str(published_default), None)
            wanted_default = published_default if constant is None else repr(constant)
            assert default == wanted_default, f"{label}({name})"


def _of_kind(module: str, published: Entries, *kinds: str) -> Iterator[tuple[str, Any, Any]]:
    """Yield name, published entry and our object of each name of these kinds, or of all."""
    ours = importlib.import_module(f"durable_workflow.{module}")
    for name, entry in published.items():
        if not kinds or entry["kind"] in kinds:
            yield name, entry, getattr(ours, name)
