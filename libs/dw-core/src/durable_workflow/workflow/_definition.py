"""Decorators that make a class a workflow and its methods receivers."""

import inspect
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, cast, overload

from durable_workflow._definitions import WORKFLOWS, name_of, set_mark
from durable_workflow.errors import DurableWorkflowError

_WorkflowT = TypeVar("_WorkflowT")
_MethodT = TypeVar("_MethodT", bound=Callable[..., Any])
_InstanceT = TypeVar("_InstanceT", contravariant=True)
_ResultT = TypeVar("_ResultT", covariant=True)
_P = ParamSpec("_P")

# Mark on the method -> table on the class, as replay and workers read them.
_TABLES = {
    "__signal_name__": "__workflow_signals__",
    "__query_name__": "__workflow_queries__",
    "__update_name__": "__workflow_updates__",
    "__update_validator_name__": "__workflow_update_validators__",
}
_ROLES = {
    "__signal_name__": "handler of signal",
    "__query_name__": "handler of query",
    "__update_name__": "handler of update",
    "__update_validator_name__": "validator of update",
}
# A query's awaitable result is awaited by the worker; these three must answer at once.
_SYNCHRONOUS = {
    "__signal_name__": "signal",
    "__update_name__": "update",
    "__update_validator_name__": "update validator",
}


class InvalidWorkflowDefinition(DurableWorkflowError, ValueError):
    """A workflow class is written in a way that cannot be run."""


@overload
def defn(cls: type[_WorkflowT], /) -> type[_WorkflowT]: ...
@overload
def defn(*, name: str | None = None) -> Callable[[type[_WorkflowT]], type[_WorkflowT]]: ...
def defn(cls: type[Any] | None = None, /, *, name: str | None = None) -> Any:
    """Make a class a workflow type.

    Args:
        cls: The class, where the decorator stands without parentheses.
        name: The type's name on the wire, in every language; None is the name of the class, which
            then cannot be renamed while runs of it are open.
    Raises:
        InvalidWorkflowDefinition: A signal, update or validator method is async or a generator;
            replay calls it and would never run its body. Or a receiver has a private name, or two
            methods of the class are one's handlers.
        TypeError: What is decorated is no class, or the name is no string.
    """

    def decorate(cls: type[_WorkflowT]) -> type[_WorkflowT]:
        if not inspect.isclass(cls):
            written = cls if isinstance(cls, str) else "..."
            raise TypeError(
                f"workflow.defn decorates a class, not {cls!r}: write @workflow.defn, or "
                f'@workflow.defn(name="{written}")'
            )
        type_name = name_of("workflow.defn", cls, name)
        tables: dict[str, dict[str, str]] = {table: {} for table in _TABLES.values()}
        for attribute in dir(cls):
            if not attribute.startswith("_"):
                _collect(cls, attribute, tables)
            elif not attribute.startswith("__") and _marks(cls, attribute):
                raise _private(f"{cls.__name__}.{attribute}")
        for table, entries in tables.items():
            setattr(cls, table, entries)
        cls.__workflow_name__ = type_name  # type: ignore[attr-defined] # the mark that workers read
        WORKFLOWS[type_name] = cls
        return cls

    return decorate if cls is None else decorate(cls)


def lacks_run(cls: type) -> str:
    """What to say of a class that cannot be run."""
    return (
        f"workflow class {cls.__module__}.{cls.__qualname__} has no method `run`: define "
        "`def run(self, ctx, ...)` as a generator that yields commands"
    )


def _collect(cls: type, attribute: str, tables: dict[str, dict[str, str]]) -> None:
    function = _function(inspect.getattr_static(cls, attribute))
    for mark, receiver in _marks(cls, attribute).items():
        _require_synchronous(cls, attribute, function, mark)
        table = tables[_TABLES[mark]]
        other = table.get(receiver)
        if other is None or _overrules(cls, attribute, other, f"{_ROLES[mark]} {receiver!r}"):
            table[receiver] = attribute


def _overrules(cls: type, attribute: str, other: str, what: str) -> bool:
    """Whether a method, and not the other one, is the handler: that of a subclass comes first.

    Raises:
        InvalidWorkflowDefinition: One class has both, and they are no aliases of one method.
    """
    owner, owner_of_other = (_owner(cls, each) for each in (attribute, other))
    if owner is owner_of_other:
        if _function(vars(owner)[attribute]) is _function(vars(owner)[other]):
            return True
        raise InvalidWorkflowDefinition(
            f"{owner.__name__}.{other} and {owner.__name__}.{attribute} are both the {what}: only "
            "one of them would be called"
        )
    return cls.__mro__.index(owner) < cls.__mro__.index(owner_of_other)


def _owner(cls: type, attribute: str) -> type:
    return next(owner for owner in cls.__mro__ if attribute in vars(owner))


def _marks(cls: type, attribute: str) -> dict[str, str]:
    """What a method receives; one that overrides a receiver need not be decorated again."""
    for owner in cls.__mro__:
        if attribute not in vars(owner):
            continue
        function = _function(vars(owner)[attribute])
        found = {mark: getattr(function, mark, None) for mark in _TABLES}
        marks = {mark: name for mark, name in found.items() if isinstance(name, str)}
        if marks or not callable(function):
            return marks
    return {}


def _function(member: Any) -> Any:
    return getattr(member, "__func__", member)  # what a static or class method wraps


def _require_synchronous(cls: type, attribute: str, function: Any, mark: str) -> None:
    role = _SYNCHRONOUS.get(mark)
    deferred = inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)
    if role is not None and (deferred or inspect.isgeneratorfunction(function)):
        raise InvalidWorkflowDefinition(
            f"{role} handler {cls.__name__}.{attribute} must be a plain method: replay calls it "
            "and does not await or iterate what it returns"
        )


@overload
def signal(method: _MethodT, /) -> _MethodT: ...
@overload
def signal(name: str | None = None) -> Callable[[_MethodT], _MethodT]: ...
def signal(name: str | Callable[..., Any] | None = None) -> Any:
    """Make a method the handler of a signal; it is called at every replay.

    Args:
        name: The signal's name on the wire; None, or no parentheses, is the name of the method.
    Raises:
        InvalidWorkflowDefinition: The method's name begins with an underscore.
        TypeError: The name is no string.
    """
    return _marked("workflow.signal", "__signal_name__", name)


@overload
def query(method: _MethodT, /) -> _MethodT: ...
@overload
def query(name: str | None = None) -> Callable[[_MethodT], _MethodT]: ...
def query(name: str | Callable[..., Any] | None = None) -> Any:
    """Make a method the handler of a query. It must not change the workflow's state.

    Args:
        name: The query's name on the wire; None, or no parentheses, is the name of the method.
    Raises:
        InvalidWorkflowDefinition: The method's name begins with an underscore.
        TypeError: The name is no string.
    """
    return _marked("workflow.query", "__query_name__", name)


class UpdateMethod(Protocol[_InstanceT, _P, _ResultT]):
    """What `update` makes of a method: the same method, with a decorator for its validator."""

    def validator(self, method: _MethodT, /) -> _MethodT:
        """Make a method the validator of this update."""
        ...

    def __call__(
        self, instance: _InstanceT, /, *args: _P.args, **kwargs: _P.kwargs
    ) -> _ResultT: ...

    @overload
    def __get__(
        self, instance: None, owner: type, /
    ) -> "UpdateMethod[_InstanceT, _P, _ResultT]": ...
    @overload
    def __get__(self, instance: object, owner: type | None = None, /) -> Callable[_P, _ResultT]: ...


@overload
def update(
    method: Callable[Concatenate[_InstanceT, _P], _ResultT], /
) -> UpdateMethod[_InstanceT, _P, _ResultT]: ...
@overload
def update(
    name: str | None = None,
) -> Callable[
    [Callable[Concatenate[_InstanceT, _P], _ResultT]], UpdateMethod[_InstanceT, _P, _ResultT]
]: ...
def update(name: str | Callable[..., Any] | None = None) -> Any:
    """Make a method the handler of an update; what it returns answers the caller.

    The method gets an attribute `validator`, a decorator for the method that may refuse it.

    Args:
        name: The update's name on the wire; None, or no parentheses, is the name of the method.
    Raises:
        InvalidWorkflowDefinition: The method's name begins with an underscore.
        TypeError: The name is no string.
    """

    def decorate(method: Callable[..., Any]) -> Callable[..., Any]:
        given = name if isinstance(name, str) else None
        marked: Callable[..., Any] = _marked("workflow.update", "__update_name__", given)(method)
        validated = name_of("workflow.update", _function(method), given)
        setattr(marked, "validator", update_validator(validated))  # noqa: B010
        return marked

    return _bare_or_not("workflow.update", name, decorate)


def update_validator(name: str) -> Callable[[_MethodT], _MethodT]:
    """Make a method the validator of an update: raising or returning False refuses it.

    Args:
        name: The update's name on the wire.
    Raises:
        InvalidWorkflowDefinition: The method's name begins with an underscore.
        TypeError: The name is no string.
    """
    if callable(name):
        raise TypeError(
            "workflow.update_validator wants the name of its update: write "
            '@workflow.update_validator("..."), or @the_update.validator'
        )
    decorate: Callable[[_MethodT], _MethodT] = _marked(
        "workflow.update_validator", "__update_validator_name__", name
    )
    return decorate


def registry() -> dict[str, type]:
    """Workflow classes of this process by type name; of two with one name, the later."""
    return dict(WORKFLOWS)


def _marked(decorator: str, attribute: str, name: str | Callable[..., Any] | None) -> Any:
    given = name if isinstance(name, str) else None

    def decorate(method: Callable[..., Any]) -> Callable[..., Any]:
        function = _function(method)
        receiver = name_of(decorator, function, given)
        called = getattr(function, "__name__", "")
        if called.startswith("_"):
            raise _private(getattr(function, "__qualname__", called))
        # On what a static or class method wraps: there the mark is looked for.
        set_mark(decorator, function, attribute, receiver)
        return method

    return _bare_or_not(decorator, name, decorate)


def _bare_or_not(
    decorator: str, given: object, decorate: Callable[[Callable[..., Any]], Callable[..., Any]]
) -> Any:
    """What `@decorator` and `@decorator("name")` evaluate to: a method, or what decorates one."""
    if given is None or isinstance(given, str):
        return decorate
    if callable(_function(given)) and not isinstance(given, type):
        return decorate(cast("Callable[..., Any]", given))
    raise TypeError(f"the name that {decorator} is given must be a string, not {given!r}")


def _private(name: str) -> InvalidWorkflowDefinition:
    return InvalidWorkflowDefinition(
        f"{name} cannot receive signals, queries or updates: a name that begins with an underscore "
        "is private to its class. Give the method another name; the one on the wire can stay"
    )
