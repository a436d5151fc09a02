"""Annotations as types: text is resolved where it was written."""

import inspect
import logging
import sys
import typing
from collections.abc import Callable, Mapping
from types import CodeType, SimpleNamespace
from typing import Any

log = logging.getLogger("durable_workflow.serializer")


def hints_of_class(annotation: Any) -> dict[str, Any]:
    """The types of a class's fields. One that cannot be resolved is left out, and logged.

    Args:
        annotation: The class, or a generic one with its arguments, as `Page[Item]`.
    """
    hints = _written_hints(typing.get_origin(annotation) or annotation)
    meanings = _meanings(annotation)
    return {name: _filled(hint, meanings) for name, hint in hints.items()} if meanings else hints


def _written_hints(kind: type) -> dict[str, Any]:
    try:
        return typing.get_type_hints(kind, include_extras=True)
    except Exception:  # noqa: BLE001 - an annotation may be any expression
        hints: dict[str, Any] = {}
        for owner in reversed(kind.__mro__):
            space = vars(sys.modules[owner.__module__])
            written = vars(owner).get("__annotations__", {})
            hints |= _each(kind.__qualname__, written, space, dict(vars(owner)))
        return hints


def _meanings(annotation: Any) -> dict[Any, Any]:
    """What the type variables stand for of a generic class, and of those that it inherits from.

    One that stands for two types, in a class and in one below it, is left out.
    """
    kind: Any = typing.get_origin(annotation) or annotation
    if not isinstance(kind, type):
        return {}
    variables: tuple[Any, ...] = getattr(kind, "__parameters__", ())
    found: dict[Any, Any] = dict(zip(variables, typing.get_args(annotation), strict=False))
    unclear: set[Any] = set()
    for base in vars(kind).get("__orig_bases__", kind.__bases__):
        if typing.get_origin(base) in (typing.Generic, typing.Protocol):
            continue  # says which variables there are
        inherited = _meanings(_filled(base, found))
        unclear |= {
            each for each in inherited if found.get(each, inherited[each]) != inherited[each]
        }
        found |= inherited
    return {each: meaning for each, meaning in found.items() if each not in unclear}


def _filled(hint: Any, meanings: Mapping[Any, Any]) -> Any:
    """A type with what its type variables stand for in their places."""
    if isinstance(hint, typing.TypeVar):
        return meanings.get(hint, hint)
    variables: tuple[Any, ...] = getattr(hint, "__parameters__", ())
    if typing.get_origin(hint) is None or not variables:
        return hint
    if not all(isinstance(each, typing.TypeVar) for each in variables):
        return hint  # as of functions
    return hint[tuple(meanings.get(each, each) for each in variables)]


def hints_of_function(function: Callable[..., Any]) -> dict[str, Any]:
    """The types of a function's parameters, likewise."""
    function = inspect.unwrap(function)
    space = getattr(function, "__globals__", {})
    inner = _closure(function)
    try:
        return typing.get_type_hints(function, space, inner, include_extras=True)
    except Exception:  # noqa: BLE001 - an annotation may be any expression
        # An `AsyncMock` has None.
        written: Mapping[str, Any] = getattr(function, "__annotations__", None) or {}
        name = getattr(function, "__qualname__", repr(function))
        return _each(name, written, space, inner)


def _each(
    owner: str, written: Mapping[str, Any], space: dict[str, Any], inner: dict[str, Any]
) -> dict[str, Any]:
    """The annotations that can be resolved, one by one."""
    hints: dict[str, Any] = {}
    for name, annotation in written.items():
        one: Any = SimpleNamespace(__annotations__={name: annotation})
        try:
            hints |= typing.get_type_hints(one, space, inner, include_extras=True)
        except Exception as error:  # noqa: BLE001 - likewise
            if name == "return":
                continue
            log.warning(
                "the annotation of %r of %s cannot be resolved, so its values are not converted: "
                "%s",
                name,
                owner,
                error,
            )
    return hints


def _closure(function: Any) -> dict[str, Any]:
    """Names of the scope around a function, as far as it uses them."""
    code = getattr(function, "__code__", None)
    cells = getattr(function, "__closure__", None) or ()
    if type(code) is not CodeType:  # that of an `AsyncMock` is a mock, and says that it is code
        return {}
    found: dict[str, Any] = {}
    for name, cell in zip(code.co_freevars, cells, strict=False):
        try:
            found[name] = cell.cell_contents
        except ValueError:  # not assigned yet
            continue
    return found
