"""Runs seeds: `python -m integration.simulation --seeds 0:2000`. Exits with 1 where one fails."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import time
from collections.abc import Iterator, Sequence

from integration.simulation.run import Outcome, run_seed


def main() -> int:
    """Read the flags, run the seeds, and say what was wrong with which."""
    options = _parser().parse_args()
    began, failed, done, simulated = time.monotonic(), 0, 0, 0.0
    if options.trace:
        outcomes: Iterator[Outcome] = (run_seed(seed, print) for seed in options.seeds)
    elif options.processes == 1:
        outcomes = map(run_seed, options.seeds)
    else:
        outcomes = _in_processes(options.seeds, options.processes)
    for outcome in outcomes:
        done, simulated = done + 1, simulated + outcome.seconds
        if options.digests:
            print(f"{outcome.seed} {outcome.digest}")
        if outcome.wrong:
            failed += 1
            _tell(outcome)
        if options.seconds and time.monotonic() - began > options.seconds:
            break
    seconds = time.monotonic() - began
    print(f"{done} seeds, {failed} failed: {simulated:.0f} simulated seconds in {seconds:.1f}")
    return 1 if failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m integration.simulation", description=__doc__)
    parser.add_argument(
        "--seeds", type=_seeds, default=range(100), help="FROM:TO, or a list with commas"
    )
    parser.add_argument("--trace", action="store_true", help="print all that happens")
    parser.add_argument("--digests", action="store_true", help="print what identifies each run")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seconds", type=float, default=0, help="begin no further seed after that")
    return parser


def _seeds(text: str) -> Sequence[int]:
    first, colon, last = text.partition(":")
    return range(int(first), int(last)) if colon else [int(each) for each in text.split(",")]


def _in_processes(seeds: Sequence[int], count: int) -> Iterator[Outcome]:
    # Started afresh and not forked: a seed finds in each of them what it finds in any other.
    processes = min(count, len(seeds))
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        yield from pool.imap(run_seed, seeds, chunksize=1)


def _tell(outcome: Outcome) -> None:
    print(f"seed {outcome.seed} failed after {outcome.seconds:.0f} s ({outcome.digest}):")
    for wrong in outcome.wrong:
        print(f"  {wrong}")
    print(f"  again: python -m integration.simulation --seeds {outcome.seed} --trace", flush=True)


if __name__ == "__main__":
    sys.exit(main())
