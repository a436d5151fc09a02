"""Seeds leave nothing wrong, and the same seed is the same run.

Each test has processes of its own: a run replaces its process's sources of time and randomness.
"""

from __future__ import annotations

import os
import subprocess
import sys

from integration.simulation.kept_seeds import KEPT_SEEDS

# SIMULATED_SEEDS: how many are run here.
COUNT = int(os.environ.get("SIMULATED_SEEDS", "20"))


def simulate(*flags: str, **environment: str) -> bytes:
    """Run seeds; what was printed, once nothing was wrong."""
    ended = subprocess.run(
        [sys.executable, "-m", "integration.simulation", *flags],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=500,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout.decode()[-20_000:]
    return ended.stdout


def test_seeds_leave_nothing_wrong() -> None:
    assert f"{COUNT} seeds, 0 failed" in simulate("--seeds", f"0:{COUNT}").decode()


def test_seeds_that_found_a_fault_find_it_no_more() -> None:
    kept = ",".join(map(str, KEPT_SEEDS))
    assert f"{len(KEPT_SEEDS)} seeds, 0 failed" in simulate("--seeds", kept).decode()


def test_a_seed_is_the_same_run_each_time_byte_for_byte() -> None:
    """Also where sets of words are walked in another order."""
    first = simulate("--seeds", "3", "--trace", PYTHONHASHSEED="1").splitlines()
    again = simulate("--seeds", "3", "--trace", PYTHONHASHSEED="2").splitlines()
    assert len(first) > 100
    assert first[:-1] == again[:-1]  # the last line says how long it took


def test_another_seed_is_another_run() -> None:
    assert simulate("--seeds", "3", "--trace") != simulate("--seeds", "4", "--trace")
