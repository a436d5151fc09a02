"""Nobody takes a clock while a module is read: a simulation gives the process another one later."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

_CLOCKS = {
    *("time", "monotonic", "perf_counter", "thread_time", "process_time"),
    *("time_ns", "monotonic_ns", "perf_counter_ns", "thread_time_ns", "process_time_ns"),
}


def taken_early(source: str) -> list[int]:
    """The lines where a clock is taken, and not asked, before any function is called."""
    return [
        node.lineno
        for node in _read_at_once(ast.parse(source))
        if isinstance(node, ast.Attribute)
        and node.attr in _CLOCKS
        and isinstance(node.value, ast.Name)
        and node.value.id == "time"
    ] + [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ImportFrom)
        and node.module == "time"
        and _CLOCKS & {each.name for each in node.names}
    ]


def _read_at_once(node: ast.AST) -> Iterator[ast.AST]:
    """What is run when a module is: all but the bodies of functions."""
    yield node
    later: list[ast.AST] = []
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        later = [*node.body]
    elif isinstance(node, ast.Lambda):
        later = [node.body]
    for each in ast.iter_child_nodes(node):
        if each not in later:
            yield from _read_at_once(each)


@pytest.mark.parametrize(
    "source",
    [
        "def f(now=time.monotonic): ...",
        "def f(*, now: Callable[[], float] = time.time_ns): ...",
        "class A:\n    now = time.perf_counter",
        "class A:\n    def f(self, now=time.perf_counter): ...",
        "now = time.monotonic",
        "from time import monotonic",
    ],
)
def test_a_clock_that_is_taken_early_is_found(source: str) -> None:
    assert taken_early(source)


@pytest.mark.parametrize(
    "source",
    ["def f(now=None):\n    now = now or time.monotonic", "import time", "f = lambda: time.time()"],
)
def test_a_clock_that_is_taken_when_it_is_needed_is_none(source: str) -> None:
    assert not taken_early(source)


def test_no_module_takes_a_clock_while_it_is_read(root: Path, tracked: list[Path]) -> None:
    sources = [each for each in tracked if each.suffix == ".py" and "src" in each.parts]
    assert sources
    found = {
        str(each.relative_to(root)): lines
        for each in sources
        if (lines := taken_early(each.read_text()))
    }
    assert not found
