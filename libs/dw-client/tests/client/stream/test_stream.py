"""The worker's end of a stream, against a server that does what a test says."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
import asyncio
import logging
import threading
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import pytest

from durable_workflow._meet import Lease, Report, ServerUnreachable, StreamEnded
from durable_workflow.client._stream._outbox import FRAME_BYTES
from durable_workflow.client._stream._stream import HttpStream
from durable_workflow.errors import InvalidArgument, ServerError

Json = dict[str, Any]
Begin = Callable[..., HttpStream]

ACTIVITY = Lease("activity", "t-1", "a-1", "w")
TASK: Json = {
    "type": "task",
    "kind": "activity",
    "task": {"task_id": "t-1", "activity_attempt_id": "a-1", "activity_type": "act"},
}
HELD = {"kind": "activity", "task_id": "t-1", "attempt": "a-1"}
DONE = Report(ACTIVITY, "complete", {"result": {"codec": "json", "blob": "1"}})


def ended() -> asyncio.Task[None]:
    """The task in which the stream runs."""
    [task] = [each for each in asyncio.all_tasks() if each.get_name() == "stream"]
    return task


async def reporting(stream: HttpStream, report: Report = DONE) -> asyncio.Task[Any]:
    task = asyncio.create_task(stream.report(report))
    await asyncio.sleep(0)
    return task


async def test_hello_names_the_worker_and_a_task_is_reported(
    open_stream: Begin, server: Any, listener: Any, counted: Any
) -> None:
    stream = open_stream()
    peer = await server.peer()
    assert peer.hello == {
        "type": "hello",
        "worker_id": "w",
        "session": "s",
        "task_queue": "q",
        "slots": {"workflow": 2, "activity": 3, "query": 1},
        "held": [],
        "claims": True,
        "decides": True,
    }
    [request] = server.requests
    assert request.path == "/api/worker/stream"
    assert request.headers["Authorization"] == "Bearer t"
    await peer.send(TASK)
    task = await stream.poll("activity", timeout=30)
    assert task == TASK["task"]
    report = await reporting(stream)
    message = await peer.next()
    assert (message.pop("id"), type(message.pop("took_us"))) == (1, int)
    assert message == {"type": "complete", **HELD, "result": {"codec": "json", "blob": "1"}}
    assert not report.done(), "nothing is reported before it is acknowledged"
    await peer.send({"type": "acks", "ids": [1]})
    await report
    assert counted == [("activity", "complete")]
    assert listener.welcomes[0]["heartbeat_seconds"] == 10


async def test_what_one_turn_of_the_loop_reports_leaves_in_one_frame(
    open_stream: Begin, server: Any
) -> None:
    stream = open_stream()
    peer = await server.peer()
    leases = [Lease("workflow", f"t-{number}", 1, "w") for number in range(50)]
    reports = [
        asyncio.create_task(stream.report(Report(lease, "complete", {"commands": []})))
        for lease in leases
    ]
    messages = [await peer.next() for _ in leases]
    assert len(peer.frames) == 1
    assert [message["id"] for message in messages] == list(range(1, 51))
    await peer.acknowledge(*messages)
    await asyncio.gather(*reports)


async def test_what_was_not_acknowledged_is_held_and_reported_again_after_a_cut(
    open_stream: Begin, server: Any, caplog: pytest.LogCaptureFixture
) -> None:
    stream = open_stream()
    peer = await server.peer()
    await peer.send(TASK)
    await stream.poll("activity", timeout=30)
    report = await reporting(stream)
    first = await peer.next()
    caplog.set_level(logging.INFO)
    await peer.cut()
    peer = await server.peer()
    assert peer.hello["held"] == [HELD]
    second = await peer.next()
    assert second | {"id": 0} == first | {"id": 0}
    assert second["id"] == 1, "ids count within a connection"
    await peer.acknowledge(second)
    await report
    assert caplog.text.count("is interrupted") == 1
    assert caplog.text.count("is back") == 1
    await peer.cut()
    assert (await server.peer()).hello["held"] == []


async def test_reports_that_are_made_while_there_is_no_connection_wait_for_one(
    open_stream: Begin, server: Any
) -> None:
    stream = open_stream()
    peer = await server.peer()
    await server.stop()
    report = await reporting(stream)
    with pytest.raises(ServerUnreachable):
        await stream.heartbeat(ACTIVITY, None)
    with pytest.raises(ServerUnreachable):
        await stream.alive({})
    await server.start()
    peer = await server.peer()
    await peer.acknowledge(await peer.next())
    await report


async def test_what_a_welcome_drops_is_told_and_not_reported(
    open_stream: Begin, server: Any, listener: Any
) -> None:
    stream = open_stream()
    peer = await server.peer()
    await peer.send(TASK)
    await stream.poll("activity", timeout=30)
    report = await reporting(stream)
    await peer.next()
    server.answers = [[{"type": "welcome", "heartbeat_seconds": 10, "dropped": ["t-1"]}]]
    await peer.cut()
    again = await server.peer()
    with pytest.raises(ServerError) as refused:
        await report
    assert refused.value.status == 409
    assert listener.drops == [("t-1", "a-1")]
    stream.release(ACTIVITY)
    message = await again.next()
    assert (message["type"], message["task_id"]) == ("fail", "t-1"), "its slot is given back"


async def test_what_the_answer_to_alive_drops_is_told(
    open_stream: Begin, server: Any, listener: Any
) -> None:
    stream = open_stream()
    peer = await server.peer()
    await peer.send(TASK)
    await stream.poll("activity", timeout=30)
    alive = asyncio.create_task(stream.alive({"worker_id": "w", "task_slots": {}}))
    message = await peer.next()
    assert message["held"] == [HELD]
    body = {"dropped": ["t-1"]}
    await peer.send({"type": "answer", "id": message["id"], "status": 200, "body": body})
    assert await alive == body
    stream.release(ACTIVITY)
    message = await peer.next()
    assert (message["type"], message["task_id"]) == ("fail", "t-1"), "its slot is given back"
    assert listener.drops == [("t-1", "a-1")]


async def test_a_report_that_was_taken_is_not_lost_to_a_list_made_after_it(
    open_stream: Begin, server: Any, listener: Any
) -> None:
    stream = open_stream()
    peer = await server.peer()
    await peer.send(TASK)
    await stream.poll("activity", timeout=30)
    report = await reporting(stream)
    reported = await peer.next()
    alive = asyncio.create_task(stream.alive({}))
    message = await peer.next()
    # The report was handled, and its commit is awaited: the task is not held any more.
    body = {"dropped": ["t-1"]}
    await peer.send({"type": "answer", "id": message["id"], "status": 200, "body": body})
    await alive
    await peer.acknowledge(reported)
    await report
    assert listener.drops == []


async def test_a_task_that_is_dropped_before_it_was_asked_for_is_not_given_out(
    open_stream: Begin, server: Any, listener: Any
) -> None:
    stream = open_stream()
    peer = await server.peer()
    await asyncio.wait_for(listener.opened.wait(), 5)
    await peer.send(TASK)
    alive = asyncio.create_task(stream.alive({}))
    message = await peer.next()
    body = {"dropped": ["t-1"]}
    await peer.send({"type": "answer", "id": message["id"], "status": 200, "body": body})
    await alive
    assert await stream.poll("activity", timeout=0.05) is None
    message = await peer.next()
    assert (message["type"], message["task_id"]) == ("fail", "t-1"), "its slot is given back"


async def test_a_task_begins_before_whoever_waited_for_it_goes_on(
    open_stream: Begin, server: Any
) -> None:
    stream = open_stream()
    peer = await server.peer()
    order: list[str] = []

    def begin(task: Any) -> None:
        asyncio.get_running_loop().call_soon(order.append, task["task_id"])

    async def poll() -> None:
        await stream.poll("activity", timeout=5, begin=begin)
        order.append("polled")

    polling = asyncio.create_task(poll())
    await peer.next_pong()
    await peer.send(TASK)
    await polling
    assert order == ["t-1", "polled"]


async def test_a_task_that_is_dropped_before_it_was_asked_for_does_not_begin(
    open_stream: Begin, server: Any, listener: Any
) -> None:
    stream = open_stream()
    peer = await server.peer()
    await asyncio.wait_for(listener.opened.wait(), 5)
    await peer.send(TASK)
    alive = asyncio.create_task(stream.alive({}))
    message = await peer.next()
    body = {"dropped": ["t-1"]}
    await peer.send({"type": "answer", "id": message["id"], "status": 200, "body": body})
    await alive
    begun: list[Any] = []
    assert await stream.poll("activity", timeout=0.05, begin=begun.append) is None
    assert not begun


async def test_a_refusal_is_the_error_that_it_stands_for_and_the_task_is_held_on(
    open_stream: Begin, server: Any
) -> None:
    stream = open_stream()
    peer = await server.peer()
    await peer.send(TASK)
    await stream.poll("activity", timeout=30)
    report = await reporting(stream)
    message = await peer.next()
    refusal = {"reason": "validation_failed", "message": "no"}
    await peer.send({"type": "refused", "id": message["id"], "status": 422, "body": refusal})
    with pytest.raises(InvalidArgument):
        await report
    await peer.cut()
    assert (await server.peer()).hello["held"] == [HELD]


async def test_a_report_for_which_the_server_has_no_time_is_sent_again(
    open_stream: Begin, server: Any
) -> None:
    stream = open_stream()
    peer = await server.peer()
    report = await reporting(stream)
    for status in (503, 429):
        message = await peer.next()
        await peer.send({"type": "refused", "id": message["id"], "status": status, "body": {}})
    await peer.acknowledge(await peer.next())
    await report
    assert server.peers.empty(), "all on the same connection"


async def test_a_task_that_could_not_be_reported_is_failed(open_stream: Begin, server: Any) -> None:
    stream = open_stream()
    peer = await server.peer()
    await peer.send(TASK)
    await stream.poll("activity", timeout=30)
    stream.release(ACTIVITY)
    message = await peer.next()
    assert (message["type"], message["task_id"]) == ("fail", "t-1")
    await peer.acknowledge(message)
    stream.release(ACTIVITY)  # once is enough
    alive = asyncio.create_task(stream.alive({}))
    assert (await peer.next())["type"] == "alive"
    alive.cancel()


async def test_cancel_is_told_and_a_heartbeat_and_a_history_are_answered(
    open_stream: Begin, server: Any, listener: Any
) -> None:
    stream = open_stream()
    peer = await server.peer()
    await asyncio.wait_for(listener.opened.wait(), 5)
    await peer.send(
        {"type": "cancel", "kind": "activity", "task_id": "t-1", "reason": "terminated"}
    )
    await peer.send({"type": "something_new"})
    beat = asyncio.create_task(stream.heartbeat(ACTIVITY, {"done": 3}))
    message = await peer.next()
    assert message["details"] == {"done": 3}
    answer = {"type": "answer", "id": message["id"], "status": 200, "body": {"cancel_requested": 1}}
    await peer.send(answer)
    assert await beat == {"cancel_requested": 1}
    assert listener.cancels == [("t-1", "terminated")]
    page = asyncio.create_task(stream.history(Lease("workflow", "t", 2, "w"), "token"))
    message = await peer.next()
    assert (message["attempt"], message["token"]) == (2, "token")
    await peer.cut()
    peer = await server.peer()
    message = await peer.next()
    await peer.send({"type": "answer", "id": message["id"], "status": 200, "body": {"events": []}})
    assert await page == {"events": []}


@pytest.mark.parametrize(
    ("error", "ends"),
    [
        (ServerUnreachable("refused"), False),
        (ServerError(503, {"reason": "starting"}), False),
        (ServerError(409, {"reason": "worker_deregistered"}), True),
    ],
)
async def test_a_worker_that_cannot_register_again_tries_on_or_polls(
    open_stream: Begin, server: Any, listener: Any, error: Exception, ends: bool
) -> None:
    async def fail() -> None:
        raise error

    listener.register_again = fail
    server.answers = [[{"type": "refused", "id": None, "status": 412, "body": {}}]]
    open_stream()
    if ends:
        with pytest.raises(StreamEnded, match="could not register again"):
            await ended()
    else:
        await server.peer()


async def test_an_unknown_worker_registers_again(
    open_stream: Begin, server: Any, listener: Any
) -> None:
    body = {"reason": "worker_not_registered", "message": "who?"}
    server.answers = [[{"type": "refused", "id": None, "status": 412, "body": body}]]
    open_stream()
    await server.peer()
    assert listener.registrations == 1


@pytest.mark.parametrize(
    "status", [HTTPStatus.NOT_FOUND, HTTPStatus.BAD_REQUEST, HTTPStatus.UPGRADE_REQUIRED]
)
async def test_a_refused_upgrade_ends_the_stream(
    open_stream: Begin, server: Any, status: HTTPStatus
) -> None:
    server.statuses = [status]
    stream = open_stream()
    waiting = asyncio.create_task(stream.poll("activity", timeout=30))
    with pytest.raises(StreamEnded, match=str(status.value)):
        await ended()
    with pytest.raises(StreamEnded):
        await waiting
    with pytest.raises(StreamEnded):
        await stream.report(DONE)


async def test_a_refusal_of_what_was_open_may_pass_and_ends_the_stream_later(
    open_stream: Begin, server: Any
) -> None:
    stream = open_stream()
    peer = await server.peer()
    server.statuses = [HTTPStatus.NOT_FOUND] * 2
    await peer.cut()
    peer = await server.peer()
    stream.refusal_seconds = 0.1
    server.statuses = [HTTPStatus.NOT_FOUND] * 10
    await peer.cut()
    with pytest.raises(StreamEnded, match="404"):
        await ended()


async def test_a_server_that_is_away_is_waited_for(open_stream: Begin, server: Any) -> None:
    server.statuses = [HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.BAD_GATEWAY]
    open_stream()
    await server.peer()
    assert len(server.requests) == 3


async def test_a_frame_that_is_no_list_of_messages_ends_the_stream(
    open_stream: Begin, server: Any
) -> None:
    open_stream()
    peer = await server.peer()
    await peer.socket.send("{}")
    with pytest.raises(StreamEnded, match="not a list"):
        await ended()


async def test_drain_gives_all_slots_up_and_close_says_bye(open_stream: Begin, server: Any) -> None:
    stream = open_stream()
    peer = await server.peer()
    stream.drain()
    assert await peer.next() == {"type": "slots", "workflow": 0, "activity": 0, "query": 0}
    running = ended()
    closing = asyncio.create_task(stream.close())
    assert await peer.next() == {"type": "bye"}
    await peer.socket.close()
    await closing
    await running


async def test_tasks_and_reports_cross_threads(open_stream: Begin, server: Any) -> None:
    stream = open_stream()
    peer = await server.peer()
    results: list[Any] = []

    async def work() -> None:
        results.append(await stream.poll("activity", timeout=30))
        results.append(await stream.report(DONE))

    thread = threading.Thread(target=lambda: asyncio.run(work()))
    thread.start()
    await peer.send(TASK)
    await peer.acknowledge(await peer.next())
    await asyncio.to_thread(thread.join, 5)
    assert results == [TASK["task"], {}]


async def test_a_message_that_is_too_large_is_refused_and_not_sent_for_ever(
    open_stream: Begin, server: Any
) -> None:
    stream = open_stream()
    peer = await server.peer()
    report = await reporting(stream)
    await peer.next()
    await peer.socket.close(1009, "frame over the limit")
    with pytest.raises(Exception, match="over the limit"):
        await report
    await server.peer()


# Two bytes each in UTF-8, so that their number is below the limit and their size above.
WIDE = {"note": "\u00e9" * (FRAME_BYTES * 3 // 4)}


async def test_a_message_that_no_frame_can_hold_is_refused_alone(
    open_stream: Begin, server: Any
) -> None:
    stream = open_stream()
    peer = await server.peer()
    await peer.send(TASK)
    await stream.poll("activity", timeout=30)
    for call in (stream.heartbeat(ACTIVITY, WIDE), stream.report(Report(ACTIVITY, "fail", WIDE))):
        with pytest.raises(ServerError, match=r"the message has \d+ bytes") as refused:
            await call
        assert refused.value.status == 413
        assert refused.value.reason() == "payload_too_large"
    report = await reporting(stream)
    message = await peer.next()
    assert message["type"] == "complete", "nothing was sent before, and the connection stands"
    await peer.acknowledge(message)
    await report
    assert len(server.hellos) == 1


async def test_a_message_is_as_large_as_a_body_may_be(open_stream: Begin, server: Any) -> None:
    stream = open_stream(message_bytes=2 * FRAME_BYTES)
    peer = await server.peer()
    await peer.send(TASK)
    await stream.poll("activity", timeout=30)  # from here on it stands
    heartbeat = asyncio.create_task(stream.heartbeat(ACTIVITY, WIDE))
    message = await peer.next()
    assert message["details"] == WIDE
    await peer.send({"type": "answer", "id": message["id"], "status": 200, "body": {}})
    await heartbeat
    with pytest.raises(ServerError, match=f"takes at most {2 * FRAME_BYTES}"):
        await stream.heartbeat(ACTIVITY, {"note": WIDE["note"] * 2})


async def test_of_messages_that_wait_the_one_with_the_most_bytes_was_too_large(
    open_stream: Begin, server: Any
) -> None:
    stream = open_stream(message_bytes=2 * FRAME_BYTES)
    peer = await server.peer()
    plain = Report(Lease("activity", "t-2", "a-2", "w"), "complete", {"result": "x" * FRAME_BYTES})
    longer = await reporting(stream, plain)
    larger = await reporting(stream, Report(ACTIVITY, "fail", WIDE))
    await peer.next()
    await peer.next()
    await peer.socket.close(1009, "frame over the limit")
    with pytest.raises(ServerError, match="over the limit"):
        await larger
    again = await server.peer()
    await again.acknowledge(await again.next())
    await longer
