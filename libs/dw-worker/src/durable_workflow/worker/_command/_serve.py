"""One process of `dw-worker`: import the code, serve, and say how it ended."""

import asyncio
import logging
import sys
from typing import Any, Final

import durable_workflow
from durable_workflow._event_loops import loop_factory
from durable_workflow._garbage import collect_rarely
from durable_workflow._memory import keep_freed_memory
from durable_workflow.errors import DurableWorkflowError
from durable_workflow.worker._command._options import Options, WrongUse, names_worker
from durable_workflow.worker._command._targets import definitions_in, worker_of
from durable_workflow.worker._log import log
from durable_workflow.worker._worker import Worker

FAILED: Final = 1
_FORMAT: Final = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"


def serve(options: Options) -> int:
    """Serve until a signal comes; returns the exit code.

    Raises:
        WrongUse: There is nothing to serve.
    """
    logging.basicConfig(level=options.log_level, format=_FORMAT, stream=sys.stderr)
    # The client's HTTP library has an INFO line for each request, which is each poll.
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLogger().level))
    try:
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            runner.run(_serve(options))
    except (RuntimeError, DurableWorkflowError) as error:
        log.error("the worker ended: %s", error, exc_info=log.isEnabledFor(logging.DEBUG))
        return FAILED
    return 0


async def _serve(options: Options) -> None:
    [first, *_] = options.targets
    if names_worker(first):
        worker = await worker_of(first)
        await _run(worker)
        return
    found = definitions_in(options.targets)
    async with _client(options) as client:
        try:
            worker = Worker(
                client,
                task_queue=options.task_queue or "",
                workflows=found.workflows.values(),
                activities=found.activities.values(),
                **options.worker,
            )
        except ValueError as error:
            raise WrongUse(str(error)) from error
        await _run(worker)


async def _run(worker: Worker) -> None:
    print(_line(worker), flush=True)
    collect_rarely()
    keep_freed_memory()
    await worker.run(handle_signals=True)
    # `run` absorbs a cancellation, and here that is a second Ctrl-C.
    if (task := asyncio.current_task()) is not None and task.cancelling():
        raise asyncio.CancelledError


def _line(worker: Worker) -> str:
    where = getattr(worker.client, "base_url", None) or "a server"
    namespace = getattr(worker.client, "namespace", None) or "default"
    build = "" if worker.build_id is None else f", build {worker.build_id}"
    return (
        f"dw-worker: {worker.worker_id} serves task queue {worker.task_queue} of namespace "
        f"{namespace} at {where}{build}: {_names('workflow', worker.workflows)}; "
        f"{_names('activity', worker.activities)}"
    )


def _names(kind: str, names: Any) -> str:
    plural = {"workflow": "workflows", "activity": "activities"}[kind]
    return f"{plural} {', '.join(sorted(names))}" if names else f"no {plural}"


def _client(options: Options) -> Any:
    try:
        return _client_class()(options.url, token=options.token, namespace=options.namespace)
    except ValueError as error:
        raise WrongUse(str(error)) from error


def _client_class() -> Any:
    try:
        return durable_workflow.Client
    except ImportError as error:
        raise WrongUse(
            f"dw-worker needs a client to reach the server: {error}. A worker of your own, "
            "`module:worker`, may have another client."
        ) from error
