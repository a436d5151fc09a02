"""A short fault run; the long one is a program (see `fault_run.py`), and CI runs that too."""

import pytest

from integration.faults.fault_run import fault_run
from integration.faults.plan import Plan


@pytest.mark.parametrize("polling_workers", [0, 1, 2])
async def test_orders_survive_kills_of_server_and_workers(polling_workers: int) -> None:
    """Over streams, over polls, and where one worker streams and the other polls."""
    plan = Plan(
        orders=16,
        mixtures=12,
        server_kills=2,
        worker_kills=2,
        polling_workers=polling_workers,
        patience_seconds=120,
    ).with_seed()
    verdict = (await fault_run(plan)).as_json()
    assert verdict["violations"] == [], f"seed {plan.seed}"
    assert verdict["acknowledged"] == 16


def test_one_seed_gives_one_order_of_faults() -> None:
    plan = Plan(seed=7)
    assert plan.faults() == Plan(seed=7).faults()
    assert plan.faults() != Plan(seed=8).faults()
    assert sorted(fault.kind for fault in plan.faults()) == ["server"] * 5 + ["worker"] * 5


def test_a_run_is_stuck_only_when_its_faults_are_long_over() -> None:
    plan = Plan(server_kills=2_000, worker_kills=4_000, patience_seconds=10, seed=7)
    pauses = sum(fault.pause_seconds for fault in plan.faults())
    assert plan.limit_seconds > pauses + 2 * 6_000
    assert Plan(server_kills=0, worker_kills=0, patience_seconds=10).limit_seconds == 10
