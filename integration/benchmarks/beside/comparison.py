"""Both systems, one after the other, three times: the medians, and their ratio for each aim."""

from __future__ import annotations

import asyncio
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec

from integration.benchmarks.beside.sides import Open, Side, ours, restate
from integration.benchmarks.figures import resident_megabytes, spread

MEGABYTE: Final = "x" * 2**20
Figures = dict[str, float]


class Sizes(msgspec.Struct, frozen=True, kw_only=True):
    """How much is measured."""

    latency: int = 200
    throughput: int = 1000
    concurrency: int = 50
    steps: tuple[int, ...] = (100, 1000, 3000)
    most_steps: int = 10_000
    fan_out: int = 1000
    echoes: int = 20
    rounds: int = 3


QUICK: Final = Sizes(
    latency=20, throughput=100, steps=(100, 300), most_steps=500, fan_out=100, echoes=3, rounds=1
)


class Aim(msgspec.Struct, frozen=True):
    """What a figure should be.

    Attributes:
        figure: Its name.
        text: The aim in words.
        of_both: Whether it is about the ratio of both; otherwise it is about ours alone.
    """

    figure: str
    text: str
    of_both: bool = True


AIMS: Final = (
    Aim("workflows/s, 50 in flight", ">= 1.15 x"),
    Aim("one activity, p50 ms", "<= 0.8 x"),
    Aim("steps/s of 100", ">= 0.75 x"),
    Aim("steps/s of 1000", ">= 0.75 x"),
    Aim("steps/s of 3000", ">= 0.75 x"),
    Aim("a step of 10000 / of 100", "<= 1.1", of_both=False),
    Aim("fan-out of 1000, s", "<= 0.4 x"),
    Aim("1 MiB echo, p50 ms", "<= 0.9 x"),
    Aim("fdatasync a workflow", "<= 0.3", of_both=False),
    Aim("server memory, MB", "<= 80", of_both=False),
    Aim("four workers / one", ">= 1.0", of_both=False),
    Aim("workflows/s, HTTP pollers", "twice what polls gave before", of_both=False),
)


def compare(quick: bool) -> dict[str, Any]:
    """Measure both, alternating.

    Args:
        quick: A round of a tenth of everything, to see that it works.
    Returns:
        The figures of each round of each side, and the table of aims.
    """
    sizes = QUICK if quick else Sizes()
    found: dict[str, list[Figures]] = {"ours": [], "restate": []}
    for number in range(sizes.rounds):
        for name, open_side in (("restate", restate), ("ours", ours)):
            figures = asyncio.run(_round(open_side, sizes, whole=name == "ours"))
            found[name].append(figures)
            print(f"round {number + 1}, {name}: {figures}", file=sys.stderr, flush=True)
    return {"rounds": found, "aims": _table(found)}


def _table(found: Mapping[str, list[Figures]]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for aim in AIMS:
        medians = {
            side: round(statistics.median([each[aim.figure] for each in rounds]), 3)
            for side, rounds in found.items()
            if all(aim.figure in each for each in rounds)
        }
        row: dict[str, Any] = {"figure": aim.figure, "aim": aim.text, **medians}
        if aim.of_both and len(medians) == 2:
            row["ratio"] = round(medians["ours"] / medians["restate"], 3)
        rows.append(row)
    return rows


async def _round(open_side: Open, sizes: Sizes, *, whole: bool) -> Figures:
    """All figures of one side.

    Args:
        whole: Those, too, that are about us alone.
    """
    figures: Figures = {}
    async with _opened(open_side) as side:
        times = [await _timed(side, "one-activity", "x") for _ in range(sizes.latency)]
        figures["one activity, p50 ms"] = spread(times)["p50_ms"]
        figures["workflows/s, 50 in flight"] = await _throughput(side, sizes)
        figures["server memory, MB"] = resident_megabytes(side.server)["now_mb"]
        for steps in sizes.steps:
            seconds = await _timed(side, "sequence", steps)
            figures[f"steps/s of {steps}"] = round(steps / seconds, 1)
        if whole:
            seconds = await _timed(side, "sequence", sizes.most_steps)
            each = figures[f"steps/s of {sizes.steps[0]}"] * seconds / sizes.most_steps
            figures["a step of 10000 / of 100"] = round(each, 3)
        figures["fan-out of 1000, s"] = round(await _timed(side, "fan", sizes.fan_out), 3)
        times = [await _timed(side, "one-activity", MEGABYTE) for _ in range(sizes.echoes)]
        figures["1 MiB echo, p50 ms"] = spread(times)["p50_ms"]
        # Last, because tracing makes everything slower.
        figures["fdatasync a workflow"] = await _syncs(side, sizes)
    if whole:
        async with _opened(open_side, workers=4) as side:
            four = await _throughput(side, sizes)
        figures["four workers / one"] = round(four / figures["workflows/s, 50 in flight"], 3)
        async with _opened(partial(ours, polls=True)) as side:
            figures["workflows/s, HTTP pollers"] = await _throughput(side, sizes)
    return figures


class _opened:
    """A side on a folder of its own, warm."""

    def __init__(self, open_side: Open, workers: int = 1) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="beside-")
        self._side = open_side(Path(self._folder.name), workers)

    async def __aenter__(self) -> Side:
        side = await self._side.__aenter__()
        # More than a client sends before it loads what makes it fast.
        await asyncio.gather(*(side.run("one-activity", "warm") for _ in range(150)))
        return side

    async def __aexit__(self, *error: Any) -> None:
        await self._side.__aexit__(*error)
        self._folder.cleanup()


async def _timed(side: Side, program: str, argument: Any) -> float:
    began = time.perf_counter()
    result = await side.run(program, argument)
    seconds = time.perf_counter() - began
    assert result == argument, f"{program} returned something else"
    return seconds


async def _throughput(side: Side, sizes: Sizes) -> float:
    """Workflows a second with many in flight."""
    began = time.perf_counter()
    await _many(side, sizes.throughput, sizes.concurrency)
    return round(sizes.throughput / (time.perf_counter() - began), 1)


async def _many(side: Side, count: int, concurrency: int) -> None:
    waiting = iter(range(count))

    async def run_in_turn() -> None:
        for _ in waiting:
            await side.run("one-activity", "x")

    async with asyncio.TaskGroup() as group:
        for _ in range(concurrency):
            group.create_task(run_in_turn())


async def _syncs(side: Side, sizes: Sizes) -> float:
    """Syncs of the disk for a workflow with many in flight, as strace counts them."""
    tracing = await asyncio.create_subprocess_exec(
        *("strace", "-f", "-c", "-e", "trace=fsync,fdatasync", "-p", str(side.server)),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    assert tracing.stderr is not None
    said = await tracing.stderr.readline()  # that it is attached
    assert b"attached" in said, said
    await _many(side, sizes.throughput, sizes.concurrency)
    tracing.send_signal(2)
    _, text = await tracing.communicate()
    calls = re.findall(rb"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+).*f(?:data)?sync$", text, re.MULTILINE)
    return round(sum(int(each) for each in calls) / sizes.throughput, 3)
