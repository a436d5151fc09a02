"""The quickstart as the reference SDK spoke it, step by step, against our server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.contract.differences import QUICKSTART
from integration.contract.read_by_the_sdk import READ
from integration.contract.recorded import Exchange, Replayer, at, json_type, load, unexplained
from integration.contract.refusals import check_envelope
from integration.harness.processes import ServerProcess
from integration.harness.wire import Answer, Wire

EXCHANGES = load("quickstart-0.4.84")


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[int, Answer]]:
    """All sixteen exchanges, sent in order to a server of their own."""
    db: Path = tmp_path_factory.mktemp("quickstart") / "state.db"
    environment = {"DW_WORKER_POLL_TIMEOUT": "1"}
    with (
        ServerProcess(db, token="dev-token", environment=environment) as server,
        Wire(server.url, token="dev-token") as wire,
    ):
        replayer = Replayer(wire)
        yield {exchange.number: replayer.send(exchange) for exchange in EXCHANGES}


def test_all_sixteen_exchanges_are_here() -> None:
    assert [exchange.number for exchange in EXCHANGES] == list(range(1, 17))
    assert set(READ) == set(range(1, 17))


@pytest.mark.parametrize("exchange", EXCHANGES, ids=lambda exchange: exchange.name)
def test_step_is_answered_like_the_recorded_one(
    exchange: Exchange, answers: dict[int, Answer]
) -> None:
    answer = answers[exchange.number]
    assert unexplained(exchange, answer, QUICKSTART) == {}
    check_envelope(exchange.path, answer)


@pytest.mark.parametrize("exchange", EXCHANGES, ids=lambda exchange: exchange.name)
def test_step_has_every_field_that_the_reference_sdk_reads(
    exchange: Exchange, answers: dict[int, Answer]
) -> None:
    ours = answers[exchange.number].need(exchange.status)
    for place in READ[exchange.number]:
        recorded = at(exchange.answer, place)
        assert json_type(at(ours, place)) == json_type(recorded), place


def test_the_values_that_make_the_quickstart_work_are_the_recorded_ones(
    answers: dict[int, Answer],
) -> None:
    by_number = {exchange.number: exchange for exchange in EXCHANGES}
    for number, places in {
        1: ["workflow_id", "workflow_type", "status", "outcome", "payload_codec"],
        4: ["status", "status_bucket", "is_terminal", "input", "input_envelope"],
        6: ["task.arguments", "task.workflow_task_attempt", "task.run_status"],
        7: ["outcome", "recorded", "run_status"],
        9: ["task.arguments", "task.attempt_number", "task.activity_type"],
        10: ["outcome", "recorded", "reason"],
        12: ["task.workflow_task_attempt", "task.history_events.4.payload.result"],
        13: ["run_status", "created_task_ids"],
        14: ["status", "output", "output_envelope", "is_terminal", "closed_reason", "actions"],
        16: ["events.5.payload.output"],
    }.items():
        for place in places:
            recorded = at(by_number[number].answer, place)
            assert at(answers[number].body, place) == recorded, (number, place)
    for number in (12, 16):
        recorded = by_number[number].answer
        events = recorded["task"]["history_events"] if number == 12 else recorded["events"]
        body = answers[number].body
        ours = body["task"]["history_events"] if number == 12 else body["events"]
        assert [e["event_type"] for e in ours] == [e["event_type"] for e in events]
