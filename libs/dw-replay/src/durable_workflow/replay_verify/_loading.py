"""Objects that a command names: `module:attribute`."""

import importlib
import os
import sys
from collections.abc import Callable
from typing import Any, cast

from durable_workflow._replayer.recording import is_sequence


class LoadingError(Exception):
    """What was named cannot be had; the text says why."""


def load_workflows(spec: str) -> list[type]:
    """The workflow classes that `module:attribute` names.

    Args:
        spec: The attribute is a function without arguments that returns classes, a list of them,
            or one class.
    Raises:
        LoadingError: There is no such thing, or it gives something else.
    """
    value = load(spec)
    if callable(value) and not isinstance(value, type):
        value = _called(spec, cast("Callable[[], Any]", value))
    if isinstance(value, type):
        return [value]
    if not is_sequence(value):
        raise LoadingError(f"{spec} gives no workflow classes but {type(value).__name__}")
    classes: list[Any] = list(value)
    for each in classes:
        if not isinstance(each, type):
            raise LoadingError(f"{spec} gives {each!r}, which is no class")
    if not classes:
        raise LoadingError(f"{spec} gives no workflow class at all")
    return classes


def load_made(spec: str) -> Any:
    """The object that `module:attribute` names, or that it makes where it is a function."""
    value = load(spec)
    is_maker = callable(value) and (isinstance(value, type) or hasattr(value, "__code__"))
    return _called(spec, value) if is_maker else value


def load(spec: str) -> Any:
    """The object that `module:attribute` names; modules of the working folder are found.

    Raises:
        LoadingError: There is no such module or attribute.
    """
    module_name, colon, path = spec.partition(":")
    if not (module_name and colon and path):
        raise LoadingError(f"{spec!r} must be module:attribute, as in my_app.workflows:WORKFLOWS")
    folder = os.getcwd()
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        value: Any = importlib.import_module(module_name)
        for name in path.split("."):
            value = getattr(value, name)
    except Exception as error:  # users' modules raise what they like
        raise LoadingError(f"cannot load {spec}: {type(error).__name__}: {error}") from error
    return value


def _called(spec: str, function: Callable[[], Any]) -> Any:
    try:
        return function()
    except Exception as error:  # users' functions raise what they like
        raise LoadingError(f"{spec}() raised {type(error).__name__}: {error}") from error
