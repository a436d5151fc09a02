"""The arguments of `dw-worker`, and what the environment gives in their place."""

import argparse
import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from durable_workflow._protocol import add_version_option

_URL_VARIABLE: Final = "DURABLE_WORKFLOW_SERVER_URL"
_TOKEN_VARIABLE: Final = "DURABLE_WORKFLOW_AUTH_TOKEN"
_NAMESPACE_VARIABLE: Final = "DURABLE_WORKFLOW_NAMESPACE"
_LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR")

_DESCRIPTION: Final = """\
Serve a task queue with the decorated workflows and activities of modules:

  dw-worker myapp.workflows myapp.activities --task-queue orders --url http://localhost:8080

or with a worker of your own, an object or a function that makes one:

  dw-worker myapp.worker:make_worker

The folder where the command is started comes first on the import path.
"""

_EPILOG: Final = f"""\
environment:
  {_URL_VARIABLE}, {_TOKEN_VARIABLE} and {_NAMESPACE_VARIABLE}
  stand in for --url, --token and --namespace.

SIGTERM and SIGINT (Ctrl-C) drain: no new tasks, those in flight are ended and reported, within
--shutdown-timeout. A second signal ends at once.

exit codes:
  0  stopped by a signal, after draining
  1  the server refused the worker, or the worker ended in an error
  2  wrong arguments, a module that cannot be imported, nothing to serve, or a wheel is missing
  a second signal: 130 after SIGINT, 143 after SIGTERM
"""


@dataclass(frozen=True, slots=True)
class Options:
    """What the command was asked.

    Attributes:
        targets: Modules, or one `module:attribute`.
        task_queue: The queue to serve; None where a worker of the program's own names it.
        url: Origin of the server.
        token: The login, if any.
        namespace: The namespace to work in.
        worker: Further settings of the worker, by the names of its constructor.
        log_level: Level of the log.
        reload: Whether to start again when a source file changes.
    """

    targets: tuple[str, ...]
    task_queue: str | None
    url: str
    token: str | None
    namespace: str
    worker: Mapping[str, Any]
    log_level: str
    reload: bool


class WrongUse(Exception):
    """The command cannot do what it was asked; the text says why."""


def read_options(argv: Sequence[str] | None) -> Options:
    """Read the arguments; ends the process with exit code 2 where they are wrong.

    Raises:
        WrongUse: They contradict each other.
    """
    given = _parser().parse_args(argv)
    options = Options(
        targets=tuple(given.targets),
        task_queue=given.task_queue,
        url=given.url or os.environ.get(_URL_VARIABLE) or "http://localhost:8080",
        token=given.token or os.environ.get(_TOKEN_VARIABLE) or None,
        namespace=given.namespace or os.environ.get(_NAMESPACE_VARIABLE) or "default",
        worker={name: value for name in _WORKER if (value := getattr(given, name)) is not None},
        log_level=given.log_level,
        reload=given.reload,
    )
    _check(options, given)
    return options


def names_worker(target: str) -> bool:
    """Whether a target is `module:attribute`."""
    return ":" in target


def _check(options: Options, given: argparse.Namespace) -> None:
    own = [target for target in options.targets if names_worker(target)]
    if not own:
        if options.task_queue is None:
            raise WrongUse("--task-queue is needed: the queue to serve")
        return
    if len(options.targets) > 1:
        raise WrongUse(
            f"{own[0]} is a worker of its own: give it alone, or modules without ':attribute'"
        )
    settings = ("task_queue", "url", "token", "namespace", *_WORKER)
    if refused := [name for name in settings if getattr(given, name) is not None]:
        flags = ", ".join(f"--{name.replace('_', '-')}" for name in map(_flag, refused))
        raise WrongUse(f"{own[0]} is a worker with settings of its own, so {flags} has no use")


# Settings of the worker's constructor by the names of their flags.
_FLAGS: Final = {
    "max_concurrent_workflow_tasks": "max_workflow_tasks",
    "max_concurrent_activity_tasks": "max_activity_tasks",
}
_WORKER: Final = (
    "worker_id",
    "build_id",
    "max_concurrent_workflow_tasks",
    "max_concurrent_activity_tasks",
    "shutdown_timeout",
)


def _flag(setting: str) -> str:
    return _FLAGS.get(setting, setting)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="dw-worker",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_version_option(parser, "dw-worker")
    parser.add_argument(
        "targets", metavar="MODULE[:WORKER]", nargs="+", help="a module, or a worker in one"
    )
    parser.add_argument("--task-queue", metavar="QUEUE", help="the queue to serve")
    parser.add_argument("--url", help="the server (default: http://localhost:8080)")
    parser.add_argument("--token", help="its token; the environment is the safer place")
    parser.add_argument("--namespace", help="default: default")
    parser.add_argument("--worker-id", metavar="ID", help="default: made up")
    parser.add_argument("--build-id", metavar="ID", help="version of the code, for rollouts")
    parser.add_argument(
        "--max-workflow-tasks",
        dest="max_concurrent_workflow_tasks",
        type=_number(int, 1),
        metavar="N",
        help="most workflow tasks at once (default: 10)",
    )
    parser.add_argument(
        "--max-activity-tasks",
        dest="max_concurrent_activity_tasks",
        type=_number(int, 1),
        metavar="N",
        help="most activities at once (default: 10)",
    )
    parser.add_argument(
        "--shutdown-timeout",
        type=_number(float, 0),
        metavar="SECONDS",
        help="how long tasks in flight may take to end (default: 30)",
    )
    parser.add_argument(
        "--reload", action="store_true", help="start again when a source file changes"
    )
    parser.add_argument(
        "--log-level", type=str.upper, choices=_LEVELS, default="INFO", help="default: INFO"
    )
    return parser


def _number(kind: Callable[[str], float], least: int) -> Callable[[str], float]:
    def read(text: str) -> float:
        try:
            number = kind(text)
        except ValueError:
            number = math.nan
        if not (number >= least and math.isfinite(number)):
            raise argparse.ArgumentTypeError(f"{text!r} is no number of at least {least}")
        return number

    return read
