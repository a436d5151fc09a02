"""Small arithmetic over measured times, and what a process uses."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def spread(seconds: Sequence[float]) -> dict[str, float]:
    """Return count, p50, p99, worst (milliseconds) and how many a second, one after the other."""
    ordered = sorted(seconds)
    return {
        "count": len(ordered),
        "p50_ms": round(1000 * _quantile(ordered, 0.50), 3),
        "p99_ms": round(1000 * _quantile(ordered, 0.99), 3),
        "worst_ms": round(1000 * ordered[-1], 3),
        "per_second": round(len(ordered) / sum(ordered), 1),
    }


def _quantile(ordered: Sequence[float], part: float) -> float:
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


def resident_megabytes(pid: int) -> dict[str, float]:
    """Return what a process holds in memory now, and the most it ever held."""
    wanted = {"VmRSS": "now_mb", "VmHWM": "most_mb"}
    found: dict[str, float] = {}
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name in wanted:
            found[wanted[name]] = round(int(value.split()[0]) / 1024, 1)
    return found


def cpu_seconds(pid: int) -> float:
    """Return the processor time that a process has used, user and system together."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100
