"""The loops that we make: uvloop's where it is installed, and Python's own elsewhere."""

import asyncio
import sys
from importlib.util import find_spec

import pytest

from durable_workflow._event_loops import loop_factory


def test_loops_are_those_of_uvloop_where_it_is_installed() -> None:
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        made_by = type(runner.get_loop()).__module__.partition(".")[0]

    assert made_by == ("asyncio" if find_spec("uvloop") is None else "uvloop")


def test_loops_are_pythons_own_where_it_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvloop", None)

    assert loop_factory() is None
