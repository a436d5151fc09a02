"""Fixtures for pytest, which finds this module by its entry point.

workflow_environment: a `WorkflowEnvironment` without mocks.
dw_server: a real server, in this process and with a state of its own for each test. The marker
    `dw_server(...)` gives it arguments.
dw_client: a client of that server.
dw_worker: starts workers of that server.
"""

import inspect
from collections.abc import AsyncGenerator, Callable, Generator
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final, cast

import pytest

if TYPE_CHECKING:
    from durable_workflow.client import Client
    from durable_workflow.testing import WorkflowEnvironment, WorkflowTestServer

_MARKER: Final = "dw_server"
_LOOP_SCOPES: Final = ("function", "class", "module", "package", "session")


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line(
        "markers",
        f"{_MARKER}(**arguments): arguments of the WorkflowTestServer that the fixtures give",
    )


# This module stands outside of `durable_workflow.testing`, which is imported by the tests that use
# it and not by every session of an environment that has the wheel.


@pytest.fixture
def workflow_environment() -> "WorkflowEnvironment":
    """An environment without mocks."""
    from durable_workflow.testing import WorkflowEnvironment

    return WorkflowEnvironment()


@pytest.fixture
def dw_server(request: pytest.FixtureRequest) -> "Generator[WorkflowTestServer, None, None]":
    """A real server in this process, with a state of its own."""
    from durable_workflow.testing import WorkflowTestServer

    marker: pytest.Mark | None = request.node.get_closest_marker(_MARKER)
    arguments: dict[str, Any] = {} if marker is None else dict(marker.kwargs)
    with WorkflowTestServer(**arguments) as server:
        yield server


@pytest.fixture
def dw_worker(dw_server: "WorkflowTestServer") -> "Callable[..., Any]":
    """Starts workers of `dw_server`: call it with `workflows` and `activities` in a `with`."""
    return dw_server.worker


@pytest.fixture
def dw_client(request: pytest.FixtureRequest) -> "Client":
    """A client of `dw_server`, for tests that are coroutines."""
    return cast("Client", request.getfixturevalue(_client_fixture_of(request)))


def _client_fixture(
    fixture: Callable[..., Any], name: str, **options: Any
) -> "Callable[[WorkflowTestServer], AsyncGenerator[Client, None]]":
    # A function for each: the plugins write their options on it.
    async def client(dw_server: "WorkflowTestServer") -> "AsyncGenerator[Client, None]":
        async with dw_server.client() as client:
            yield client

    decorated: Any = fixture(name=name, **options)(client)
    return decorated  # type: ignore[no-any-return] # what pytest makes of it


# A client belongs to the event loop of its test, which one of two plugins runs. Each has its own
# way of running a fixture on that loop.
_dw_client_of_anyio = _client_fixture(pytest.fixture, "_dw_client_of_anyio")
if find_spec("pytest_asyncio") is not None:
    for _scope in _LOOP_SCOPES:
        _name = f"_dw_client_of_asyncio_{_scope}"
        globals()[_name] = _client_fixture(
            import_module("pytest_asyncio").fixture, _name, loop_scope=_scope
        )


def _client_fixture_of(request: pytest.FixtureRequest) -> str:
    """The fixture that gives the client on the event loop of the test.

    Raises:
        UsageError: No plugin runs the test on a loop.
    """
    node: Any = request.node
    if not inspect.iscoroutinefunction(getattr(node, "obj", None)):
        raise pytest.UsageError(
            f"{node.nodeid}: dw_client is for tests that are coroutines. In a plain test use "
            "`async with dw_server.client()` in a coroutine that the test runs"
        )
    if node.get_closest_marker("anyio") is not None or "anyio_backend" in node.fixturenames:
        return "_dw_client_of_anyio"
    if not request.config.pluginmanager.hasplugin("asyncio"):
        raise pytest.UsageError(
            f"{node.nodeid}: dw_client needs a plugin that runs tests on an event loop: "
            "pip install pytest-asyncio"
        )
    marker = node.get_closest_marker("asyncio")
    scope = marker.kwargs.get("loop_scope") if marker is not None else None
    return f"_dw_client_of_asyncio_{scope or _default_loop_scope(request.config)}"


def _default_loop_scope(config: pytest.Config) -> str:
    try:
        return str(config.getini("asyncio_default_test_loop_scope") or "function")
    except (KeyError, ValueError):
        return "function"
