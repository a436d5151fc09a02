"""Lists of runs, and pages of histories."""

from __future__ import annotations

from typing import Any

import pytest

from durable_workflow.server.refusals import Refused


async def test_runs_are_listed_newest_first_and_filtered(server: Any, commands: Any) -> None:
    for number in range(5):
        await server.start(f"order-{number}", workflow_type="ab"[number % 2], business_key="Key")
        await server.pass_time(1)
    await server.decide(commands.done())
    await server.decide(commands.failed())

    async def ids(**filters: Any) -> list[str]:
        rows = (await server.listed(**filters))["workflows"]
        return [row["workflow_id"][-1] for row in rows]

    assert await ids() == ["4", "3", "2", "1", "0"]
    assert await ids(workflow_type="a") == ["4", "2", "0"]
    assert await ids(status="running") == ["4", "3", "2"]
    assert await ids(status="completed") == ["0"]
    assert await ids(status="failed") == ["1"]
    assert await ids(query="ORDER-3") == ["3"]
    assert await ids(query="key") == ["4", "3", "2", "1", "0"]
    assert await ids(query="%") == []
    assert await ids(query="order_3") == []
    await server.start("other-5", business_key="MÜLLER")
    assert await ids(query="MÜLLER") == ["5"]
    assert await ids(query="mÜller") == ["5"]
    assert await ids(query="müller") == ["5"]
    assert await ids(query="OTHER-5") == ["5"]
    await server.start("straße-6")
    assert await ids(query="STRASSE") == ["6"]


async def test_pages_stay_where_they_are_while_runs_are_added(server: Any) -> None:
    for number in range(5):
        await server.start(f"order-{number}")
        await server.pass_time(number % 2)  # some begin at the same moment
    seen: list[str] = []
    token: str | None = None
    while True:
        page = await server.listed(page_size=2, page_token=token)
        seen += [row["workflow_id"][-1] for row in page["workflows"]]
        assert page["workflow_count"] == len(page["workflows"])
        token = page["next_page_token"]
        if token is None:
            break
        await server.start(f"late-{len(seen)}")
    assert seen == ["4", "3", "2", "1", "0"]


@pytest.mark.parametrize(
    "token",
    ["", "?", "Mg==", "bnVsbA==", "WzEsMl0=", "é", "Wzk5OTk5OTk5OTk5OTk5OTk5OTksICJ4Il0="],
)
async def test_a_bad_page_token_is_the_beginning(server: Any, token: str) -> None:
    await server.start()
    page = await server.listed(page_token=token)
    assert page["workflow_count"] == 1


async def test_runs_of_an_id_are_listed_in_order(server: Any, commands: Any) -> None:
    await server.start()
    await server.decide(commands.again())
    body = await server.runs()
    assert body["run_count"] == 2
    shown = [(row["run_number"], row["status"], row["is_current_run"]) for row in body["runs"]]
    assert shown == [(1, "completed", False), (2, "pending", True)]
    with pytest.raises(Refused) as error:
        await server.runs("nope")
    assert error.value.reason == "instance_not_found"


async def test_history_is_whole_without_a_page_size(server: Any, commands: Any) -> None:
    started = await server.start()
    await server.decide(*[commands.side_effect() for _ in range(8)])
    run_id = started.body["run_id"]

    async def page(**fields: Any) -> dict[str, Any]:
        given: dict[str, Any] = {"workflow_id": "wf", "run_id": run_id}
        body: dict[str, Any] = await server.page(**given | fields)
        return body

    whole = await page()
    assert len(whole["events"]) == 10
    assert whole["next_page_token"] is None
    assert {"sequence", "event_type", "timestamp", "payload"} <= whole["events"][0].keys()
    part = await page(page_size=4)
    assert part["next_page_token"] == commands.token(4)
    rest = await page(page_size=6, after=4)
    assert [event["sequence"] for event in rest["events"]] == list(range(5, 11))
    assert rest["next_page_token"] is None
    for wrong in ({"run_id": "nope"}, {"workflow_id": "nope"}):
        with pytest.raises(Refused) as error:
            await page(**wrong)
        assert error.value.reason == "run_not_found"
