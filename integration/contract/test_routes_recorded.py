"""Passes over the routes, happy and failing, as recorded with a reference server, against ours.

The exchanges whose routes are built are in the folders. Later ones depend on earlier ones: an
exchange is there when all that it stands on is. A route that is built later is a file more there,
and a row in `differences.py` where a document wants another answer than the recorded one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from described import Described

from integration.contract.differences import TABLES
from integration.contract.recorded import Exchange, Replayer, load, unexplained
from integration.contract.refusals import check_envelope
from integration.harness.processes import ServerProcess
from integration.harness.wire import Answer, Wire

FOLDERS = {folder: load(folder) for folder in ("routes", "signals-queries-updates")}
EXCHANGES = [(folder, exchange) for folder, each in FOLDERS.items() for exchange in each]
# Some polls wait for a retry after one second or a timer of two, and some for nothing at all.
POLL_TIMEOUTS = {"routes": "2", "signals-queries-updates": "3"}
ENVIRONMENT = {
    "DW_WORKFLOW_TASK_LEASE_SECONDS": "300",
    # A policy was recorded with a folder below it. Nothing is written there.
    "DW_EXTERNAL_STORAGE_ROOT": "/var/lib/durable-workflow",
}
Answers = dict[str, Answer]


@pytest.fixture(scope="module")
def answers_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Answers]]:
    """Sends all exchanges of a folder in order, to a server of the folder's own, once."""
    found: dict[str, Answers] = {}
    with ExitStack() as stack:

        def send_all(folder: str) -> Answers:
            if folder not in found:
                db = tmp_path_factory.mktemp(folder) / "state.db"
                environment = {**ENVIRONMENT, "DW_WORKER_POLL_TIMEOUT": POLL_TIMEOUTS[folder]}
                server = ServerProcess(db, token="dev-token", environment=environment)
                stack.enter_context(server)
                wire = stack.enter_context(Wire(server.url, token="dev-token"))
                replayer = Replayer(wire)
                found[folder] = {each.name: replayer.send(each) for each in FOLDERS[folder]}
            return found[folder]

        yield send_all


@pytest.mark.parametrize(
    ("folder", "exchange"), EXCHANGES, ids=lambda value: getattr(value, "name", value)
)
def test_exchange_is_answered_like_the_recorded_one(
    folder: str,
    exchange: Exchange,
    answers_of: Callable[[str], Answers],
    described: Described,
) -> None:
    answer = answers_of(folder)[exchange.name]
    assert described.problems(exchange.method, exchange.path, answer) == []
    assert unexplained(exchange, answer, TABLES[folder]) == {}
    check_envelope(exchange.path, answer)


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_difference_in_the_table_is_one(
    folder: str, answers_of: Callable[[str], Answers]
) -> None:
    """A row that nothing needs any more is a row too many."""
    exchanges, answers = FOLDERS[folder], answers_of(folder)
    places = {each.name: unexplained(each, answers[each.name], []) for each in exchanges}
    idle = [
        row
        for row in TABLES[folder]
        if row.exchanges != "*"
        and not any(row.covers(each, place) for each in exchanges for place in places[each.name])
    ]
    assert idle == []
