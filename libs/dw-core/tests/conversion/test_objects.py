"""Arguments of what can be called: objects, and functions whose annotations name nothing."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest

from durable_workflow._conversion import converted


@dataclass
class Shipping:
    due: str  # a field of the object, not the parameter of that name
    express: bool = False

    def __call__(self, due: date) -> None: ...


class Later(Shipping):
    pass


class Static:
    @staticmethod
    def __call__(due: date) -> None: ...


@functools.wraps(Later("soon"))
def wrapper_of_object(*args: Any) -> None: ...


@pytest.mark.parametrize(
    "called",
    [
        Shipping("soon"),
        Later("soon"),
        # Some Pythons drop the first parameter of its signature.
        *([Static()] if inspect.signature(Static()).parameters else []),
        functools.partial(Later("soon")),
        wrapper_of_object,
    ],
)
def test_an_object_takes_what_its_call_is_annotated_with(called: Callable[..., Any]) -> None:
    assert list(converted(called, ["2026-05-01"])) == [date(2026, 5, 1)]


if sys.version_info >= (3, 14):  # annotations are evaluated when they are asked for
    _LAZY = """
from datetime import date

def function(due: date, note: Nowhere = None) -> None: ...

class Handlers:
    def __call__(self, due: date, note: Nowhere = None) -> None: ...
"""

    def test_annotations_that_name_nothing_leave_the_others() -> None:
        space: dict[str, Any] = {"__name__": __name__}
        exec(compile(_LAZY, "lazy", "exec", dont_inherit=True), space)
        for called in (
            space["function"],
            space["Handlers"](),
            functools.partial(space["function"]),
        ):
            assert list(converted(called, ["2026-05-01", "note"])) == [date(2026, 5, 1), "note"]
