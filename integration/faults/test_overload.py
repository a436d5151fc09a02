"""More than fits: refused at once, with when to come back, and nothing half done."""

from __future__ import annotations

import resource
import sys
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from integration.harness.payloads import envelope
from integration.harness.processes import ServerProcess
from integration.harness.wire import Answer, Wire


def start_of(workflow_id: str, argument: str = "x") -> dict[str, object]:
    return {
        "workflow_id": workflow_id,
        "workflow_type": "t",
        "task_queue": "q",
        "input": envelope([argument]),
    }


def exists(wire: Wire, workflow_id: str) -> bool:
    return wire.send("GET", f"/api/workflows/{workflow_id}").status == 200


def check_refused(answer: Answer, status: int) -> None:
    assert answer.status == status, answer
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.reason, answer


def test_polls_beyond_the_bound_are_refused_and_those_within_are_served(tmp_path: Path) -> None:
    environment = {"DW_MAX_WAITING_POLLS": "3", "DW_WORKER_POLL_TIMEOUT": "20"}
    body = {"worker_id": "w", "task_queue": "q"}

    def poll(url: str) -> Answer:
        with Wire(url) as own:
            return own.send("POST", "/api/worker/workflow-tasks/poll", body)

    with (
        ServerProcess(tmp_path / "state.db", environment=environment) as server,
        Wire(server.url) as wire,
        ThreadPoolExecutor(6) as threads,
    ):
        wire.register("w", queue="q")
        polling = {threads.submit(poll, server.url) for _ in range(6)}
        refused = 0
        # Three are refused at once; the others wait, and each start answers one of them.
        while refused < 3:
            over = [each for each in polling if each.done()]
            for each in over:
                polling.remove(each)
                check_refused(each.result(), 429)
            refused += len(over)
        for number in range(3):
            wire.send("POST", "/api/workflows", start_of(f"w-{number}")).need(201)
        answers = [each.result(20).need() for each in polling]
        assert len({answer["task"]["workflow_id"] for answer in answers}) == 3


def test_units_beyond_the_bound_are_refused_and_leave_nothing(tmp_path: Path) -> None:
    def start(url: str) -> tuple[str, Answer]:
        workflow_id = uuid.uuid4().hex
        with Wire(url) as own:
            return workflow_id, own.send("POST", "/api/workflows", start_of(workflow_id))

    environment = {"DW_MAX_WAITING_UNITS": "1"}
    with (
        ServerProcess(tmp_path / "state.db", environment=environment) as server,
        Wire(server.url) as wire,
        ThreadPoolExecutor(16) as threads,
    ):
        answers: list[tuple[str, Answer]] = []
        # Whether two wait at once is the machine's to say.
        while {answer.status for _, answer in answers} != {201, 503}:
            answers += threads.map(start, [server.url] * 100)
        for workflow_id, answer in answers:
            if answer.status != 201:
                check_refused(answer, 503)
            assert exists(wire, workflow_id) == (answer.status == 201)


@pytest.mark.skipif(sys.platform != "linux", reason="needs prlimit, which Linux alone has")
@pytest.mark.may_skip("only Linux can take space from a running process")
def test_full_disk_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    with ServerProcess(tmp_path / "state.db") as server, Wire(server.url) as wire:
        acknowledged: list[str] = []
        refused: list[str] = []

        def start() -> None:
            workflow_id = f"w-{len(acknowledged) + len(refused)}"
            answer = wire.send("POST", "/api/workflows", start_of(workflow_id, "x" * 20_000))
            if answer.status == 201:
                acknowledged.append(workflow_id)
            else:
                check_refused(answer, 503)
                refused.append(workflow_id)

        start()
        assert refused == []
        _, hard = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)
        used = max(path.stat().st_size for path in tmp_path.iterdir())
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (used + 300_000, hard))
        while len(refused) < 5 and len(acknowledged) < 500:
            start()
        assert len(refused) == 5, "the disk never was full"
        assert wire.send("GET", "/api/workflows/w-0").status == 200, "reading needs no space"
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (hard, hard))
        start()
        assert acknowledged[-1] == f"w-{len(acknowledged) + len(refused) - 1}", "it recovers"

        for restarted in (False, True):
            if restarted:
                server.kill()
                server.start()
            for workflow_id in acknowledged:
                assert exists(wire, workflow_id), (workflow_id, restarted)
            for workflow_id in refused:
                assert not exists(wire, workflow_id), (workflow_id, restarted)
