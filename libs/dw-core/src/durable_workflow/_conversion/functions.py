"""Plans of functions: which of their arguments are converted, and how."""

import functools
import inspect
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol, cast
from weakref import ref

from durable_workflow._conversion.annotations import converter_for
from durable_workflow._conversion.hints import hints_of_function
from durable_workflow._conversion.records import Converter
from durable_workflow._signatures import signature_of
from durable_workflow.errors import ArgumentMismatch

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


class Fit(Protocol):
    """Makes arguments fit a function: `converted`, or nothing where a worker turned that off."""

    def __call__(
        self, function: Callable[..., Any], arguments: Sequence[Any], *, lead: int = 0
    ) -> Sequence[Any]:
        """See `converted`."""
        ...


def fitting(converts: bool) -> Fit:
    """How arguments are made to fit.

    Args:
        converts: Whether values are converted by annotation.
    """
    return converted if converts else _unchanged


def _unchanged(
    function: Callable[..., Any], arguments: Sequence[Any], *, lead: int = 0
) -> Sequence[Any]:
    return arguments


@dataclass(frozen=True, slots=True)
class _Parameter:
    name: str
    converter: Converter | None
    optional: bool  # `= None`, though the annotation does not say so


@dataclass(frozen=True, slots=True)
class _Plan:
    """The parameters of a function, and the one that takes all further arguments."""

    parameters: tuple[_Parameter, ...]
    rest: _Parameter | None

    def parameter(self, index: int) -> _Parameter | None:
        return self.parameters[index] if index < len(self.parameters) else self.rest


# By the id of the function, until that is gone; None for one without rich annotations. Made once:
# reading a signature takes 20 µs and more, and a `WeakKeyDictionary` ten times as long as a dict.
_plans: dict[int, tuple[ref[Any], _Plan | None]] = {}


def converted(
    function: Callable[..., Any], arguments: Sequence[Any], *, lead: int = 0
) -> Sequence[Any]:
    """Positional arguments as a function is annotated to take them.

    Args:
        function: A function or a bound method.
        arguments: Decoded; what is converted already stays as it is.
        lead: Parameters before these arguments, such as the context of a workflow.

    Returns:
        The same object where nothing is to be converted.

    Raises:
        ArgumentMismatch: One does not fit; it names the parameter and the place in it.
    """
    owner: Any = getattr(function, "__func__", function)
    known = _plans.get(id(owner))
    plan = known[1] if known is not None else _keep(owner, _plan_of(owner))
    if plan is None:
        return arguments
    return _applied(plan, arguments, lead + (owner is not function))


def _keep(function: Any, plan: _Plan | None) -> _Plan | None:
    key = id(function)
    # Without a weak reference the id could come to mean another object.
    with suppress(TypeError):
        _plans[key] = ref(function, lambda _: _plans.pop(key, None)), plan
    return plan


def _applied(plan: _Plan, arguments: Sequence[Any], lead: int) -> list[Any]:
    fitting: list[Any] = []
    for index, value in enumerate(arguments, lead):
        parameter = plan.parameter(index)
        if parameter is None or parameter.converter is None:
            fitting.append(value)
        elif value is None and parameter.optional:
            fitting.append(None)
        else:
            try:
                fitting.append(parameter.converter(value))
            except ArgumentMismatch as error:
                raise error.within(parameter.name) from error.__cause__
    return fitting


def _annotated(function: Any) -> Any:
    """The function that has the annotations of something that can be called."""
    function = inspect.unwrap(function)
    if isinstance(function, functools.partial):
        return _annotated(cast("Any", function.func))
    # An object's own annotations are those of its class's fields.
    call = inspect.getattr_static(cast("type[object]", type(function)), "__call__", None)
    call = inspect.unwrap(call)  # of a static method
    return call if inspect.isfunction(call) else function


def _plan_of(function: Any) -> _Plan | None:
    try:
        signature = signature_of(function)
    except (TypeError, ValueError):  # as for some callables written in C
        return None
    hints = hints_of_function(_annotated(function))
    parameters: list[_Parameter] = []
    rest: _Parameter | None = None
    for each in signature.parameters.values():
        parameter = _Parameter(
            each.name, converter_for(hints.get(each.name)), optional=each.default is None
        )
        if each.kind in _POSITIONAL:
            parameters.append(parameter)
        elif each.kind is inspect.Parameter.VAR_POSITIONAL:
            rest = parameter
    if all(each.converter is None for each in (*parameters, *([rest] if rest else ()))):
        return None
    return _Plan(tuple(parameters), rest)
