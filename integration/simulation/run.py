"""One seed: a server, workers and callers in bad weather, and what is left when it has cleared."""

from __future__ import annotations

import logging
import random
import shutil
import tempfile
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from durable_workflow.client import Client
from integration.harness.new_state import new_state
from integration.harness.rows import all_runs, rows_left
from integration.simulation.callers import Caller, draw_plan
from integration.simulation.checks import wrong_histories
from integration.simulation.faults import Faults
from integration.simulation.fleet import Fleet
from integration.simulation.logged import LoggedErrors
from integration.simulation.loop import Node, SimulatedLoop, Stalled
from integration.simulation.network import Network
from integration.simulation.open_files import OpenFiles
from integration.simulation.operators import ActivityCaller, Retention, ScheduleKeeper
from integration.simulation.processes import client_on, dice_of
from integration.simulation.sources import EPOCH, burial, simulated_sources
from integration.simulation.weather import CALM, Sky, Trace

_MEMORY = Path("/dev/shm")


class _Teller(Protocol):
    """Does something, and tells what was wrong."""

    async def tell(self) -> list[str]: ...


# What is not in every seed, and how probable each of it is.
_KINDS: Final[tuple[Callable[[Client, random.Random, int], _Teller], ...]] = (
    ScheduleKeeper,
    ActivityCaller,
    ActivityCaller,
    Retention,
)
_BESIDE: Final = 0.4


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a seed ended.

    Attributes:
        seed: It.
        digest: Of all that happened.
        lines: How much that was.
        seconds: Simulated time.
        wrong: What should not be; empty where all is well.
    """

    seed: int
    digest: str
    lines: int
    seconds: float
    wrong: list[str]


def run_seed(seed: int, show: Callable[[str], object] | None = None) -> Outcome:
    """Run one seed.

    Args:
        show: Is given each line of the trace.
    """
    folder = Path(tempfile.mkdtemp(dir=_MEMORY if _MEMORY.is_dir() else None))
    # Made once in a process, with its own clock.
    new_state(EPOCH)
    try:
        with burial():
            return _run(seed, folder, show)
    finally:
        shutil.rmtree(folder)


def _run(seed: int, folder: Path, show: Callable[[str], object] | None) -> Outcome:
    loop = SimulatedLoop()
    trace = Trace(loop.time, show)
    began = loop.time()
    files = OpenFiles(loop)
    with simulated_sources(seed, loop.time), files.watched(), LoggedErrors(trace) as logged:
        network = Network(loop, files, Sky(seed), trace)
        try:
            wrong = loop.run_until_complete(
                loop.start_on(loop.world, _simulate(seed, network, folder))
            )
        except Stalled:
            wrong = ["nothing is left that would ever happen"]
        except Exception as error:  # noqa: BLE001 - told with the seed
            wrong = ["".join(traceback.format_exception(error))]
        wrong += loop.unhandled + logged.unexpected
        loop.close()
        # Of the dead that are collected from here on.
        logging.disable(logging.CRITICAL)
    return Outcome(seed, trace.digest, trace.lines, loop.time() - began, wrong)


async def _simulate(seed: int, network: Network, folder: Path) -> list[str]:
    loop, sky = network.loop, network.sky
    fleet = Fleet(network, seed, folder)
    fleet.start()
    dice = dice_of("plans", seed)
    callers: list[tuple[Node, _Teller]] = [
        (node, Caller(client_on(network, node), draw_plan(dice, number)))
        for number, node in enumerate(Node(f"caller-{each}") for each in range(dice.randint(2, 6)))
    ]
    beside = dice_of("beside", seed)
    for number, kind in enumerate(_KINDS):
        if beside.random() < _BESIDE:
            node = Node(f"beside-{number}")
            callers.append((node, kind(client_on(network, node), beside, number)))
    told = [loop.start_on(node, caller.tell()) for node, caller in callers]
    await Faults(fleet, sky, seed).happen()
    sky.now = CALM
    wrong = [each for task in told for each in await task]
    wrong += await fleet.settle()
    checker = Node("checker")
    runs = all_runs(fleet.file)
    wrong += await loop.start_on(checker, wrong_histories(client_on(network, checker), runs))
    await fleet.stop_workers()
    if beside.random() < _BESIDE:
        wrong += await fleet.expire()
    await fleet.stop()
    return wrong + fleet.wrong + rows_left(fleet.file)
