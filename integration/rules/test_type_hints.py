"""Type hints can be read while the program runs, as frameworks for injection and validation do."""

import inspect
import typing
from collections.abc import Iterator
from types import ModuleType

import pytest

import durable_workflow


def _own(cls: type) -> Iterator[tuple[str, object]]:
    """The class, and what it defines and inherits from us that can have hints."""
    yield cls.__qualname__, cls
    for name in dir(cls):
        member = inspect.getattr_static(cls, name)
        function = member.fget if isinstance(member, property) else member
        function = getattr(function, "__func__", function)
        if inspect.isfunction(function):
            yield f"{cls.__qualname__}.{name}", function


def _public() -> dict[str, object]:
    """Every public class, function and method, by its path."""
    found: dict[str, object] = {}
    for name in durable_workflow.__all__:
        public: object = getattr(durable_workflow, name)
        members = [public]
        if isinstance(public, ModuleType):
            members = [getattr(public, member) for member in getattr(public, "__all__", ())]
        for member in members:
            if isinstance(member, type):
                found |= _own(member)
            elif inspect.isfunction(member):
                found[member.__qualname__] = member
    return found


PUBLIC = _public()


def test_there_is_something_to_read() -> None:
    assert {"Client.start_workflow", "WorkflowHandle.__init__", "Worker.run_until"} <= set(PUBLIC)


@pytest.mark.parametrize("path", sorted(PUBLIC))
def test_hints_are_found(path: str) -> None:
    typing.get_type_hints(PUBLIC[path])
