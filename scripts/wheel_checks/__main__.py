"""Check built wheels and sdists: python -m wheel_checks --dist dist ..."""

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from wheel_checks.contents import CheckFailed, check_contents
from wheel_checks.environments import UV
from wheel_checks.matrix import Matrix
from wheel_checks.mixed_versions import MixedVersions
from wheel_checks.upgrades import Upgrades

# Where the lowest versions are tried: they are older than later Pythons, and don't build there.
LOWEST_PYTHON = (3, 11)

Check = Callable[[], None]


def stage(title: str, checks: Iterable[Check]) -> None:
    """Run checks that do not depend on each other, and say how long they took.

    Raises:
        CheckFailed: One of them failed; the others have ended.
    """
    started, worked = time.monotonic(), processor_time()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        running = [pool.submit(check) for check in checks]
    for done in running:
        done.result()
    seconds = time.monotonic() - started
    count = f"{len(running)} checks, " if len(running) > 1 else ""
    work = f"{processor_time() - worked:.1f} s of processors"
    print(f"ok  {title} ({count}{seconds:.1f} s, {work})", flush=True)


def processor_time() -> float:
    """Seconds that processors have worked for this check, its commands included."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def check_everything(matrix: Matrix) -> None:
    """Check the wheels in all the ways that users meet them.

    Raises:
        CheckFailed: Something does not hold.
    """
    wheels = list(matrix.wheels.values())
    stage(f"contents of {len(wheels)} wheels", [partial(check_contents, wheels)])
    stage("the wheelhouse", [matrix.fill_wheelhouse])
    stage(
        "built again from the sdist: the same bytes",
        [partial(matrix.check_sdist, name) for name in matrix.wheels],
    )
    stage(
        "alone: installs, imports, refuses, runs, type-checks",
        [partial(matrix.check_alone, name) for name in matrix.libraries],
    )
    stage("in pairs", [partial(matrix.check_pair, *pair) for pair in matrix.pairs])
    extras = [partial(matrix.check_extra, *extra) for extra in matrix.extras]
    stage("with each extra", [*extras, matrix.check_extras_of_meta])
    stage(
        "the meta package, everything: the quickstart", [matrix.check_meta, matrix.check_together]
    )
    if sys.version_info[:2] == LOWEST_PYTHON:
        stage("the lowest versions allowed: the quickstart", [matrix.check_lowest_versions])
    mixed = MixedVersions(matrix)
    stage("a release after this one is built", [mixed.build_newer])
    stage(
        "older wheels on a newer dw-core work, newer ones on an older are refused",
        [
            mixed.check_older_on_newer_core,
            mixed.check_newer_on_older_core,
            mixed.check_forced,
        ],
    )
    upgrades = Upgrades(matrix)
    ways = [upgrades.check_in_place_and_its_cure, upgrades.check_uninstalling_first]
    if UV.exists():
        ways.append(upgrades.check_in_place_with_uv)
    stage("upgrades over the single wheel of old", ways)


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/check_wheels")
    parser.add_argument("--dist", type=Path, required=True, help="the built wheels and sdists")
    parser.add_argument("--work", type=Path, required=True, help="an empty folder to work in")
    parser.add_argument("--wheelhouse", type=Path, required=True, help="other people's wheels")
    options = parser.parse_args()
    matrix = Matrix(options.dist.resolve(), options.work.resolve(), options.wheelhouse.resolve())
    try:
        check_everything(matrix)
    except CheckFailed as error:
        print(f"FAILED  {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
