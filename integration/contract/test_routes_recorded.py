"""One pass over the routes, happy and failing, as recorded with a reference server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.contract.differences import ROUTES
from integration.contract.recorded import Exchange, Replayer, load, unexplained
from integration.contract.refusals import check_envelope
from integration.harness.processes import ServerProcess
from integration.harness.wire import Answer, Wire

# The exchanges whose routes are built. Later ones depend on earlier ones: an exchange is here when
# all that it stands on is. A route that is built later is a number here and its file beside.
EXCHANGES = load("routes")


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[int, Answer]]:
    """All exchanges, sent in order to a server of their own."""
    db: Path = tmp_path_factory.mktemp("routes") / "state.db"
    environment = {"DW_WORKER_POLL_TIMEOUT": "2", "DW_WORKFLOW_TASK_LEASE_SECONDS": "300"}
    with (
        ServerProcess(db, token="dev-token", environment=environment) as server,
        Wire(server.url, token="dev-token") as wire,
    ):
        replayer = Replayer(wire)
        yield {exchange.number: replayer.send(exchange) for exchange in EXCHANGES}


@pytest.mark.parametrize("exchange", EXCHANGES, ids=lambda exchange: exchange.name)
def test_exchange_is_answered_like_the_recorded_one(
    exchange: Exchange, answers: dict[int, Answer]
) -> None:
    answer = answers[exchange.number]
    assert unexplained(exchange, answer, ROUTES) == {}
    check_envelope(exchange.path, answer)


def test_every_difference_in_the_table_is_one(answers: dict[int, Answer]) -> None:
    """A row that nothing needs any more is a row too many."""
    specific = [row for row in ROUTES if row.exchanges != "*"]
    places = {e.name: unexplained(e, answers[e.number], []) for e in EXCHANGES}
    idle = [
        row
        for row in specific
        if not any(row.covers(e, place) for e in EXCHANGES for place in places[e.name])
    ]
    assert idle == []
