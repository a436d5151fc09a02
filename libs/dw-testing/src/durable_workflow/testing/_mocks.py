"""What stands in for activities and child workflows, and the faults that a test injects."""

from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, cast

from durable_workflow._conversion import fitting
from durable_workflow.activity import ActivityContext
from durable_workflow.testing._simulation.calls import call, call_as_activity


class MissingMock(KeyError):
    """A workflow asked for an activity, a child or a type that the test did not register."""

    def __str__(self) -> str:
        """The sentence; a `KeyError` would show it in quotes."""
        return str(self.args[0])


@dataclass(frozen=True, slots=True)
class TimeOut:
    """A fault: the attempt takes too long.

    Attributes:
        kind: `start_to_close`, `schedule_to_start`, `schedule_to_close` or `heartbeat`.
    """

    kind: str


@dataclass(frozen=True, slots=True)
class Raise:
    """A fault: the attempt fails with an error, without a call of the activity."""

    error: BaseException


def injected(error: BaseException | None) -> BaseException:
    """What an attempt fails with that a test lets fail.

    Raises:
        TypeError: It is no exception.
    """
    given = cast("object", error)
    if given is None:
        return RuntimeError("injected failure")
    if not isinstance(given, BaseException):
        raise TypeError(f"error must be an exception, as RuntimeError({given!r})")
    return given


@dataclass(frozen=True, slots=True)
class ActivityMock:
    """How an activity behaves.

    Attributes:
        function: Called with the arguments.
        takes_seconds: How long an attempt takes, in simulated time.
        converts: Whether its arguments are converted by annotation.
    """

    function: Callable[..., Any]
    takes_seconds: float = 0.0
    converts: bool = True

    def call(self, context: ActivityContext, arguments: list[Any]) -> Any:
        """Run an attempt."""
        return call_as_activity(context, self.function, arguments, fitting(self.converts))


class Mocks:
    """What a test registered. A function wins over a canned result of the same name.

    Attributes:
        converts: Whether arguments of functions are converted by annotation.
    """

    def __init__(self, *, converts: bool = True) -> None:
        self.converts = converts
        self._functions: dict[str, ActivityMock] = {}
        self._results: dict[str, ActivityMock] = {}
        self._children: dict[str, Callable[..., Any]] = {}
        self._child_results: dict[str, Any] = {}
        self._faults: dict[str, deque[Raise | TimeOut]] = defaultdict(deque)

    # --- activities -----------------------------------------------------------------------

    def add_activity(self, name: str, function: Callable[..., Any], takes_seconds: float) -> None:
        """Call a function for an activity."""
        if not callable(function):
            raise TypeError(
                f"activity {name!r}: {function!r} is not callable; for a canned result use "
                "register_activity_result"
            )
        self._functions[name] = ActivityMock(function, takes_seconds, self.converts)

    def add_activity_result(self, name: str, result: Any, takes_seconds: float) -> None:
        """Answer an activity with the same value each time."""
        self._results[name] = ActivityMock(lambda *_: result, takes_seconds)

    def activity(self, name: str) -> ActivityMock:
        """What stands in for an activity.

        Raises:
            MissingMock: Nothing does.
        """
        mock = self._functions.get(name) or self._results.get(name)
        if mock is None:
            raise MissingMock(
                f"no mock for activity {name!r}: register one with "
                f"env.register_activity({name!r}, function) or "
                f"env.register_activity_result({name!r}, result)"
                f"{_known('activities', {*self._functions, *self._results})}"
            )
        return mock

    # --- children -------------------------------------------------------------------------

    def add_child(self, workflow_type: str, function: Callable[..., Any]) -> None:
        """Call a function for a child workflow."""
        self._children[workflow_type] = function

    def add_child_result(self, workflow_type: str, result: Any) -> None:
        """Answer a child workflow with the same value each time."""
        self._child_results[workflow_type] = result

    def mocks_child(self, workflow_type: str) -> bool:
        """Whether something stands in for a child workflow."""
        return workflow_type in self._children or workflow_type in self._child_results

    def call_child(self, workflow_type: str, arguments: list[Any]) -> Any:
        """Run what stands in for a child workflow."""
        function = self._children.get(workflow_type)
        if function is not None:
            return call(function, arguments, fitting(self.converts))
        return self._child_results[workflow_type]

    def missing_child(self, workflow_type: str) -> MissingMock:
        """What is raised for a child workflow that nothing stands in for."""
        return MissingMock(
            f"no mock for child workflow {workflow_type!r}: register a result with "
            f"env.register_child_workflow_result({workflow_type!r}, result), or the class with "
            "env.register_workflow(...) to run its code"
            f"{_known('child workflows', {*self._children, *self._child_results})}"
        )

    # --- faults ---------------------------------------------------------------------------

    def add_fault(self, name: str, fault: Raise | TimeOut, times: int) -> None:
        """Let the next attempts of an activity go wrong."""
        if times < 1:
            raise ValueError(f"times must be at least 1, got {times}")
        self._faults[name].extend([fault] * times)

    def take_fault(self, name: str) -> Raise | TimeOut | None:
        """What goes wrong with the attempt that begins now, if anything."""
        faults = self._faults.get(name)
        return faults.popleft() if faults else None


def _known(what: str, names: Iterable[str]) -> str:
    listed = ", ".join(repr(name) for name in sorted(names))
    return f" (registered {what}: {listed})" if listed else f" (no {what} are registered)"
