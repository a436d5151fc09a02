from __future__ import annotations

import asyncio
import json
import logging
import re
import sys
from collections.abc import Callable

import pytest

from durable_workflow.server.logs import (
    JsonLines,
    LoggedRequest,
    TextLines,
    current_request,
)
from durable_workflow.server.store import Tx
from durable_workflow.server.store.sqlite import SqliteStore

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


def record(message: str, *args: object, **members: object) -> logging.LogRecord:
    made = logging.LogRecord("dw", logging.WARNING, "", 1, message, args, None)
    made.__dict__ |= members
    return made


def failed() -> logging.LogRecord:
    try:
        raise ValueError("two\nlines")
    except ValueError:
        return logging.LogRecord("dw", logging.ERROR, "", 1, "failed", (), sys.exc_info())


def test_every_line_of_text_has_its_time() -> None:
    lines = TextLines().format(failed()).split("\n")

    assert len(lines) > 3
    assert all(re.match(rf"{TIME} ERROR dw: ", line) for line in lines)


@pytest.mark.parametrize("lines", [TextLines(), JsonLines()], ids=["text", "json"])
def test_lines_of_the_web_server_are_the_servers_own(lines: logging.Formatter) -> None:
    made = logging.LogRecord("uvicorn.error", logging.INFO, "", 1, "Shutting down", (), None)

    text = lines.format(made)

    assert "durable_workflow.server" in text
    assert "uvicorn" not in text


def test_an_id_cannot_forge_a_line_or_command_a_terminal() -> None:
    text = TextLines().format(record("run of %s", "x\n2026-01-01 forged\x1b[2J\r"))

    assert all(re.match(TIME, line) for line in text.split("\n"))
    assert "\x1b" not in text
    assert "\r" not in text
    assert r"\x1b[2J\x0d" in text


def test_a_json_line_has_the_request_and_its_ids() -> None:
    request = LoggedRequest("GET /workflows/{workflow_id}", {"workflow_id": "w\n1"}, "r1")
    text = JsonLines().format(record("a\nb", request=request, fields={"status": 404}))

    assert "\n" not in text
    line = json.loads(text)
    assert re.fullmatch(TIME, line.pop("time"))
    assert line == {
        "level": "warning",
        "logger": "dw",
        "message": "a\nb",
        "request_id": "r1",
        "route": "GET /workflows/{workflow_id}",
        "workflow_id": "w\n1",
        "status": 404,
    }
    assert "ValueError: two" in json.loads(JsonLines().format(failed()))["error"]


def test_a_line_of_a_start_has_the_ids_that_it_was_answered_with() -> None:
    request = LoggedRequest("POST /workflows", {}, "r1")
    request.note_ids({"workflow_id": "w1", "run_id": "01", "status": "pending"})

    assert request.fields() == {
        "request_id": "r1",
        "route": "POST /workflows",
        "workflow_id": "w1",
        "run_id": "01",
    }


@pytest.mark.parametrize("given", ["", "a b", "x" * 129, "é", "a\n"])
def test_an_id_that_cannot_stand_in_a_line_is_replaced(given: str) -> None:
    request = LoggedRequest("GET /", {}, given)

    assert re.fullmatch("[0-9a-f]{16}", request.request_id)
    assert request.request_id == request.request_id


async def test_what_units_say_is_of_the_request_that_each_is_for(
    open_file: Callable[..., SqliteStore], caplog: pytest.LogCaptureFixture
) -> None:
    store = open_file()
    caplog.set_level(logging.INFO)

    async def ask(name: str) -> None:
        current_request.set(LoggedRequest("POST /x", {}, name))

        def say(tx: Tx) -> None:
            tx.say(logging.INFO, "said for %s", name, workflow_id=f"w-{name}")

        await store.run(say)

    await asyncio.gather(*[ask(f"r{number}") for number in range(5)])

    said = [each for each in caplog.records if each.msg == "said for %s"]
    assert len(said) == 5
    assert all(each.__dict__["request"].request_id == str(each.args).strip("(',)") for each in said)
    ids = [(each.__dict__["fields"], each.__dict__["request"].request_id) for each in said]
    assert all(fields == {"workflow_id": f"w-{of}"} for fields, of in ids)
