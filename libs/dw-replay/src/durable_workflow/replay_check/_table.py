"""A check for people: what is wrong and how to cure it, a table of the runs, and the verdict."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from durable_workflow.replay_check._report import CheckReport, RunReport
from durable_workflow.replay_verify import VERDICT_OK

# Beyond so many runs the table leaves out those that are well.
_MOST_ROWS: Final = 40
_MOST_DETAILS: Final = 10
_MOST_EXAMPLES: Final = 5
_COLUMNS: Final = ("verdict", "workflow type", "workflow", "run", "events", "where")
_ADVICE: Final[Mapping[str, str]] = {
    "safe_to_promote": "This build goes with all of them: it is safe to deploy.",
    "review_before_promote": "Nothing breaks, but look at the warnings before you deploy.",
    "block_until_compatible": "Do not deploy: open runs like these would stop.",
    "block_and_investigate": "Do not deploy before you know why these could not be checked.",
}


def as_text(report: CheckReport, *, every_run: bool = False) -> str:
    """A report for people.

    Args:
        report: The report.
        every_run: The table has every run, however many there are.
    """
    lines: list[str] = []
    groups = _groups(report.runs)
    for runs in groups[:_MOST_DETAILS]:
        lines += [*_details(runs), ""]
    if len(groups) > _MOST_DETAILS:
        lines += [f"... and {len(groups) - _MOST_DETAILS} other kinds: see the JSON report", ""]
    lines += _table(_rows(report.runs, every_run))
    summary = report.summary
    counts = ", ".join(
        f"{summary[verdict]} {verdict}" for verdict in ("ok", "warning", "drifted", "failed")
    )
    lines.append("")
    lines.append(
        f"{summary['runs']} runs, {summary['events']} events in {report.seconds:.1f} s: {counts}"
    )
    lines.append(f"{report.promotion_decision}: {_ADVICE[report.promotion_decision]}")
    return "\n".join(lines) + "\n"


def _groups(runs: Sequence[RunReport]) -> list[list[RunReport]]:
    """Runs that are not well, those that are so in the same way together."""
    found: dict[tuple[Any, ...], list[RunReport]] = {}
    for run in runs:
        if run.verdict != VERDICT_OK:
            divergence = run.divergence or {}
            what = (divergence.get("recorded"), divergence.get("asked")) if divergence else None
            key = (run.verdict, run.workflow_type, _where(run), what or run.message)
            found.setdefault(key, []).append(run)
    return sorted(found.values(), key=len, reverse=True)


def _details(runs: Sequence[RunReport]) -> Iterator[str]:
    first = runs[0]
    names = ", ".join(_name(run) for run in runs[:_MOST_EXAMPLES])
    more = f" and {len(runs) - _MOST_EXAMPLES} more" if len(runs) > _MOST_EXAMPLES else ""
    yield f"{first.verdict.upper()}  {first.workflow_type or 'unknown type'}: {names}{more}"
    divergence = first.divergence
    if divergence is None:
        yield f"  {first.message}"
        return
    yield f"  position       {_position(divergence)}"
    yield f"  history has    {divergence['recorded']}"
    yield f"  the code asks  {divergence['asked']}"
    source = divergence.get("source")
    if source:
        yield f"  at             {source['file']}:{source['line']} in {source['function']}"
        if source["code"]:
            yield f"                     {source['code']}"
    yield f"  likely cause   {divergence['explanation']}"
    first_line, *rest = str(divergence["cure"]).splitlines()
    yield f"  cure           {first_line}"
    for line in rest:
        yield f"                 {line}"


def _position(divergence: Mapping[str, Any]) -> str:
    words = f"step {divergence['step']}"
    if divergence.get("workflow_sequence") is not None:
        words += f" (workflow sequence {divergence['workflow_sequence']})"
    events = divergence["recorded_events"]
    if events:
        shown = ", ".join(f"{event['event_type']} {event['sequence']}" for event in events)
        words += f", events: {shown}, from {events[0]['recorded_at']} on"
    return words


def _name(run: RunReport) -> str:
    return run.workflow_id or run.source


def _where(run: RunReport) -> str:
    source = (run.divergence or {}).get("source")
    return f"{source['file']}:{source['line']}" if source else ""


def _rows(runs: Sequence[RunReport], every_run: bool) -> list[tuple[str, ...]]:
    shown = runs
    if not every_run and len(runs) > _MOST_ROWS:
        shown = [run for run in runs if run.verdict != VERDICT_OK][:_MOST_ROWS]
    rows: list[tuple[str, ...]] = [
        (
            run.verdict,
            run.workflow_type or "",
            run.workflow_id or run.source,
            run.run_id or "",
            str(run.event_count),
            _where(run) or run.message[:60],
        )
        for run in shown
    ]
    left = len(runs) - len(shown)
    return [*rows, ("", f"... and {left} more", "", "", "", "")] if left else rows


def _table(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(_COLUMNS, *rows, strict=True)]
    for row in (_COLUMNS, tuple("-" * width for width in widths), *rows):
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
