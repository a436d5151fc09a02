"""A signal that is sent again with its request id is one signal."""

from __future__ import annotations

from typing import Any


async def signals_in_history(server: Any, run_id: str, workflow_id: str = "wf") -> int:
    page = await server.page(workflow_id=workflow_id, run_id=run_id)
    return sum(event["event_type"] == "SignalReceived" for event in page["events"])


async def test_a_signal_sent_twice_is_recorded_once(server: Any) -> None:
    started = await server.start()
    first = await server.signal("go", request_id="r1")
    again = await server.signal("go", request_id="r1")
    assert (again.form, again.reason, again.body) == ("accepted", None, first.body)
    assert await signals_in_history(server, started.body["run_id"]) == 1


async def test_other_signals_and_other_ids_are_signals_of_their_own(server: Any) -> None:
    started = await server.start()
    for name, request_id in (("go", "r1"), ("stop", "r1"), ("go", "r2")):
        await server.signal(name, request_id=request_id)
    for _ in range(2):
        await server.signal("go")
    assert await signals_in_history(server, started.body["run_id"]) == 5
    await server.start("other")
    answer = await server.signal("go", workflow_id="other", request_id="r1")
    assert answer.body["workflow_id"] == "other"
    assert answer.body["command_sequence"] == 2


async def test_the_first_answer_is_repeated_after_the_run_has_gone_on(
    server: Any, commands: Any
) -> None:
    started = await server.start()
    first = await server.signal("go", request_id="r1")
    await server.decide(commands.again())
    again = await server.signal("go", request_id="r1")
    assert again.body == first.body
    assert again.body["run_id"] == started.body["run_id"]
    await server.decide(commands.done())
    closed = await server.signal("go", request_id="r1")
    assert closed.body == first.body
    assert (await server.signal("go", request_id="r2")).reason == "run_not_active"


async def test_a_signal_that_was_refused_may_be_sent_again(server: Any) -> None:
    await server.start()
    server.limit(pending_signals=1)
    await server.signal("go")
    assert (await server.signal("go", request_id="r")).reason == "structural_limit_exceeded"
    server.limit(pending_signals=0)
    assert (await server.signal("go", request_id="r")).reason is None
