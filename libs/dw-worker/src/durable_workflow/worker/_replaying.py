"""Replay in a code thread: making machines, and counting the time of user code."""

import threading
from collections.abc import Sized
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from durable_workflow._kernel import Machine, Start
from durable_workflow._wire.texts import error_text
from durable_workflow.worker._code_runs import CodeRun
from durable_workflow.worker._code_threads import CodeThreads
from durable_workflow.worker._interrupts import is_ctrl_c
from durable_workflow.worker._log import log
from durable_workflow.worker._overruns import CodeInterrupted
from durable_workflow.worker._payloads import Payloads

# Matching events to steps is the worker's own time, and a long history takes a while.
_SECONDS_PER_EVENT = 0.0002

_here = threading.local()


class WorkflowCodeExited(Exception):
    """Workflow code raised a `BaseException` that is no `Exception`, as `sys.exit` does."""


@dataclass(slots=True)  # not frozen: each replay makes one
class Subject:
    """The run that a machine replays."""

    workflow_class: type
    workflow_id: str
    run_id: str
    payload_codec: str | None
    silent: bool = False


class replaying:
    """Replay inside: user code has the limit of `run`, anew after each payload that is decoded.

    The block raises `WorkflowCodeExited` where the code raised `SystemExit` or the like, and
    `KeyboardInterrupt` where Ctrl-C came while it ran.
    """

    __slots__ = ("_events", "_run")

    def __init__(self, run: CodeRun[Any], events: Sized) -> None:
        self._run = run
        self._events = events

    def __enter__(self) -> None:
        _here.run = self._run
        self._run.begin_timed(len(self._events) * _SECONDS_PER_EVENT)

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        self._run.end_timed()
        _here.run = None
        if error is None or isinstance(error, Exception | CodeInterrupted) or is_ctrl_c(error):
            return
        # Otherwise `sys.exit()` would end this worker, and then the next one that gets the task.
        what = f"{type(error).__name__}: {error_text(error)}"
        raise WorkflowCodeExited(f"workflow code raised {what}") from error


def start_machine(subject: Subject, arguments: list[Any], payloads: Payloads) -> Machine:
    """A machine that has not been fed anything. Feed it inside `replaying`."""

    def decode(value: Any, codec: str | None) -> Any:
        # A kept machine is later used in other threads, so look up the current run each time.
        run: CodeRun[Any] | None = getattr(_here, "run", None)
        if run is None:
            return payloads.decode(value, codec)
        with run.untimed():
            return payloads.decode(value, codec)

    start = Start(
        workflow_id=subject.workflow_id,
        run_id=subject.run_id,
        arguments=arguments,
        payload_codec=subject.payload_codec,
        decode=decode,
        silent=subject.silent,
        converts=payloads.converts,
    )
    return Machine(subject.workflow_class, start)


def let_go(machine: Machine, threads: CodeThreads) -> None:
    """Close a machine in a code thread: a `finally` block may take long, or never end.

    Nobody waits for it, and its errors do not fail the task that caused it.
    """
    if machine.holds_code:
        threads.submit(lambda run: _close(run, machine)).add_done_callback(_log_closing)


def _close(run: CodeRun[None], machine: Machine) -> None:
    with replaying(run, []):
        machine.close()


def _log_closing(closed: Future[None]) -> None:
    if not closed.cancelled() and (error := closed.exception()) is not None:
        log.warning("suspended workflow code did not end well when it was dropped: %s", error)
