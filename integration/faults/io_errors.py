"""Have the n-th read, write or sync fail: python integration/faults/io_errors.py

For each n and each kind a server's store is opened on a file with work in it, gets units to run,
and is closed, on a disk whose n-th operation of the kind fails. Whoever is told so must be told by
an error of the store. Nothing acknowledged may be lost, what was refused has not happened, and
after the failure the same file is served again. Prints the figures as JSON, and exits with 1 if
anything is wrong. See `--help`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import shutil
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

if __name__ == "__main__":  # started as a file, not as a module of the checkout
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from durable_workflow.server.lifecycle import Server
from durable_workflow.server.looking_over import look_over
from durable_workflow.server.refusals import Refused
from durable_workflow.server.requests import Caller, Payload, SignalWorkflow, StartWorkflow
from durable_workflow.server.services import namespaces, signals, workflows
from durable_workflow.server.settings import Settings
from durable_workflow.server.store import Read, StoreError, Tx
from durable_workflow.server.views import describing
from integration.faults.disk import Disk, Failure
from integration.faults.marked_store import Ledger, marked_units, marks_in

OPERATIONS: Final = ("read", "write", "sync")
DATABASE: Final = "state.db"
_WORKFLOWS: Final = 12
# In the names of workflows whose units fail by themselves.
_TAKEN_BACK: Final = "taken-back"
# Pages in memory: so few that they are read again and again.
_CACHE_PAGES: Final = 10
_CALLER: Final = Caller(namespace="default")


@dataclass
class IoFindings:
    """What was seen. `wrong` is empty when all is well."""

    tried: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    told: Counter[str] = field(default_factory=Counter)
    acknowledged: int = 0
    wrong: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Return the figures, and the beginning of what is wrong."""
        return {
            "tried": dict(self.tried),
            "failed_on_purpose": dict(self.failed),
            "told": dict(sorted(self.told.items())),
            "units_acknowledged": self.acknowledged,
            "wrong_in_all": len(self.wrong),
            "wrong": self.wrong[:20],
        }


class IoErrors:
    """Tries one failure after the other.

    Args:
        folder: Where the files are made.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._begun = folder / "begun.db"
        self.findings = IoFindings()

    async def prepare(self) -> None:
        """Make the file that each try begins with a copy of."""
        with marked_units(Ledger()):
            server = Server(Settings(db=str(self._begun)))
            await server.store.run(lambda tx: namespaces.ensure_default(tx, "default", 30))
            await _work(server, "earlier", self._told)
            await server.store.close()

    async def fail_each(self, operation: str, first: int, last: int) -> bool:
        """Try the numbers of a kind; False once there are not as many operations."""
        for number in range(first, last + 1):
            with tempfile.TemporaryDirectory(dir=self._folder) as folder:
                failure = Failure(operation, number)
                try:
                    await self._try(failure, Path(folder))
                except Exception as error:  # noqa: BLE001  it is the finding
                    self.findings.wrong.append(f"{operation} {number}: {error!r}")
                self.findings.tried[operation] += 1
                if not failure.happened:
                    return False
                self.findings.failed[operation] += 1
        return True

    async def _try(self, failure: Failure, folder: Path) -> None:
        path = folder / DATABASE
        shutil.copy(self._begun, path)
        ledger = Ledger(last=1_000, acknowledged=marks_in(path))
        which = f"{failure.operation} {failure.left}"
        disk = Disk(folder, failure=failure)
        options = {"cache_pages": _CACHE_PAGES}
        with disk.watching(), marked_units(ledger, checkpoint_pages=20, **options):
            await self._serve(path, which)
            if not failure.happened:
                return  # there were not as many operations
            # Whatever failed, the next start finds a file that it can serve.
            server = Server(Settings(db=str(path)))
            await _work(server, "later", self._told)
            await server.store.close()
        self.findings.acknowledged += len(ledger.acknowledged)
        self._look_at(path, ledger, which)

    async def _serve(self, path: Path, which: str) -> None:
        """Open, work and close; each of them may be told of the failure, by an error of ours."""
        try:
            server = Server(Settings(db=str(path)))
        except StoreError as error:
            self._told("opening", error)
            return
        try:
            await _work(server, "now", self._told)
            # A failure that falls into the second round is over in the third.
            healed = [await _work(server, name, self._told) for name in ("second", "third")]
            if not any(healed) and (await server.store.check()).available:
                self.findings.wrong.append(f"{which}: refuses units, and says all is well")
        finally:
            try:
                await server.store.close()
            except StoreError as error:
                self._told("closing", error)

    def _told(self, doing: str, error: StoreError) -> None:
        self.findings.told[f"{doing}: {type(error).__name__}"] += 1

    def _look_at(self, path: Path, ledger: Ledger, which: str) -> None:
        marks = marks_in(path)
        if lost := ledger.acknowledged - marks:
            self.findings.wrong.append(f"{which}: lost {sorted(lost)}")
        if undone := marks & ledger.failed.keys():
            self.findings.wrong.append(f"{which}: refused and there: {sorted(undone)}")
        with closing(sqlite3.connect(path)) as connection:
            text = "SELECT workflow_id FROM runs WHERE workflow_id LIKE ?"
            left = connection.execute(text, (f"%{_TAKEN_BACK}%",)).fetchall()
        self.findings.wrong += [f"{which}: failed and there: {name}" for (name,) in left]
        verified = look_over(path)
        self.findings.wrong += [f"{which}: {each}" for each in verified.problems]


class _TakenBack(Exception):
    """A unit has failed after it had written."""


async def _work(server: Server, name: str, told: Callable[[str, StoreError], None]) -> bool:
    """Start workflows, signal them and read of them; whether nothing was refused at the end."""
    settings = server.settings.services

    def start(number: int | str) -> Callable[[Tx], Any]:
        request = StartWorkflow(
            workflow_type="flow",
            workflow_id=f"{name}-{number}",
            arguments=Payload("json", json.dumps("x" * 3_000)),
        )
        return lambda tx: workflows.start(tx, _CALLER, request, settings)

    def signal(number: int) -> Callable[[Tx], Any]:
        request = SignalWorkflow(
            workflow_id=f"{name}-{number}", signal_name="s", arguments=Payload("json", "[1]")
        )
        return lambda tx: signals.signal(tx, _CALLER, request, settings)

    def fail(tx: Tx) -> None:
        start(_TAKEN_BACK)(tx)
        # To be read, it is written.
        describing.list_runs(tx, "default", f"{name}-{_TAKEN_BACK}")
        raise _TakenBack

    refused = 0
    for make in (start, signal):
        works = [make(number) for number in range(_WORKFLOWS)]
        # The first of a transaction, the next one, and one behind others.
        works = [fail, fail, *works[:5], fail, *works[5:]]
        units = map(server.store.run, works)
        for result in await asyncio.gather(*units, return_exceptions=True):
            if isinstance(result, StoreError):
                told("unit", result)
                refused += 1
            elif isinstance(result, BaseException) and not isinstance(result, Refused | _TakenBack):
                raise result  # not by the service either, as a signal to what was not started
        try:
            await server.store.read(lambda read: _list_runs(read, name))
        except StoreError as error:
            told("read", error)
    return refused == 0


def _list_runs(read: Read, name: str) -> None:
    """Read the runs of some workflows, as a client does that lists them."""
    for number in range(_WORKFLOWS):
        with suppress(Refused):  # it was not started
            describing.list_runs(read, "default", f"{name}-{number}")


async def io_errors(most: int, step: int = 1) -> IoFindings:
    """Fail every `step`-th of the first `most` operations of each kind."""
    with tempfile.TemporaryDirectory(prefix="io-errors-") as folder:
        errors = IoErrors(Path(folder))
        await errors.prepare()
        for operation in OPERATIONS:
            for number in range(1, most + 1, step):
                if not await errors.fail_each(operation, number, number):
                    break
        return errors.findings


def main() -> int:
    """Run what the command line asks for; the exit status says whether all held."""
    parser = argparse.ArgumentParser(prog="io_errors", description=__doc__)
    wanted = os.environ.get("IO_ERRORS", 500)
    parser.add_argument("--most", type=int, default=wanted, help="n goes from 1 to this")
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    began = time.monotonic()
    findings = asyncio.run(io_errors(options.most)).as_json()
    print(json.dumps(findings | {"seconds": round(time.monotonic() - began, 1)}, indent=2))
    return 1 if findings["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
