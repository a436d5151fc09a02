"""Who is killed or stopped when, and how the weather changes: drawn by the seed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from integration.simulation.fleet import Fleet
from integration.simulation.processes import dice_of
from integration.simulation.weather import CALM, Sky, draw

_TROUBLED_SECONDS = 40.0
# Mean seconds between two of a kind; None where a seed has none of it.
_PACES = (None, 20.0, 6.0)


class Faults:
    """The bad part of a run."""

    def __init__(self, fleet: Fleet, sky: Sky, seed: int) -> None:
        self._fleet = fleet
        self._sky = sky
        self._dice = dice_of("faults", seed)

    async def happen(self) -> None:
        """All of it; afterwards everything runs."""
        kinds = (self._server_crashes, self._server_stops, self._worker_ends, self._weather_changes)
        self._sky.now = draw(self._dice)
        tasks = [
            asyncio.create_task(self._repeat(kind, pace))
            for kind in kinds
            if (pace := self._dice.choice(_PACES)) is not None
        ]
        await asyncio.sleep(_TROUBLED_SECONDS)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._sky.now = CALM
        await self._fleet.restore()

    async def _repeat(self, kind: Callable[[], Awaitable[None]], pace: float) -> None:
        while True:
            await asyncio.sleep(self._dice.expovariate(1 / pace))
            await kind()

    async def _server_crashes(self) -> None:
        self._fleet.crash_server()

    async def _server_stops(self) -> None:
        # Not cut short where the troubles end meanwhile.
        await asyncio.shield(asyncio.create_task(self._fleet.restart_server()))

    async def _worker_ends(self) -> None:
        await asyncio.shield(asyncio.create_task(self._end_one()))

    async def _end_one(self) -> None:
        name = self._dice.choice(self._fleet.workers)
        if self._dice.random() < 0.7:
            self._fleet.crash_worker(name)
        else:
            await self._fleet.stop_worker(name)
        await asyncio.sleep(self._dice.expovariate(1 / 2))
        self._fleet.start_worker(name)

    async def _weather_changes(self) -> None:
        self._sky.now = draw(self._dice)
