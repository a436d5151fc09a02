"""Checking many runs."""

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from durable_workflow.replay_check._processes import Processes
from durable_workflow.replay_check._report import CheckReport, RunReport
from durable_workflow.replay_check._sources import Unit, files_in
from durable_workflow.replay_check._work import Setup, Work


def check_histories(
    sources: str | Path | Iterable[str | Path],
    workflows: str | Sequence[type],
    *,
    processes: int | None = None,
    timeout: float | None = None,
    external_storage: str | None = None,
    signing_key: str | None = None,
) -> CheckReport:
    """Replay recorded runs against workflow code: is this build safe to deploy?

    Args:
        sources: History files and folders of them: documents of `Client.get_history`, exported
            bundles, what `durable-workflow-replay-check --save` kept.
        workflows: The classes, or `module:attribute` that gives them.
        processes: How many processes check; None is one for each processor, 0 checks in this one.
            They import the script that calls this: it must be called beneath
            `if __name__ == "__main__":` there.
        timeout: Seconds that one run may take, in processes of its own only; None is no limit.
        external_storage: `module:attribute` that gives the driver of offloaded payloads.
        signing_key: The key that exported bundles are signed with.
    Returns:
        One report a run; `verdict` and `promotion_decision` are those of all.
    Raises:
        SourceError: A source does not exist or has no history.
        ValueError: There are no workflows, two have one type name, or other processes cannot
            import them.
        SetupFailed: A process ended while it loaded the workflows.
    """
    if isinstance(sources, str | Path):
        sources = [sources]
    units: list[Unit] = [unit for source in sources for unit in files_in(source)]
    setup = Setup(workflows, external_storage=external_storage, signing_key=signing_key)
    return check_units(units, setup, processes=processes, timeout=timeout)


def check_units(
    units: Sequence[Unit],
    setup: Setup,
    *,
    processes: int | None = None,
    timeout: float | None = None,
    tell: Callable[[RunReport], None] | None = None,
) -> CheckReport:
    """Check units, in processes; `tell` is called with each report as it comes."""
    began = time.monotonic()
    reports: dict[int, RunReport] = {}
    for number, report in _checked(units, setup, processes, timeout):
        reports[number] = report
        if tell is not None:
            tell(report)
    runs = [reports[number] for number in sorted(reports)]
    return CheckReport(runs, time.monotonic() - began)


def _checked(
    units: Sequence[Unit], setup: Setup, processes: int | None, timeout: float | None
) -> Iterator[tuple[int, RunReport]]:
    count = (os.cpu_count() or 1) if processes is None else processes
    if count == 0:
        work = Work(setup)
        try:
            for number, unit in enumerate(units):
                yield number, work.check(unit)
        finally:
            work.close()
        return
    pool = Processes(setup, max(1, min(count, len(units))), timeout)
    try:
        yield from pool.check(units)
    finally:
        pool.close()
