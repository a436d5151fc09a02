import asyncio
import contextvars
import dataclasses
import functools
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from durable_workflow import activity
from durable_workflow._definitions import ACTIVITIES
from durable_workflow._meet import HeartbeatOptions, heartbeat_options
from durable_workflow.errors import ActivityCancelled

INFO = activity.ActivityInfo(
    task_id="t",
    activity_type="charge",
    activity_attempt_id="a",
    attempt_number=2,
    task_queue="q",
    worker_id="w",
)


def test_an_attempt_knows_what_the_one_before_reported_last() -> None:
    assert INFO.heartbeat_details is None
    later = dataclasses.replace(INFO, heartbeat_details={"row": 7})
    assert later.heartbeat_details == {"row": 7}
    assert later != INFO
    assert hash(later) == hash(INFO), "details are no key"


class Heartbeats:
    """Takes heartbeats, and answers as told."""

    def __init__(self, reply: object = None) -> None:
        self.reply = reply
        self.received: list[dict[str, object]] = []

    async def heartbeat_activity_task(self, **call: object) -> object:
        self.received.append(call)
        if isinstance(self.reply, Exception):
            raise self.reply
        return self.reply


@pytest.fixture
def registered() -> Iterator[Any]:
    before = activity.registry()
    yield
    ACTIVITIES.clear()
    ACTIVITIES.update(before)


@pytest.mark.usefixtures("registered")
def test_the_decorator_names_a_function_and_returns_it() -> None:
    def charge(order: str) -> str:
        return order

    assert activity.defn(name="charge")(charge) is charge
    assert vars(charge)["__activity_name__"] == "charge"
    assert activity.registry()["charge"] is charge


@pytest.mark.usefixtures("registered")
def test_the_last_one_of_a_name_is_registered() -> None:
    @activity.defn(name="charge")
    def first() -> None: ...

    @activity.defn(name="charge")
    async def second() -> None: ...

    assert activity.registry()["charge"] is second


def test_the_registry_is_a_copy() -> None:
    activity.registry()["nonsense"] = print
    assert "nonsense" not in activity.registry()


def test_the_name_is_a_keyword() -> None:
    with pytest.raises(TypeError):
        activity.defn("charge")  # type: ignore[call-overload]  # what is tested


def test_outside_of_an_activity_there_is_no_context() -> None:
    with pytest.raises(RuntimeError, match="outside of an activity"):
        activity.context()


def test_the_context_is_that_of_the_running_attempt() -> None:
    context = activity.ActivityContext(info=INFO, client=Heartbeats())

    def run() -> None:
        activity._set_context(context)
        assert activity.context() is context
        activity._set_context(None)
        with pytest.raises(RuntimeError):
            activity.context()

    contextvars.copy_context().run(run)


def test_info_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        INFO.task_id = "other"  # type: ignore[misc]  # what is tested


async def test_a_heartbeat_names_the_attempt_and_carries_plain_details() -> None:
    client = Heartbeats({"cancel_requested": False})
    context = activity.ActivityContext(info=INFO, client=client)
    assert context.info is INFO
    await context.heartbeat({"done": 3})
    await context.heartbeat()
    attempt = {"task_id": "t", "activity_attempt_id": "a", "lease_owner": "w"}
    assert client.received == [{**attempt, "details": {"done": 3}}, {**attempt, "details": None}]
    assert not context.is_cancelled


@pytest.mark.parametrize("reply", [{"cancel_requested": True}, {"cancel_requested": 1}])
async def test_the_answer_may_ask_the_attempt_to_stop(reply: Any) -> None:
    context = activity.ActivityContext(info=INFO, client=Heartbeats(reply))
    with pytest.raises(ActivityCancelled):
        await context.heartbeat()
    assert context.is_cancelled


@pytest.mark.parametrize("reply", [None, {}, "text", {"cancel_requested": None}])
async def test_any_other_answer_lets_it_go_on(reply: Any) -> None:
    context = activity.ActivityContext(info=INFO, client=Heartbeats(reply))
    await context.heartbeat()
    assert not context.is_cancelled


async def test_transport_errors_reach_the_activity() -> None:
    context = activity.ActivityContext(info=INFO, client=Heartbeats(OSError("gone")))
    with pytest.raises(OSError, match="gone"):
        await context.heartbeat()


async def test_a_thread_heartbeats_through_the_loop() -> None:
    client = Heartbeats({})
    context = activity.ActivityContext(info=INFO, client=client)
    await asyncio.to_thread(context.heartbeat_sync, {"done": 1})
    assert [call["details"] for call in client.received] == [{"done": 1}]


async def test_a_thread_is_told_to_stop() -> None:
    client = Heartbeats({"cancel_requested": True})
    context = activity.ActivityContext(info=INFO, client=client)
    caught: list[BaseException] = []

    def work() -> None:
        try:
            context.heartbeat_sync()
        except ActivityCancelled as stop:
            caught.append(stop)

    await asyncio.to_thread(work)
    assert len(caught) == 1
    assert context.is_cancelled


async def test_errors_reach_the_thread() -> None:
    context = activity.ActivityContext(info=INFO, client=Heartbeats(OSError("gone")))
    with pytest.raises(OSError, match="gone"):
        await asyncio.to_thread(context.heartbeat_sync)


async def test_the_loop_itself_is_not_made_to_wait_for_itself() -> None:
    context = activity.ActivityContext(info=INFO, client=Heartbeats())
    with pytest.raises(RuntimeError, match="await heartbeat"):
        context.heartbeat_sync()


def test_without_a_loop_there_is_nobody_to_ask() -> None:
    context = activity.ActivityContext(info=INFO, client=Heartbeats())
    with pytest.raises(RuntimeError, match="there is none"):
        context.heartbeat_sync()


async def test_the_loop_may_be_named_where_the_context_is_made_in_a_thread() -> None:
    client = Heartbeats({})
    loop = asyncio.get_running_loop()

    def work() -> None:
        activity.ActivityContext(info=INFO, client=client, loop=loop).heartbeat_sync()

    await asyncio.to_thread(work)
    assert len(client.received) == 1


def test_a_closed_loop_is_no_loop() -> None:
    loop = asyncio.new_event_loop()
    loop.close()
    context = activity.ActivityContext(info=INFO, client=Heartbeats(), loop=loop)
    with pytest.raises(RuntimeError, match="there is none"):
        context.heartbeat_sync()


def test_a_loop_that_closes_before_it_answers_is_none_either() -> None:
    loop = asyncio.new_event_loop()
    asked = threading.Event()
    loop.call_soon_threadsafe = lambda *_: asked.set()  # type: ignore[assignment,method-assign]  # too late to run
    context = activity.ActivityContext(info=INFO, client=Heartbeats(), loop=loop)
    with ThreadPoolExecutor(1) as threads:
        heartbeat = threads.submit(context.heartbeat_sync)
        assert asked.wait(10.0)
        loop.close()
        with pytest.raises(RuntimeError, match="there is none"):
            heartbeat.result(10.0)


@pytest.mark.parametrize("every", [0, -1, float("nan"), float("inf"), timedelta()])
def test_heartbeats_every_no_time_are_refused(every: Any) -> None:
    with pytest.raises(ValueError, match="heartbeat_every must be more than 0 seconds"):
        activity.defn(name="beats", heartbeat_every=every)


def test_options_of_heartbeats_are_kept_with_the_function() -> None:
    @activity.defn(name="plain")
    def plain() -> None: ...

    @activity.defn(name="beats", auto_heartbeat=True, heartbeat_every=timedelta(seconds=2))
    def beats() -> None: ...

    assert heartbeat_options(plain) is None
    assert heartbeat_options(beats) == HeartbeatOptions(automatic=True, every=2.0)


@pytest.mark.usefixtures("registered")
def test_without_a_name_the_function_gives_its_own() -> None:
    @activity.defn
    def charge(order: str) -> str:
        return order

    @activity.defn(auto_heartbeat=True)
    async def refund(order: str) -> str:
        return order

    assert activity.registry()["charge"] is charge
    assert vars(charge)["__activity_name__"] == "charge"
    assert activity.registry()["refund"] is refund
    assert heartbeat_options(refund) == HeartbeatOptions(automatic=True, every=None)


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize(
    ("decorate", "cure"),
    [
        (lambda: activity.defn("charge"), '@activity.defn(name="charge")'),  # type: ignore[call-overload]
        (lambda: activity.defn(name=1)(len), "must be a string, not 1"),  # type: ignore[call-overload]
        (lambda: activity.defn(lambda: 1), "has no name of its own"),
        (lambda: activity.defn(functools.partial(print)), "has no name of its own"),
        (lambda: activity.defn("".join), "takes no attributes: decorate the function where it"),
    ],
)
def test_a_decorator_that_is_used_wrongly_names_the_cure(decorate: Any, cure: str) -> None:
    with pytest.raises(TypeError) as raised:
        decorate()
    assert cure in str(raised.value)
