"""Cut the power under a server with work to do: python integration/faults/power_cuts.py

A server, a client and two workers run in this process on a watched disk (`disk.py`), whose power
fails at random moments: while a file is made, rewritten or migrated, under load, in checkpoints, in
a backup, while the server closes, and while it recovers from the cut before. What the disk would
hold then must open with every acknowledged unit, no damage, and dense histories; and from some of
the cuts the work goes on, and must come to its end with everything done once.

With `--synchronous NORMAL` the log is not synced in commits. Acknowledged units must be lost then,
or the disk does not show what it is there for. Prints the figures as JSON, and exits with 1 if
anything is wrong. See `--help`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import random
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

if __name__ == "__main__":  # started as a file, not as a module of the checkout
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import msgspec

from durable_workflow import Client, ScheduleAction, ScheduleSpec, Worker
from durable_workflow.client import HttpxTransport
from durable_workflow.errors import ScheduleAlreadyExists
from durable_workflow.server.embedded import embedded_server
from durable_workflow.server.lifecycle import Server
from durable_workflow.server.looking_over import look_over
from durable_workflow.server.settings import Settings
from durable_workflow.server.store.sqlite import copy_database
from integration.faults import mixture
from integration.faults.disk import Cut, Disk
from integration.faults.marked_store import Ledger, marked_units, marks_in
from integration.harness.waiting import eventually

QUEUE: Final = "mixture"
OLDER_FILE: Final = Path(__file__).parents[1] / "end_to_end/states/schema_3.sql"
# A file that a cut left behind is gone on with; the others begin anew.
BEGINNINGS: Final = ("migration", "recovery", "creation", "recovery", "recovery")
DATABASE, COPY = "state.db", "copy.db"


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerPlan:
    """What is asked for.

    Attributes:
        cuts: At least so many cuts are made and looked at.
        cuts_of_a_moment: Of each server's load, checkpoints and so on, at most so many.
        workflows: Each server gets so many new ones.
        synchronous: What a commit syncs; ``FULL`` is what ships.
        seed: What the cuts come from; the load itself is in real time.
    """

    cuts: int = 200
    cuts_of_a_moment: int = 6
    workflows: int = 30
    synchronous: str = "FULL"
    seed: int = 1


@dataclass
class Findings:
    """What was seen. `lost` and `wrong` are empty when all is well."""

    cuts: Counter[str] = field(default_factory=Counter)
    acknowledged: int = 0
    lost: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    copies: int = 0
    servers: int = 0
    finished: int = 0

    def as_json(self) -> dict[str, Any]:
        """Return the figures; of the bad news the beginning, and how much there is."""
        return {
            "cuts": sum(self.cuts.values()),
            "cuts_by_moment": dict(sorted(self.cuts.items())),
            "servers": self.servers,
            "workflows_finished": self.finished,
            "units_acknowledged": self.acknowledged,
            "copies_looked_at": self.copies,
            "cuts_that_lost_units": len(self.lost),
            "lost": self.lost[:5],
            "wrong": self.wrong[:20],
        }


class PowerCuts:
    """One run in a folder of its own."""

    def __init__(self, plan: PowerPlan, folder: Path) -> None:
        self._plan = plan
        self._folder = folder
        self._dice = random.Random(plan.seed)
        self._ledger = Ledger()
        self._numbers: list[int] = []
        self._next_number = 1
        self._older_runs = 0
        self.findings = Findings()

    async def run(self) -> Findings:
        """Serve, cut and look until there were enough cuts."""
        left: Cut | None = None
        while sum(self.findings.cuts.values()) < self._plan.cuts:
            beginning = BEGINNINGS[self.findings.servers % len(BEGINNINGS)]
            if beginning == "recovery" and left is None:
                self.findings.wrong.append("no cut has left what a server could go on with")
                break
            self.findings.servers += 1
            folder = self._folder / f"server-{self.findings.servers}"
            folder.mkdir()
            self._begin(beginning, folder, left)
            cuts = await self._serve(beginning, folder)
            self.findings.acknowledged += len(self._ledger.acknowledged)
            left = await self._look_at_all(cuts)
        return self.findings

    def _begin(self, beginning: str, folder: Path, left: Cut | None) -> None:
        if beginning == "recovery":
            assert left is not None
            _lay_down(left, folder)
            # This server makes one of its own.
            (folder / COPY).unlink(missing_ok=True)
        else:
            self._numbers, self._ledger, self._older_runs = [], Ledger(), 0
        if beginning == "migration":
            with closing(sqlite3.connect(folder / DATABASE)) as connection:
                connection.executescript(OLDER_FILE.read_text("utf-8"))
                [[self._older_runs]] = connection.execute("SELECT count(*) FROM runs").fetchall()
        new = range(self._next_number, self._next_number + self._plan.workflows)
        self._next_number += self._plan.workflows
        self._numbers = [*self._numbers, *new]

    # --- under the watch -----------------------------------------------------------------------

    async def _serve(self, beginning: str, folder: Path) -> list[Cut]:
        ledger = self._ledger
        disk = Disk(
            folder,
            seed=self._dice.randrange(2**31),
            cuts=self._plan.cuts_of_a_moment,
            acknowledged=lambda: ledger.acknowledged,
        )
        disk.moment = beginning
        with disk.watching(), marked_units(ledger, synchronous=self._plan.synchronous):
            async with _server(folder / DATABASE) as url:
                disk.moment = "load"
                async with asyncio.timeout(120), _workers(url), Client(url) as client:
                    await asyncio.gather(
                        self._back_up(disk, folder),
                        _fire(client, f"schedule-{self.findings.servers}"),
                        *[self._process(client, number) for number in self._numbers],
                    )
                disk.moment = "closing"
        return disk.cuts

    async def _process(self, client: Client, number: int) -> None:
        """Take one to its end, whatever an earlier server has done of it."""
        await mixture.start(client, number, QUEUE)
        await mixture.send(client, number)
        handle = client.get_workflow_handle(mixture.workflow_id_of(number))
        result = await handle.result(timeout=100)
        if result != mixture.result_of(number):
            self.findings.wrong.append(f"workflow {number} returned {result!r}")
        if number % 3 == 0:
            alone = await mixture.process_alone(client, number, QUEUE)
            if alone != number * number:
                self.findings.wrong.append(f"activity {number} returned {alone!r}")
        self.findings.finished += 1

    async def _back_up(self, disk: Disk, folder: Path) -> None:
        """Copy the database as `dw-server backup` does, while the load goes on."""
        await eventually(self._count, lambda count: count >= 5 * self._plan.workflows, within=100)
        must_have = frozenset(self._ledger.acknowledged)
        disk.moment = "backup"
        await asyncio.to_thread(
            copy_database, folder / DATABASE, folder / COPY, bytes_per_second=0, sleep=time.sleep
        )
        disk.copied = must_have
        disk.moment = "load"

    async def _count(self) -> int:
        return len(self._ledger.acknowledged)

    # --- what the cuts have left -----------------------------------------------------------------

    async def _look_at_all(self, cuts: Sequence[Cut]) -> Cut | None:
        """Look at each; one with which the next server begins."""
        found: list[tuple[Cut, set[int]]] = []
        for number, cut in enumerate(cuts):
            self.findings.cuts[cut.moment] += 1
            with tempfile.TemporaryDirectory(dir=self._folder) as folder:
                try:
                    marks = await self._look_at(cut, Path(folder))
                except Exception as error:  # noqa: BLE001  it is the finding
                    self.findings.wrong.append(f"cut {number}, {cut.moment}: {error!r}")
                    continue
            if lost := cut.acknowledged - marks:
                said = f"cut {number}, {cut.moment}: {len(lost)} of {len(cut.acknowledged)} units"
                self.findings.lost.append(said)
            # Of what was closed nothing is to be recovered.
            if cut.acknowledged and cut.moment != "closing":
                found.append((cut, marks))
        if not found:
            return None
        cut, marks = self._dice.choice(found)
        self._ledger = Ledger(last=self._ledger.last, acknowledged=marks)
        return cut

    async def _look_at(self, cut: Cut, folder: Path) -> set[int]:
        """Open what a cut has left, as the server does, and look over it; the marks in it."""
        _lay_down(cut, folder)
        if cut.copied is not None or COPY in cut.files:
            self._look_at_copy(cut, folder / COPY)
        path = folder / DATABASE
        if DATABASE not in cut.files:
            return set()  # the file was being made
        server = Server(Settings(db=str(path)))
        await server.store.close()
        verified = look_over(path)
        self.findings.wrong += [f"{cut.moment}: {each}" for each in verified.problems]
        if verified.runs < self._older_runs:
            self.findings.wrong.append(f"{cut.moment}: {verified.runs} runs of {self._older_runs}")
        return marks_in(path)

    def _look_at_copy(self, cut: Cut, path: Path) -> None:
        self.findings.copies += 1
        verified = look_over(path)
        self.findings.wrong += [f"{cut.moment}, copy: {each}" for each in verified.problems]
        if lost := (cut.copied or set()) - marks_in(path):
            self.findings.wrong.append(f"{cut.moment}: the copy lacks {len(lost)} units")


def _lay_down(cut: Cut, folder: Path) -> None:
    for name, content in cut.files.items():
        (folder / name).write_bytes(content)


@asynccontextmanager
async def _server(path: Path) -> AsyncGenerator[str]:
    settings = Settings()
    services = msgspec.structs.replace(
        settings.services,
        # What a worker held when the power failed is given to another one soon.
        workflow_lease_seconds=3,
        activity_lease_seconds=3,
        # The closed runs of the older file are long past their time.
        retention_interval_seconds=0,
    )
    settings = msgspec.structs.replace(settings, services=services)
    async with embedded_server(db=path, settings=settings) as url:
        yield url


@asynccontextmanager
async def _workers(url: str) -> AsyncGenerator[None]:
    """One over a stream, one that polls."""
    async with AsyncExitStack() as stack:
        for number, transport in enumerate((None, HttpxTransport())):
            client = await stack.enter_async_context(Client(url, transport=transport))
            worker = Worker(
                client,
                task_queue=QUEUE,
                workflows=mixture.WORKFLOWS,
                activities=mixture.ACTIVITIES,
                worker_id=f"worker-{number}",
            )
            working = asyncio.create_task(worker.run())
            stack.push_async_callback(asyncio.wait_for, working, None)
            stack.push_async_callback(worker.stop)
        yield


async def _fire(client: Client, schedule_id: str) -> None:
    """Make a schedule, and let it fire."""
    action = ScheduleAction(workflow_type="mixture-child", task_queue=QUEUE, input=[3, 0])
    spec = ScheduleSpec(cron_expressions=["0 0 1 1 *"])
    try:
        schedule = await client.create_schedule(schedule_id=schedule_id, spec=spec, action=action)
    except ScheduleAlreadyExists:
        schedule = client.get_schedule_handle(schedule_id)
    await schedule.trigger()


async def power_cuts(plan: PowerPlan) -> Findings:
    """Run a plan in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="power-cuts-") as folder:
        return await PowerCuts(plan, Path(folder)).run()


def main() -> int:
    """Run what the command line asks for; the exit status says whether all held."""
    parser = argparse.ArgumentParser(prog="power_cuts", description=__doc__)
    defaults: dict[str, Any] = asdict(PowerPlan())
    for name, default in defaults.items():
        wanted = os.environ.get(f"POWER_{name.upper()}", default)
        parser.add_argument(
            f"--{name.replace('_', '-')}",
            type=str if isinstance(default, str) else int,
            default=wanted,
        )
    plan = PowerPlan(**vars(parser.parse_args()))
    logging.disable(logging.CRITICAL)  # every worker of a server before is gone
    began = time.monotonic()
    findings = asyncio.run(power_cuts(plan))
    figures = asdict(plan) | findings.as_json() | {"seconds": round(time.monotonic() - began, 1)}
    print(json.dumps(figures, indent=2))
    as_wanted = bool(findings.lost) == (plan.synchronous != "FULL")
    return 0 if as_wanted and not findings.wrong else 1


if __name__ == "__main__":
    sys.exit(main())
