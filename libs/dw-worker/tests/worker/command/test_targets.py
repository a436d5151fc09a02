"""What `dw-worker` finds in the modules that it is given."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from durable_workflow.worker import Worker
from durable_workflow.worker._command._options import WrongUse
from durable_workflow.worker._command._targets import definitions_in, worker_of

DEFINITIONS = """
from durable_workflow import activity, workflow


@workflow.defn(name="order")
class Order:
    def run(self, ctx):
        yield


class Special(Order):
    '''Not decorated, so no workflow.'''


@activity.defn(name="charge")
def charge():
    ...


class Cards:
    @activity.defn(name="refund")
    async def refund(self):
        ...


refund = Cards().refund
"""


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], None]]:
    """Writes modules that can be imported."""
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    before = set(sys.modules)

    def write_module(name: str, text: str) -> None:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(text)

    yield write_module
    for name in set(sys.modules) - before:
        del sys.modules[name]


Write = Callable[[str, str], None]


def test_decorated_workflows_and_activities_are_found(write: Write) -> None:
    write("found_app.py", DEFINITIONS)
    found = definitions_in(("found_app",))
    assert sorted(found.workflows) == ["order"]
    assert found.workflows["order"].__name__ == "Order"
    assert sorted(found.activities) == ["charge", "refund"]


def test_what_a_module_imports_counts_and_counts_once(write: Write) -> None:
    write("whole_app.py", DEFINITIONS)
    write("part_app.py", "from whole_app import Order, charge\n")
    found = definitions_in(("part_app", "whole_app"))
    assert sorted(found.workflows) == ["order"]
    assert sorted(found.activities) == ["charge", "refund"]


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("empty_app", "", "module empty_app has no decorated workflow or activity: decorate with"),
        ("broken_app", "1 / 0", r"(?s)cannot be imported:.*broken_app.py.*ZeroDivisionError"),
        ("wrong_app", "def", r"(?s)cannot be imported:.*SyntaxError"),
        ("ends_app", "raise SystemExit(3)", r"(?s)cannot be imported:.*SystemExit: 3"),
        ("needs_app", "import no_such_thing", "(?s)cannot be imported:.*no_such_thing"),
    ],
)
def test_modules_that_cannot_be_served(write: Write, name: str, text: str, says: str) -> None:
    write(f"{name}.py", text)
    with pytest.raises(WrongUse, match=says) as refused:
        definitions_in((name,))
    assert "importlib" not in str(refused.value)


def test_a_package_without_definitions_names_its_modules(write: Write) -> None:
    write("outer_app/__init__.py", "")
    write("outer_app/inner.py", DEFINITIONS)
    with pytest.raises(WrongUse, match=r"It is a package; name modules of it: outer_app\.inner"):
        definitions_in(("outer_app",))


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("no_such_app", "there is no module 'no_such_app'"),
        ("no/such_app.py", r"A module is named with dots: no\.such_app"),
        ("./no_such_app.py", r"is no name of a module\. A module is named with dots: no_such_app"),
        (".no_such_app", r"'\.no_such_app' is no name of a module"),
        ("outer2_app.missing", r"there is no module 'outer2_app\.missing'"),
    ],
)
def test_a_module_that_is_not_there(write: Write, name: str, says: str) -> None:
    write("outer2_app/__init__.py", "")
    with pytest.raises(WrongUse, match=says):
        definitions_in((name,))


def test_two_definitions_of_one_name_are_refused(write: Write) -> None:
    write("first_app.py", DEFINITIONS)
    write("second_app.py", DEFINITIONS)
    with pytest.raises(WrongUse, match=r"workflow 'order': first_app\.Order and second_app\.Order"):
        definitions_in(("first_app", "second_app"))


WORKERS = """
from durable_workflow.worker import Worker


class Client:
    pass


def make(queue="mine"):
    return Worker(Client(), task_queue=queue)


async def make_async():
    return make("async")


worker = make()
class Inner:
    worker = worker
nothing = 3
def returns_nothing(): ...
def wants(much): ...
"""


@pytest.mark.parametrize(
    ("attribute", "queue"),
    [("worker", "mine"), ("Inner.worker", "mine"), ("make", "mine"), ("make_async", "async")],
)
async def test_a_worker_of_the_programs_own(write: Write, attribute: str, queue: str) -> None:
    write("own_app.py", WORKERS)
    worker: Any = await worker_of(f"own_app:{attribute}")
    assert isinstance(worker, Worker)
    assert worker.task_queue == queue


@pytest.mark.parametrize(
    ("attribute", "says"),
    [
        ("missing", "module own2_app has no attribute 'missing'"),
        ("nothing", "own2_app:nothing is a int, not a Worker"),
        ("returns_nothing", "own2_app:returns_nothing returned a NoneType, not a Worker"),
        ("wants", "own2_app:wants is called without arguments.*'much'"),
    ],
)
async def test_a_worker_that_is_none(write: Write, attribute: str, says: str) -> None:
    write("own2_app.py", WORKERS)
    with pytest.raises(WrongUse, match=says):
        await worker_of(f"own2_app:{attribute}")
