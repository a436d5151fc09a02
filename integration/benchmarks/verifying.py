"""What the replay check costs beside the replay alone: python -m integration.benchmarks.verifying

Both replay the same history, in turns, in this process. The bare replay has the events parsed
already; the check reads the file, parses it, replays and judges. Memory is that of a process of its
own which does nothing else, above what it had before it began.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

from durable_workflow import serializer, workflow
from durable_workflow.replay_check import check_histories
from durable_workflow.workflow import WorkflowContext

AIM = 1.25
TIME = "2026-06-01T12:00:00.123456Z"
ID = "01m8hjmxna1hvk7ngd1b08by31"


@workflow.defn(name="long")
class Long:
    """Runs one activity after the other."""

    def run(self, ctx: WorkflowContext, steps: int) -> Generator[Any, Any, int]:
        total = 0
        for number in range(steps):
            total += yield ctx.schedule_activity("work", [number])
        return total


def history(steps: int) -> dict[str, Any]:
    """A history as the server writes it, three events a step."""
    events: list[dict[str, Any]] = []

    def add(event_type: str, **payload: Any) -> None:
        events.append(
            {
                "sequence": len(events) + 1,
                "event_type": event_type,
                "timestamp": TIME,
                "payload": payload,
                "id": ID,
                "workflow_task_id": ID,
                "workflow_command_id": None,
                "recorded_at": TIME,
            }
        )

    add("WorkflowStarted", workflow_type="long", workflow_run_id=ID, timestamp=TIME, clock="event")
    retries = {"snapshot_version": 1, "max_attempts": 3, "backoff_seconds": [1, 2]}
    for step in range(steps):
        about = {"activity_execution_id": ID, "activity_type": "work", "sequence": step + 2}
        options = {"id": ID, "type": "work", "queue": "q", "retry_policy": retries}
        add("ActivityScheduled", **about, activity=options)
        add("ActivityStarted", **about, activity_attempt_id=ID, attempt_number=1)
        result = serializer.encode(step, "avro")
        add("ActivityCompleted", **about, result=result, payload_codec="avro")
    output = serializer.encode(steps * (steps - 1) // 2, "avro")
    add("WorkflowCompleted", output=output, payload_codec="avro")
    return {"workflow_id": "w", "run_id": ID, "input": [steps], "events": events}


def timed(work: Callable[[], object]) -> float:
    """Processor seconds that something takes: others may be at work beside it."""
    began = time.process_time()
    work()
    return time.process_time() - began


def replay(path: Path, steps: int) -> tuple[float, int]:
    """Seconds of a bare replay of events that were parsed before, and how many there are."""
    events = json.loads(path.read_bytes())["events"]
    return timed(lambda: workflow.replay(Long, events, [steps], run_id=ID)), len(events)


def check(path: Path) -> None:
    """Check a history in this process."""
    report = check_histories(path, [Long], processes=0)
    assert report.verdict == "ok", report.runs[0].message


def peak_megabytes() -> float:
    """The most memory that this process had so far."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def memory_of(path: Path) -> float:
    """Megabytes that a check takes, in a process of its own."""
    command = [sys.executable, "-m", "integration.benchmarks.verifying", "--only", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout)


def measure(steps: int, rounds: int, folder: Path) -> dict[str, Any]:
    """Compare the check of one history with its bare replay."""
    path = folder / f"{steps}.json"
    path.write_text(json.dumps(history(steps)))
    bare: list[float] = []
    checked: list[float] = []
    count = 0
    for _ in range(rounds):
        bare_seconds, count = replay(path, steps)
        bare.append(bare_seconds)
        checked.append(timed(lambda: check(path)))
    ratio = statistics.median(checked) / statistics.median(bare)
    return {
        "events": count,
        "file_megabytes": round(path.stat().st_size / 2**20, 1),
        "bare_events_per_second": round(count / statistics.median(bare)),
        "checked_events_per_second": round(count / statistics.median(checked)),
        "ratio": round(ratio, 3),
        "within_the_aim": ratio <= AIM,
        "check_megabytes": round(memory_of(path), 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="verifying", description=__doc__)
    parser.add_argument("--steps", type=int, nargs="*", default=[1000, 10_000, 40_000])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only is not None:
        before = peak_megabytes()
        check(options.only)
        print(peak_megabytes() - before)
        return
    with tempfile.TemporaryDirectory() as folder:
        found = [measure(steps, options.rounds, Path(folder)) for steps in options.steps]
    print(json.dumps({"aim": AIM, "histories": found}, indent=2))


if __name__ == "__main__":
    main()
