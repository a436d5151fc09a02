"""What a fault run is asked to do: counts, a seed, and the moments that the seed gives."""

from __future__ import annotations

import argparse
import os
import random
from dataclasses import asdict, dataclass
from typing import Any, Final

# What a kill and a start take beside the pause before it, on a busy machine.
_RESTART_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Counts and settings of one run. Each has an environment variable `FAULT_<NAME>` and a flag.

    Attributes:
        orders: Workflows to process.
        mixtures: Workflows with everything beside them; with any there is a schedule, too.
        server_kills: How often the server is killed with SIGKILL, and started again.
        worker_kills: How often a worker is.
        workers: Worker processes.
        polling_workers: Those of them that poll, and open no stream.
        lease_seconds: How long a task that a dead worker holds stays with it.
        packing_seconds: The durable timer in each order.
        most_pause_seconds: Kills are at most that far apart.
        patience_seconds: How long one result is waited for, and the whole beyond its faults.
        seed: What every random choice comes from; 0 draws one.
    """

    orders: int = 200
    mixtures: int = 100
    server_kills: int = 5
    worker_kills: int = 5
    workers: int = 2
    polling_workers: int = 0
    lease_seconds: int = 3
    packing_seconds: int = 1
    most_pause_seconds: float = 2.0
    patience_seconds: float = 300.0
    seed: int = 0

    @staticmethod
    def from_command_line() -> Plan:
        """Read the flags; what they leave out comes from the environment, then from here."""
        parser = argparse.ArgumentParser(prog="fault_run", description=__doc__)
        defaults: dict[str, Any] = asdict(Plan())
        for name, default in defaults.items():
            wanted = os.environ.get(f"FAULT_{name.upper()}", default)
            flag = f"--{name.replace('_', '-')}"
            read = int if isinstance(default, int) else float
            parser.add_argument(flag, type=read, default=wanted)
        options: dict[str, Any] = vars(parser.parse_args())
        return Plan(**options).with_seed()

    def with_seed(self) -> Plan:
        """Return this plan with a seed, drawn if there is none."""
        if self.seed:
            return self
        return Plan(**{**asdict(self), "seed": random.SystemRandom().randrange(1, 2**31)})

    @property
    def limit_seconds(self) -> float:
        """When the whole run counts as stuck: many faults take long by themselves."""
        faults = sum(each.pause_seconds + _RESTART_SECONDS for each in self.faults())
        return round(self.patience_seconds + faults, 1)

    def faults(self) -> list[Fault]:
        """Return the faults in order, each with the pause before it: the same for one seed."""
        dice = random.Random(self.seed)
        kinds = ["server"] * self.server_kills + ["worker"] * self.worker_kills
        dice.shuffle(kinds)
        return [
            Fault(kind, dice.uniform(0.1, self.most_pause_seconds), dice.randrange(self.workers))
            for kind in kinds
        ]


@dataclass(frozen=True, slots=True)
class Fault:
    """One kill: of what, how long after the one before, and of which worker."""

    kind: str
    pause_seconds: float
    worker: int
