"""The routing word of commands: kept, inherited, and handed on."""

from __future__ import annotations

from typing import Any


async def test_a_connection_goes_to_activities_and_children_and_to_what_they_start(
    server: Any, commands: Any
) -> None:
    await server.start()
    activity = {**commands.activity("first"), "connection": "fast"}
    plain = commands.activity("second")
    child = {**commands.child("kid"), "connection": "slow"}
    task = await server.task()
    assert task["connection"] is None
    await server.complete(task, activity, plain, child)

    shown = {each["activity_type"]: each for each in [await server.activity() for _ in range(2)]}
    assert (shown["first"]["connection"], shown["second"]["connection"]) == ("fast", None)

    kid = await server.task()
    assert (kid["workflow_type"], kid["connection"]) == ("kid", "slow")
    started = kid["history_events"][0]
    assert started["payload"]["connection"] == "slow"
    await server.complete(kid, commands.activity("inner"), commands.activity("other"))
    assert (await server.activity())["connection"] == "slow"


async def test_a_connection_lasts_over_continue_as_new(server: Any, commands: Any) -> None:
    await server.start()
    await server.complete(await server.task(), {**commands.child("kid"), "connection": "slow"})
    await server.complete(await server.task(), commands.again())
    assert (await server.task())["connection"] == "slow"


async def test_history_says_the_connection_of_an_activity(server: Any, commands: Any) -> None:
    started = await server.start()
    await server.complete(await server.task(), {**commands.activity("a"), "connection": "fast"})
    page = await server.page(workflow_id="wf", run_id=started.body["run_id"])
    scheduled = [each for each in page["events"] if each["event_type"] == "ActivityScheduled"]
    assert scheduled[0]["payload"]["activity"]["connection"] == "fast"
