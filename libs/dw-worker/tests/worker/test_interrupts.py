import asyncio
import functools
import os
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import pytest

from durable_workflow.worker._contained import Ended, contained
from durable_workflow.worker._interrupts import is_ctrl_c


class Handler:
    """A handler as `asyncio.Runner` installs one."""

    def handle(self, number: int, frame: FrameType | None, *, told: str) -> None:
        raise KeyboardInterrupt


def plain(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


HANDLERS = [
    signal.default_int_handler,
    plain,
    functools.partial(Handler().handle, told="by Ctrl-C"),
]


@pytest.fixture(params=HANDLERS, ids=["python's", "function", "asyncio's"])
def _handler(request: pytest.FixtureRequest) -> Iterator[None]:
    before = signal.signal(signal.SIGINT, request.param)
    yield
    signal.signal(signal.SIGINT, before)


def spins() -> None:
    os.kill(os.getpid(), signal.SIGINT)
    while True:
        pass


def raises() -> None:
    raise KeyboardInterrupt


def raises_another() -> None:
    raise ValueError


def caught(code: Callable[[], Any]) -> BaseException:
    try:
        code()
    except BaseException as error:  # noqa: BLE001 - it is what is looked at
        return error
    raise AssertionError("nothing was raised")


@pytest.mark.usefixtures("_handler")
def test_a_signal_is_told_from_code_that_raises() -> None:
    assert is_ctrl_c(caught(spins))
    assert not is_ctrl_c(caught(raises))
    assert not is_ctrl_c(caught(raises_another))
    assert not is_ctrl_c(KeyboardInterrupt())
    assert not is_ctrl_c(None)


@pytest.mark.usefixtures("_handler")
def test_code_in_another_thread_is_never_interrupted_by_a_signal() -> None:
    error, told = caught(spins), list[bool]()
    thread = threading.Thread(target=lambda: told.append(is_ctrl_c(error)))
    thread.start()
    thread.join()
    assert told == [False]


@pytest.mark.usefixtures("_handler")
def test_what_contains_user_code_lets_a_signal_through() -> None:
    async def spinning() -> None:
        spins()

    async def raising() -> None:
        raises()

    loop = asyncio.new_event_loop()
    try:
        with pytest.raises(KeyboardInterrupt):
            loop.run_until_complete(contained(spinning()))
        with pytest.raises(Ended):
            loop.run_until_complete(contained(raising()))
    finally:
        loop.close()
