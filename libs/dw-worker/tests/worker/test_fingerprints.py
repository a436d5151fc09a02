"""Hashes of workflow definitions."""

import subprocess
import sys
from typing import Any

import pytest

from durable_workflow import workflow
from durable_workflow.worker._fingerprints import activity_name, fingerprint


@workflow.defn(name="f")
class Defined:
    @workflow.signal("go")
    def go(self) -> None: ...

    def run(self, ctx: Any) -> int:
        return 1


def test_has_the_published_form() -> None:
    value = fingerprint(Defined, "f")
    assert value.startswith("sha256:")
    assert len(value) == len("sha256:") + 64
    assert value == fingerprint(Defined, "f")


def test_depends_on_name_and_receivers() -> None:
    class Other(Defined):
        pass

    assert fingerprint(Defined, "f") != fingerprint(Defined, "g")
    before = fingerprint(Other, "f")
    Other.__workflow_signals__ = {"stop": "go"}  # type: ignore[attr-defined]
    assert fingerprint(Other, "f") != before


_WITHOUT_SOURCE = """
from durable_workflow.worker._fingerprints import fingerprint
names = {"__name__": "made"}
exec('''
class Made:
    limit = %d
    marker = object()
    def run(self, ctx, kind):
        return [x for x in (1, 2) if kind in {"a", "b", "c", "d"}]
    @staticmethod
    def helper(): return (lambda: 1)
''', names)
print(fingerprint(names["Made"], "made"))
"""


@pytest.mark.parametrize("limit", [1, 2])
def test_is_the_same_in_every_process_without_a_source(limit: int) -> None:
    def run(seed: str, value: int) -> str:
        program = [sys.executable, "-c", _WITHOUT_SOURCE % value]
        environment = {"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)}
        return subprocess.run(
            program, env=environment, capture_output=True, text=True, check=True
        ).stdout

    assert run("1", limit) == run("2", limit)
    assert run("1", limit) != run("1", limit + 1)


def test_an_object_can_be_an_activity() -> None:
    class Callable:
        def __call__(self) -> None: ...

    assert activity_name(Callable()) == "Callable"
