"""`--reload`: run the worker in a process of its own, and start it again when a file changes."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Final

_LOOK_SECONDS: Final = 0.4
# For a worker that is to be replaced: as long as a developer waits before it is killed.
_DRAIN_SECONDS: Final = 5.0
# Folders with code that no developer edits.
_SKIPPED: Final = frozenset({"__pycache__", "node_modules", "site-packages", "venv"})


def serve_reloading(argv: Sequence[str], folder: Path) -> int:
    """Keep a worker running whose code is that of the files; returns the exit code.

    A worker that ends by itself, as with a syntax error, is started again at the next change.

    Args:
        argv: The command's arguments, `--reload` among them.
        folder: Its `.py` files are watched, those of its folders included.
    """
    arguments = [each for each in argv if each != "--reload"]
    supervisor = _Supervisor([sys.executable, "-m", "durable_workflow.worker", *arguments])
    return supervisor.run(folder)


class _Supervisor:
    def __init__(self, command: list[str]) -> None:
        self._command = command
        self._signals = 0

    def run(self, folder: Path) -> int:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._count)
        seen = _state_of(folder)
        child, told = self._start(), False
        while not self._signals:
            time.sleep(_LOOK_SECONDS)
            now = _state_of(folder)
            if not told and (code := child.poll()) is not None:
                told = True
                how = f"by signal {-code}" if code < 0 else f"with exit code {code}"
                print(f"dw-worker: ended {how}: starts again at the next change", flush=True)
            if now == seen:
                continue
            changed = sorted(
                str(path) for path in seen.keys() | now.keys() if seen.get(path) != now.get(path)
            )
            print(f"dw-worker: {', '.join(changed[:3])} changed: starting again", flush=True)
            seen, told = now, False
            self._end(child)
            if not self._signals:
                child = self._start()
        return self._drained(child)

    def _start(self) -> "subprocess.Popen[bytes]":
        # A process group of its own: Ctrl-C is for the supervisor, which passes it on once.
        return subprocess.Popen(self._command, start_new_session=True)

    def _end(self, child: "subprocess.Popen[bytes]") -> None:
        child.terminate()
        try:
            child.wait(_DRAIN_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()

    def _drained(self, child: "subprocess.Popen[bytes]") -> int:
        """Have the worker drain; a second signal ends it at once."""
        child.terminate()
        while child.poll() is None and self._signals < 2:
            time.sleep(_LOOK_SECONDS / 4)
        if child.poll() is None:
            child.terminate()
        return child.wait()

    def _count(self, _number: int, _frame: FrameType | None) -> None:
        self._signals += 1


def _state_of(folder: Path) -> dict[Path, int]:
    """Times of the last change of each source file, in nanoseconds."""
    found: dict[Path, int] = {}
    for path in _sources(folder):
        try:
            found[path] = path.stat().st_mtime_ns
        except FileNotFoundError:
            continue  # removed since it was listed
    return found


def _sources(folder: Path) -> Iterator[Path]:
    for where, folders, files in os.walk(folder):
        folders[:] = [
            each
            for each in folders
            if each not in _SKIPPED
            and not each.startswith(".")
            and not Path(where, each, "pyvenv.cfg").exists()
        ]
        yield from (Path(where, each) for each in files if each.endswith(".py"))
