"""The figures about this process in registration and heartbeats."""

import os
import socket
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

_STATM = Path("/proc/self/statm")


class ProcessMetrics:
    """Samples of this process: each CPU figure covers the time since the sample before it.

    Attributes:
        started_at: When the worker was made, aware UTC.
    """

    def __init__(self) -> None:
        # First the clock that counts: what passes between the two readings is not missing then.
        self._started = self._sampled = time.monotonic()
        self.started_at = datetime.now(UTC)
        self._cpu_seconds = time.process_time()

    def move_start(self, moment: datetime) -> None:
        """Count from another moment, aware UTC."""
        self._started += (moment - self.started_at).total_seconds()
        self.started_at = moment

    def sample(self) -> dict[str, Any]:
        """Take a sample, in the form that the server stores."""
        metrics: dict[str, Any] = {
            "process_uptime_seconds": int(time.monotonic() - self._started),
            "process_id": os.getpid(),
            "process_started_at": _milliseconds(self.started_at),
        }
        if (memory := _resident_bytes()) is not None:
            metrics["memory_bytes"] = memory
        if os.name == "posix":
            metrics["cpu_percent"] = self._cpu_percent()
        if host := socket.gethostname()[:255]:
            metrics["host"] = host
        return metrics

    def _cpu_percent(self) -> float:
        now, used = time.monotonic(), time.process_time()
        wall = now - self._sampled
        percent = 100.0 * (used - self._cpu_seconds) / wall if wall > 0 else 0.0
        self._sampled, self._cpu_seconds = now, used
        return round(min(100.0, max(0.0, percent)), 2)


def _milliseconds(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + (
        f"{moment.microsecond // 1000:03d}Z"
    )


def _resident_bytes() -> int | None:
    """Resident set size, where the kernel tells (Linux)."""
    try:
        return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return None
