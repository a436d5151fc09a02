"""Heartbeats that the worker sends in the background, as the options of an activity say."""

import asyncio
import threading
from typing import Any

import pytest

from durable_workflow import activity
from durable_workflow.errors import ActivityCancelled, ServerError
from durable_workflow.worker import Worker, _activity_heartbeats, _reporting


def task(activity_type: str) -> dict[str, Any]:
    return {
        "task_id": "t",
        "activity_attempt_id": "a",
        "activity_type": activity_type,
        "retry_policy": {"max_attempts": 1, "heartbeat_timeout": 1},
    }


async def run(server: Any, function: Any, name: str, *, patient: bool = False) -> str:
    worker = Worker(server, task_queue="q")
    worker.activities[name] = function
    worker._reporter.patient = patient  # pyright: ignore[reportPrivateUsage] # as `run` makes it
    return await worker._run_activity_task(task(name))  # pyright: ignore[reportPrivateUsage]


def ask_to_stop(**_: Any) -> dict[str, Any]:
    return {"cancel_requested": True}


@pytest.fixture
def beats(server: Any) -> Any:
    """Waits until the server has so many heartbeats of the activity."""

    async def wait(count: int) -> list[Any]:
        await server.until(lambda: server.count("heartbeat_activity_task") >= count)
        return [call.get("details") for call in server.calls["heartbeat_activity_task"]]

    return wait


async def test_automatic_heartbeats_say_that_the_worker_lives(server: Any, beats: Any) -> None:
    @activity.defn(name="silent", auto_heartbeat=True, heartbeat_every=0.01)
    async def silent() -> None:
        await beats(3)

    assert await run(server, silent, "silent") == "completed"
    sent = server.count("heartbeat_activity_task")
    assert sent >= 3
    await asyncio.sleep(0)
    assert server.count("heartbeat_activity_task") == sent, "none after its end"


async def test_heartbeats_in_the_background_carry_the_newest_details(
    server: Any, beats: Any
) -> None:
    @activity.defn(name="steps", heartbeat_every=0.05)
    async def steps() -> None:
        await activity.context().heartbeat({"step": 0})
        await beats(1)
        for number in range(1, 100):
            await activity.context().heartbeat({"step": number})
        assert await beats(2) == [{"step": 0}, {"step": 99}]

    assert await run(server, steps, "steps") == "completed"


async def test_what_a_failed_attempt_said_last_is_sent_before_its_failure(
    server: Any, beats: Any
) -> None:
    sent_before: list[int] = []

    def failed(**_: Any) -> dict[str, Any]:
        sent_before.append(server.count("heartbeat_activity_task"))
        return {}

    server.on["fail_activity_task"] = failed

    @activity.defn(name="halfway", heartbeat_every=30)
    async def halfway() -> None:
        progress = {"step": 0}
        await activity.context().heartbeat(progress)
        await beats(1)
        await activity.context().heartbeat({"step": 1})
        raise ConnectionError("lost")

    assert await run(server, halfway, "halfway") == "failed"
    assert await beats(2) == [{"step": 0}, {"step": 1}]
    assert sent_before == [2]


async def test_what_a_failed_attempt_said_last_waits_for_a_server_that_restarts(
    server: Any, beats: Any
) -> None:
    away = iter([False, True, True, False])

    def refuse(**_: Any) -> None:
        if next(away):
            raise ConnectionRefusedError("nobody listens")

    server.on["heartbeat_activity_task"] = refuse

    @activity.defn(name="halfway", heartbeat_every=30)
    async def halfway() -> None:
        await activity.context().heartbeat({"step": 0})
        await beats(1)
        await activity.context().heartbeat({"step": 1})
        raise ConnectionError("lost")

    assert await run(server, halfway, "halfway", patient=True) == "failed"
    assert await beats(4) == [{"step": 0}, *[{"step": 1}] * 3]
    assert server.count("fail_activity_task") == 1


async def test_a_failure_waits_only_so_long_for_what_its_attempt_said_last(
    server: Any, beats: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(_activity_heartbeats, "_REST_SECONDS", 0.01)

    def refuse(**_: Any) -> None:
        if server.count("heartbeat_activity_task") > 1:
            raise ConnectionRefusedError("nobody listens")

    server.on["heartbeat_activity_task"] = refuse

    @activity.defn(name="halfway", heartbeat_every=30)
    async def halfway() -> None:
        await activity.context().heartbeat({"step": 0})
        await beats(1)
        await activity.context().heartbeat({"step": 1})
        raise ConnectionError("lost")

    assert await run(server, halfway, "halfway", patient=True) == "failed"
    assert "heartbeat of activity halfway (task t) failed: TimeoutError" in caplog.text
    assert server.count("fail_activity_task") == 1


async def test_an_attempt_that_was_told_to_stop_says_nothing_more(server: Any, beats: Any) -> None:
    said = asyncio.Event()

    async def ask_to_stop_late(**_: Any) -> dict[str, Any]:
        await said.wait()
        return ask_to_stop()

    server.on["heartbeat_activity_task"] = ask_to_stop_late

    @activity.defn(name="stubborn", heartbeat_every=30)
    async def stubborn() -> None:
        await activity.context().heartbeat({"step": 0})
        await beats(1)
        await activity.context().heartbeat({"step": 1})
        said.set()
        try:
            await asyncio.Event().wait()
        except ActivityCancelled:
            raise ConnectionError("lost while cleaning up") from None

    assert await run(server, stubborn, "stubborn") == "failed"
    assert await beats(1) == [{"step": 0}]
    assert server.count("fail_activity_task") == 1


async def test_nothing_is_sent_twice_where_an_attempt_fails(server: Any, beats: Any) -> None:
    @activity.defn(name="over", heartbeat_every=30)
    async def over() -> None:
        await activity.context().heartbeat({"step": 0})
        await beats(1)
        await asyncio.sleep(0)
        raise ConnectionError("lost")

    assert await run(server, over, "over") == "failed"
    assert await beats(1) == [{"step": 0}]


async def test_nothing_is_sent_where_the_code_says_nothing(server: Any) -> None:
    @activity.defn(name="quiet", heartbeat_every=0.001)
    async def quiet() -> None:
        await asyncio.sleep(0.02)  # many times the pause between two heartbeats

    assert await run(server, quiet, "quiet") == "completed"
    assert server.count("heartbeat_activity_task") == 0


async def test_a_coroutine_is_cancelled_without_asking(server: Any) -> None:
    server.on["heartbeat_activity_task"] = ask_to_stop
    told = asyncio.Event()

    @activity.defn(name="patient", auto_heartbeat=True)
    async def patient() -> None:
        try:
            await asyncio.Event().wait()
        except ActivityCancelled:
            told.set()
            raise

    assert await run(server, patient, "patient") == "cancelled"
    assert told.is_set()


async def test_a_function_in_a_thread_sees_that_it_is_cancelled(server: Any) -> None:
    server.on["heartbeat_activity_task"] = ask_to_stop

    @activity.defn(name="busy", auto_heartbeat=True)
    def busy() -> None:
        tick = threading.Event()
        while not activity.context().is_cancelled:
            tick.wait(0.001)
        activity.context().heartbeat_sync()

    assert await run(server, busy, "busy") == "cancelled"


async def test_a_heartbeat_that_fails_is_logged_and_the_next_is_sent(
    server: Any, beats: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(**_: Any) -> None:
        raise ServerError(500, {"message": "out of order"})

    server.on["heartbeat_activity_task"] = refuse

    @activity.defn(name="steady", auto_heartbeat=True, heartbeat_every=0.01)
    async def steady() -> None:
        await beats(2)

    assert await run(server, steady, "steady") == "completed"
    assert "heartbeat of activity steady (task t) failed: ServerError" in caplog.text


@pytest.mark.parametrize("in_thread", [False, True])
async def test_a_heartbeat_waits_for_a_server_that_restarts(
    server: Any, caplog: pytest.LogCaptureFixture, in_thread: bool
) -> None:
    away = iter([True, True, False, True, False])

    def refuse(**_: Any) -> None:
        if next(away):
            raise ConnectionRefusedError("nobody listens")

    def beat() -> None:
        activity.context().heartbeat_sync({"step": 1})
        activity.context().heartbeat_sync({"step": 2})

    async def beat_on_the_loop() -> None:
        await activity.context().heartbeat({"step": 1})
        await activity.context().heartbeat({"step": 2})

    server.on["heartbeat_activity_task"] = refuse
    worker = Worker(server, task_queue="q")
    worker.activities["beat"] = beat if in_thread else beat_on_the_loop
    worker._reporter.patient = True  # pyright: ignore[reportPrivateUsage] # as `run` makes it
    outcome = await worker._run_activity_task(task("beat"))  # pyright: ignore[reportPrivateUsage]
    assert outcome == "completed"
    assert server.count("heartbeat_activity_task") == 5
    waits = "heartbeat of activity beat (task t) waits for the server: nobody listens"
    assert caplog.messages == [waits, waits]


@pytest.mark.parametrize(
    ("error", "patient", "tries"),
    [
        (ServerError(409, {"reason": "stale_attempt"}), True, 1),
        (ConnectionRefusedError("nobody listens"), False, 1),
        (ConnectionRefusedError("nobody listens"), True, 10),
    ],
)
async def test_the_activity_gets_the_error_of_a_heartbeat_that_did_not_arrive(
    server: Any, monkeypatch: pytest.MonkeyPatch, error: Exception, patient: bool, tries: int
) -> None:
    def refuse(**_: Any) -> None:
        raise error

    caught: list[Exception] = []

    async def beat() -> None:
        try:
            await activity.context().heartbeat()
        except Exception as error:
            caught.append(error)
            raise

    monkeypatch.setattr(_reporting, "_PATIENT_PAUSES_SECONDS", (0.0,) * 9)
    server.on["heartbeat_activity_task"] = refuse
    worker = Worker(server, task_queue="q")
    worker.activities["beat"] = beat
    worker._reporter.patient = patient  # pyright: ignore[reportPrivateUsage]
    outcome = await worker._run_activity_task(task("beat"))  # pyright: ignore[reportPrivateUsage]
    assert outcome == "failed"
    assert [str(each) for each in caught] == [str(error)]
    assert server.count("heartbeat_activity_task") == tries
