"""Server and workers as processes of their own, to be started, watched, and killed.

A process tells that it is ready with a line; everything it says is kept, so that a failing test can
show it. Nothing here sleeps for a fixed time: waiting is for a line, for an exit, or for an answer.
"""

from __future__ import annotations

import ctypes
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

ROOT = Path(__file__).resolve().parents[2]
LISTENING = re.compile(r"listening on (http://\S+)")
REGISTERED = re.compile(r"worker is running")


# Linux sends a child its signal when the thread that started it ends. This one never does.
_launcher = ThreadPoolExecutor(max_workers=1, thread_name_prefix="launcher")
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


def _prepare_child() -> None:
    """Have the child hear Ctrl-C, and have the system kill it when its parent is gone.

    A shell starts what it runs in the background with SIGINT ignored, and each child inherits that.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if sys.platform == "linux":
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class ProcessFailed(AssertionError):
    """A process ended, or did not get ready in time. The text holds the last of what it said."""


class ManagedProcess:
    """A child process in a session of its own, whose output is read from the start.

    Args:
        arguments: The command line.
        environment: Added to this process's environment.
        name: What messages call it.
        folder: Where it is started.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        name: str,
        folder: Path = ROOT,
    ) -> None:
        self.name = name
        self._said: deque[str] = deque(maxlen=400)
        self._changed = threading.Condition()
        self._ended = False
        self.started_at = time.monotonic()
        self._process = _launcher.submit(
            subprocess.Popen[str],
            arguments,
            cwd=folder,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
            preexec_fn=_prepare_child,
        ).result()
        self._reader = threading.Thread(target=self._read, name=f"{name} output", daemon=True)
        self._reader.start()

    def _read(self) -> None:
        stream = self._process.stdout
        assert stream is not None
        with stream:
            for line in stream:
                with self._changed:
                    self._said.append(line.rstrip("\n"))
                    self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    @property
    def output(self) -> str:
        """The last lines that the process said."""
        with self._changed:
            return "\n".join(self._said)

    def wait_for_line(self, pattern: re.Pattern[str], *, timeout: float = 30.0) -> re.Match[str]:
        """Wait until the process has said a line that matches.

        Raises:
            ProcessFailed: It ended first, or `timeout` seconds passed.
        """
        deadline = time.monotonic() + timeout
        with self._changed:
            while True:
                for line in self._said:
                    if match := pattern.search(line):
                        return match
                left = deadline - time.monotonic()
                if self._ended or left <= 0:
                    break
                self._changed.wait(left)
        raise ProcessFailed(f"{self.name} never said {pattern.pattern!r}:\n{self.output}")

    def kill(self) -> None:
        """End it with SIGKILL, as a power cut would, and wait until it is gone."""
        self._signal(signal.SIGKILL)
        self._process.wait(30)
        self._reader.join(30)

    def stop(self, *, timeout: float = 30.0) -> int:
        """Ask it to stop with SIGTERM, and return its exit status.

        Raises:
            ProcessFailed: It is still there after `timeout` seconds; it has been killed by then.
        """
        self._signal(signal.SIGTERM)
        try:
            status = self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise ProcessFailed(
                f"{self.name} did not stop within {timeout} s:\n{self.output}"
            ) from None
        self._reader.join(30)
        return status

    def wait(self, *, timeout: float) -> int:
        """Wait for it to end by itself, and return its exit status."""
        try:
            status = self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise ProcessFailed(
                f"{self.name} still ran after {timeout} s:\n{self.output}"
            ) from None
        self._reader.join(30)
        return status

    def dispose(self) -> None:
        """Make sure that nothing of it is left; for fixtures."""
        if self.is_running:
            self.kill()
        else:
            self._reader.join(30)

    def _signal(self, number: signal.Signals) -> None:
        if self.is_running:
            os.killpg(self._process.pid, number)


class ServerProcess:
    """A server on a state file, which keeps its port over restarts and kills.

    Attributes:
        url: Where it listens, the same for its whole life.
        starts: How many times it was started.
    """

    def __init__(
        self,
        db: Path | str,
        *,
        token: str | None = None,
        environment: Mapping[str, str] | None = None,
        python: Sequence[str] = (sys.executable,),
    ) -> None:
        self.db = str(db)
        self.token = token
        self.url = ""
        self.starts = 0
        self.start_seconds = 0.0
        self._python = list(python)
        self._environment = {"DW_AUTH_TOKEN": "", **(environment or {})}
        self._process: ManagedProcess | None = None

    @property
    def process(self) -> ManagedProcess:
        assert self._process is not None, "the server has not been started"
        return self._process

    def start(self) -> None:
        """Start it, and wait until it listens."""
        port = self.url.rsplit(":", 1)[1] if self.url else "0"
        arguments = [*self._python, "-m", "durable_workflow.server", "--db", self.db]
        arguments += ["--host", "127.0.0.1", "--port", port]
        if self.token is not None:
            arguments += ["--token", self.token]
        self._process = ManagedProcess(arguments, environment=self._environment, name="dw-server")
        self.starts += 1
        try:
            said = self._process.wait_for_line(LISTENING)
        except ProcessFailed:
            self._process.dispose()
            raise
        self.start_seconds = time.monotonic() - self._process.started_at
        self.url = said[1].rstrip("/")

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.kill()

    def restart(self) -> None:
        """Stop it in good order and start it again on the same state and port."""
        self.process.stop()
        self.start()

    def __enter__(self) -> ServerProcess:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is not None:
            error.add_note(f"the server said:\n{self.process.output}")
        self.process.dispose()


@contextmanager
def worker_process(
    url: str,
    programs: str,
    *,
    token: str | None = None,
    task_queue: str = "default",
    worker_id: str | None = None,
    python: Sequence[str] = (sys.executable,),
    environment: Mapping[str, str] | None = None,
    concurrency: int = 10,
    quiet: bool = False,
    cached_workflows: int = 1000,
    polls: bool = False,
) -> Generator[ManagedProcess]:
    """A worker as a process, stopped at the end whatever happened. See `worker_process.py`."""
    process = start_worker(
        url,
        programs,
        token=token,
        task_queue=task_queue,
        worker_id=worker_id,
        python=python,
        environment=environment,
        concurrency=concurrency,
        quiet=quiet,
        cached_workflows=cached_workflows,
        polls=polls,
    )
    try:
        yield process
    except BaseException as error:
        error.add_note(f"the worker said:\n{process.output}")
        raise
    finally:
        process.dispose()


def start_worker(
    url: str,
    programs: str,
    *,
    token: str | None = None,
    task_queue: str = "default",
    worker_id: str | None = None,
    python: Sequence[str] = (sys.executable,),
    environment: Mapping[str, str] | None = None,
    concurrency: int = 10,
    quiet: bool = False,
    cached_workflows: int = 1000,
    polls: bool = False,
) -> ManagedProcess:
    """Start a worker that serves the `WORKFLOWS` and `ACTIVITIES` of the module `programs`."""
    arguments = [*python, "-m", "integration.harness.worker_process", url, programs]
    arguments += ["--task-queue", task_queue, "--concurrency", str(concurrency)]
    if token is not None:
        arguments += ["--token", token]
    if worker_id is not None:
        arguments += ["--worker-id", worker_id]
    if quiet:
        arguments.append("--quiet")
    arguments += ["--cached-workflows", str(cached_workflows)]
    if polls:
        arguments.append("--polls")
    path = os.pathsep.join(
        [str(ROOT), str(ROOT / "examples"), os.environ.get("PYTHONPATH", "")]
    ).rstrip(os.pathsep)
    return ManagedProcess(
        arguments, environment={"PYTHONPATH": path, **(environment or {})}, name="worker"
    )
