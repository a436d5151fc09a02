"""What a worker can run, and its identity towards the server."""

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, get_origin

from durable_workflow._signatures import signature_of
from durable_workflow.worker._fingerprints import (
    activity_name,
    fingerprint,
    guard_definition,
    workflow_name,
)
from durable_workflow.worker._log import log

_COLLECTING: Final = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
_BY_POSITION: Final = (
    inspect.Parameter.POSITIONAL_ONLY,
    inspect.Parameter.POSITIONAL_OR_KEYWORD,
    inspect.Parameter.VAR_POSITIONAL,
)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a worker is.

    Attributes:
        worker_id: Its id.
        task_queue: The queue that it serves.
        build_id: Version of its code; None for none.
        session: Tells this worker object from another under the same id.
    """

    worker_id: str
    task_queue: str
    build_id: str | None
    session: str


@dataclass(frozen=True, slots=True)
class Definitions:
    """What a worker can run.

    A worker with activities alone asks for no workflow tasks, and the other way round; one with
    neither asks for both.

    Attributes:
        workflows: Workflow classes by type name.
        activities: Activity functions by name.
        fingerprints: Type name to a hash of its definition.
    """

    workflows: dict[str, type]
    activities: dict[str, Callable[..., Any]]
    fingerprints: dict[str, str]

    @property
    def serves_workflows(self) -> bool:
        """Whether the worker asks for workflow tasks."""
        return bool(self.workflows) or not self.activities

    @property
    def serves_activities(self) -> bool:
        """Whether the worker asks for activity tasks."""
        return bool(self.activities) or not self.workflows


def definitions_of(
    worker_id: str, workflows: Iterable[type], activities: Iterable[Callable[..., Any]]
) -> Definitions:
    """Name and fingerprint what a worker is given. Of two with one name the last counts.

    Raises:
        TypeError: Something is no class, or no function, or no list of them.
        RuntimeError: This worker id had another definition of one of the types before.
    """
    classes = {
        workflow_name(each): each for each in _listed("workflows", workflows, "classes", _is_class)
    }
    functions = {
        activity_name(each): each
        for each in _listed("activities", activities, "functions", callable)
    }
    for name, each in classes.items():
        problem = _problem_of(get_origin(each) or each)
        if problem is not None:
            log.warning(
                "workflow class %s.%s (type %r) %s: each of its tasks will fail",
                each.__module__,
                each.__qualname__,
                name,
                problem,
            )
    fingerprints = {name: fingerprint(each, name) for name, each in classes.items()}
    for name, value in fingerprints.items():
        guard_definition(worker_id, name, value)
    return Definitions(classes, functions, fingerprints)


def _problem_of(cls: type) -> str | None:
    """Why no run of a workflow class can begin."""
    run = inspect.getattr_static(cls, "run", None)
    bound = isinstance(run, staticmethod | classmethod)
    function: Any = getattr(cls, "run", None)
    if not callable(function):
        return "has no method `run`"
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        return "has an async `run`, which must be a generator that yields commands"
    # What an object that can be called takes is not known. A wrapper is judged by what it takes
    # itself, and not by what it wraps: see `follow_wrapped` below.
    if inspect.isfunction(getattr(run, "__func__", run)):
        given = [each for each in _parameters(function) if each.kind in _BY_POSITION]
        collects = any(each.kind is inspect.Parameter.VAR_POSITIONAL for each in given)
        if given and not collects and len(given) < (1 if bound else 2):
            return "has a `run` that does not take `ctx`"
    needed = [
        each.name
        for each in _parameters(cls)
        if each.default is each.empty and each.kind not in _COLLECTING
    ]
    return f"has an `__init__` with arguments ({', '.join(needed)})" if needed else None


def _parameters(function: Any) -> list[inspect.Parameter]:
    """The parameters of a function or class, as far as they can be seen."""
    try:
        return [*signature_of(function, follow_wrapped=False).parameters.values()]
    except (TypeError, ValueError):
        return []


def _is_class(given: object) -> bool:
    return inspect.isclass(get_origin(given) or given)  # also of a generic class with its types


def _listed(argument: str, given: Any, what: str, fits: Callable[[Any], bool]) -> list[Any]:
    if fits(given) or isinstance(given, str) or not isinstance(given, Iterable):
        raise TypeError(f"{argument} must be a list of {what}, as in [...], not {given!r}")
    listed: list[Any] = [*given]
    for each in listed:
        if not fits(each):
            raise TypeError(f"{argument} must be {what}, and {each!r} is none")
    return listed
