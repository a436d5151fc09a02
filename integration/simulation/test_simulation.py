"""Seeds leave nothing wrong, and the same seed is the same run.

Each test has processes of its own: a run replaces its process's sources of time and randomness.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from integration.simulation.kept_seeds import KEPT_SEEDS

# SIMULATED_SEEDS: how many are run here.
COUNT = int(os.environ.get("SIMULATED_SEEDS", "20"))


# Of which each is run twice.
TWICE = min(COUNT, 20)
# Python and its libraries have some ten files open; ten servers killed in their work have fifty.
OPEN_FILES = 40


def simulate(*flags: str, **environment: str) -> bytes:
    """Run seeds, with few files open at a time; what was printed, once nothing was wrong."""
    few = ["bash", "-c", f'ulimit -n {OPEN_FILES} && exec "$@"', "bash"]
    ended = subprocess.run(
        [*few, sys.executable, "-m", "integration.simulation", *flags],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=500,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout.decode()[-20_000:]
    return ended.stdout


@pytest.fixture(scope="module")
def printed() -> str:
    """What the seeds have printed, each with its digest, run in one process in their order."""
    flags = ("--seeds", f"0:{COUNT}", "--digests", "--processes", "1")
    return simulate(*flags, PYTHONHASHSEED="1").decode()


def test_seeds_leave_nothing_wrong(printed: str) -> None:
    assert f"{COUNT} seeds, 0 failed" in printed


def test_a_seed_is_the_same_run_whatever_its_process_did_before(printed: str) -> None:
    """Also where sets of words are walked in another order."""
    backwards = ",".join(str(seed) for seed in reversed(range(TWICE)))
    flags = ("--seeds", backwards, "--digests", "--processes", "2")
    again = simulate(*flags, PYTHONHASHSEED="2").decode().splitlines()
    assert again[:TWICE] == printed.splitlines()[:TWICE][::-1]


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
