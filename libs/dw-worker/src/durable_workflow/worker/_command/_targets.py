"""What the targets of `dw-worker` hold: workflows and activities, or a worker."""

import inspect
import pkgutil
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from types import ModuleType
from typing import Any

from durable_workflow._signatures import signature_of
from durable_workflow.worker._command._options import WrongUse
from durable_workflow.worker._places import OURS
from durable_workflow.worker._worker import Worker


@dataclass(slots=True)
class Definitions:
    """Workflow classes and activity functions, by name."""

    workflows: dict[str, type] = field(default_factory=dict)
    activities: dict[str, Callable[..., Any]] = field(default_factory=dict)


def definitions_in(names: tuple[str, ...]) -> Definitions:
    """The decorated workflows and activities that modules have, their imports included.

    Raises:
        WrongUse: A module cannot be imported or has none, or two have one name.
    """
    found = Definitions()
    for name in names:
        module = import_target(name)
        here = Definitions()
        for value in list(vars(module).values()):
            _collect(value, here)
        if not here.workflows and not here.activities:
            raise WrongUse(_nothing_in(module))
        _merge(found.workflows, here.workflows, "workflow")
        _merge(found.activities, here.activities, "activity")
    return found


async def worker_of(target: str) -> Worker:
    """The worker that `module:attribute` is, or makes when called.

    Raises:
        WrongUse: The module cannot be imported, or has no such worker.
    """
    name, _, path = target.partition(":")
    value: Any = import_target(name)
    for part in path.split("."):
        try:
            value = getattr(value, part)
        except AttributeError:
            raise WrongUse(f"module {name} has no attribute {path!r}") from None
    if isinstance(value, Worker):
        return value
    if not callable(value):
        raise WrongUse(f"{target} is {_kind(value)}, not a Worker or a function that makes one")
    try:
        signature_of(value).bind()
    except TypeError as error:
        raise WrongUse(f"{target} is called without arguments to make a Worker: {error}") from None
    made = value()
    if inspect.isawaitable(made):
        made = await made
    if not isinstance(made, Worker):
        raise WrongUse(f"{target} returned {_kind(made)}, not a Worker")
    return made


def import_target(name: str) -> ModuleType:
    """Import a module.

    Raises:
        WrongUse: There is none of that name, or its code raised.
    """
    hint = ""
    if name.endswith(".py") or "/" in name:
        dotted = name.removesuffix(".py").strip("./").replace("/", ".")
        hint = f". A module is named with dots: {dotted}"
    if name.startswith("."):
        # It would be looked for beside the module that asks, and nothing asks here.
        raise WrongUse(f"{name!r} is no name of a module{hint}")
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            raise WrongUse(
                f"there is no module {error.name!r} here or on the import path{hint}"
            ) from None
        raise WrongUse(f"module {name} cannot be imported:\n{_trace(error)}") from error
    except (Exception, SystemExit) as error:
        raise WrongUse(f"module {name} cannot be imported:\n{_trace(error)}") from error


def _collect(value: Any, into: Definitions) -> None:
    if inspect.isclass(value):
        # Its own mark: the subclass of a workflow is another class, and perhaps no workflow.
        name = vars(value).get("__workflow_name__")
        if isinstance(name, str):
            into.workflows[name] = value
    elif callable(value):
        name = getattr(value, "__activity_name__", None)
        if isinstance(name, str):
            into.activities[name] = value


def _merge(into: dict[str, Any], more: dict[str, Any], kind: str) -> None:
    for name, value in more.items():
        other = into.setdefault(name, value)
        if other is not value:
            raise WrongUse(
                f"two have the name of {kind} {name!r}: {_path(other)} and {_path(value)}"
            )


def _nothing_in(module: ModuleType) -> str:
    text = f"module {module.__name__} has no decorated workflow or activity"
    if hasattr(module, "__path__"):
        inner = sorted(each.name for each in pkgutil.iter_modules(module.__path__))
        if inner:
            modules = ", ".join(f"{module.__name__}.{each}" for each in inner[:10])
            return f"{text}. It is a package; name modules of it: {modules}"
    return f"{text}: decorate with @workflow.defn(name=...) and @activity.defn(name=...)"


def _trace(error: BaseException) -> str:
    """The traceback, without the frames that did the import."""
    trace = error.__traceback__
    ours = (*OURS, "<frozen importlib", import_module.__code__.co_filename)
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith(ours):
        trace = trace.tb_next
    return "".join(traceback.format_exception(error.with_traceback(trace))).rstrip()


def _path(value: Any) -> str:
    return f"{value.__module__}.{getattr(value, '__qualname__', type(value).__qualname__)}"


def _kind(value: Any) -> str:
    return f"a {type(value).__name__}"
