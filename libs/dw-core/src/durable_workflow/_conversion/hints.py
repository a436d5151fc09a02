"""Annotations as types: text is resolved where it was written."""

import functools
import importlib
import inspect
import logging
import sys
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import CodeType, SimpleNamespace
from typing import Any

log = logging.getLogger("durable_workflow.serializer")


def hints_of_class(annotation: Any) -> dict[str, Any]:
    """The types of a class's fields. One that cannot be resolved is left out, and logged.

    Type variables have what they stand for in their places, where that is known.

    Args:
        annotation: The class, or a generic one with its arguments, as `Page[Item]`.
    """
    kind: Any = typing.get_origin(annotation) or annotation
    hints = _written_hints(kind)
    if not any(isinstance(hint, typing.TypeVar) or _variables(hint) for hint in hints.values()):
        return hints
    meanings: dict[type, dict[Any, Any]] = {}
    _find_meanings(annotation, meanings)
    # A variable means in each class what it stands for there, though several use the same one.
    return {
        name: filled(hint, meanings.get(_writer(kind, name), {})) for name, hint in hints.items()
    }


@functools.cache  # so that what cannot be resolved is logged once
def _written_hints(kind: type) -> dict[str, Any]:
    try:
        return typing.get_type_hints(kind, include_extras=True)
    except Exception:  # noqa: BLE001 - an annotation may be any expression
        hints: dict[str, Any] = {}
        for owner in reversed(kind.__mro__):
            space = vars(sys.modules[owner.__module__])
            hints |= _each(kind.__qualname__, _annotations(owner), space, dict(vars(owner)))
        return hints


def _annotations(owner: Callable[..., Any]) -> Mapping[str, Any]:
    """What a class itself annotates, or a function, whether or not it can be resolved."""
    if sys.version_info >= (3, 14):  # they are evaluated when they are asked for
        library: Any = importlib.import_module("annotationlib")
        found: dict[str, Any] = library.get_annotations(owner, format=library.Format.FORWARDREF)
        return found
    return inspect.get_annotations(owner)


def _bases(kind: type) -> Sequence[Any]:
    """The bases of a class, with their arguments. Typed dicts have no others."""
    bases: Sequence[Any] = vars(kind).get("__orig_bases__", kind.__bases__)
    return [base for base in bases if isinstance(typing.get_origin(base) or base, type)]


def _writer(kind: type, name: str) -> type:
    """The class that annotates a field of a class: it, or one that it inherits from."""
    if not typing.is_typeddict(kind):
        return next((owner for owner in kind.__mro__ if name in _annotations(owner)), kind)
    # A typed dict repeats what it inherits, and the last of its bases wins.
    written = _annotations(kind).get(name)
    for base in reversed(_bases(kind)):
        parent: Any = typing.get_origin(base) or base
        if typing.is_typeddict(parent) and _annotations(parent).get(name) == written:
            return _writer(parent, name)
    return kind


def _find_meanings(annotation: Any, found: dict[type, dict[Any, Any]]) -> None:
    """What the variables of a generic class stand for, and those of all that it inherits from.

    A class may be inherited in two ways: what these say differently is left out.
    """
    kind: Any = typing.get_origin(annotation) or annotation
    variables: tuple[Any, ...] = getattr(kind, "__parameters__", ())
    arguments = typing.get_args(annotation)
    meanings: dict[Any, Any] = {}
    # One that stands for many types, or for parameters, has no place of its own.
    if len(variables) == len(arguments) and _are_simple(variables):
        meanings = dict(zip(variables, arguments, strict=True))
    known = found.get(kind, meanings)
    meanings = {each: meanings[each] for each in meanings if known.get(each) == meanings[each]}
    found[kind] = meanings
    for base in _bases(kind):
        if base is not object and typing.get_origin(base) not in (typing.Generic, typing.Protocol):
            _find_meanings(filled(base, meanings), found)


def filled(hint: Any, meanings: Mapping[Any, Any]) -> Any:
    """A type with what its type variables stand for in their places."""
    if isinstance(hint, typing.TypeVar):
        return meanings.get(hint, hint)
    variables = _variables(hint)
    if not meanings or not variables or not _are_simple(variables):
        return hint
    return hint[tuple(meanings.get(each, each) for each in variables)]


def _variables(hint: Any) -> tuple[Any, ...]:
    """The variables in a type; none for a class by itself."""
    return getattr(hint, "__parameters__", ()) if typing.get_origin(hint) is not None else ()


def _are_simple(variables: Iterable[Any]) -> bool:
    return all(isinstance(each, typing.TypeVar) for each in variables)


def hints_of_function(function: Callable[..., Any]) -> dict[str, Any]:
    """The types of a function's parameters, likewise."""
    function = inspect.unwrap(function)
    space = getattr(function, "__globals__", {})
    inner = _closure(function)
    try:
        return typing.get_type_hints(function, space, inner, include_extras=True)
    except Exception:  # noqa: BLE001 - an annotation may be any expression
        name = getattr(function, "__qualname__", repr(function))
        return _each(name, _annotations(function), space, inner)


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
