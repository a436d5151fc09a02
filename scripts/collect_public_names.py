"""Print every public name of the installed wheels, one a line, sorted."""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from types import ModuleType

import durable_workflow

PACKAGE = durable_workflow.__name__


def public_modules() -> Iterator[ModuleType]:
    """Import the package and each public entry of it. What lies deeper is not for users."""
    yield durable_workflow
    for found in pkgutil.iter_modules(durable_workflow.__path__, f"{PACKAGE}."):
        if not found.name.rpartition(".")[2].startswith("_"):
            yield importlib.import_module(found.name)


def members(owner: type) -> Iterator[str]:
    """Name the public attributes that a class has from our code, not from Python's."""
    ours = [base for base in owner.__mro__ if base.__module__.split(".")[0] == PACKAGE]
    for name in dir(owner):
        if not name.startswith("_") and any(name in vars(base) for base in ours):
            yield name


def public_names() -> Iterator[str]:
    """Name everything that a module's `__all__` promises, and the members of its classes."""
    for module in public_modules():
        for name in getattr(module, "__all__", ()):
            value = getattr(module, name)
            yield f"{module.__name__}.{name}"
            if module is not durable_workflow and inspect.isclass(value):
                yield from (f"{module.__name__}.{name}.{member}" for member in members(value))


def main() -> None:
    print("# Written by scripts/public_names: do not edit.")
    for name in sorted(set(public_names())):
        print(name)


if __name__ == "__main__":
    main()
