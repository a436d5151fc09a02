"""The command `durable-workflow-replay-check`."""

import argparse
import math
import os
import sys
from collections.abc import Sequence

from durable_workflow._commands import command
from durable_workflow._protocol import add_version_option
from durable_workflow._replayer import Registry
from durable_workflow._replayer.reports import write_report
from durable_workflow.replay_check._check import check_units
from durable_workflow.replay_check._processes import SetupFailed
from durable_workflow.replay_check._progress import Progress
from durable_workflow.replay_check._server import Server, ServerReader
from durable_workflow.replay_check._sources import SourceError, Unit, files_in
from durable_workflow.replay_check._table import as_text
from durable_workflow.replay_check._work import Setup
from durable_workflow.replay_verify import VERDICT_OK, VERDICT_WARNING
from durable_workflow.replay_verify._loading import LoadingError

_DESCRIPTION = """
Replay recorded runs against the workflow code that is there now: is this build safe to deploy?
Histories come from files and folders (documents of get_history, exported bundles), or from a
server. Exits with 0 where all replay, with 1 where one does not, with 2 where nothing was checked.
"""


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Check recorded runs, print what was found, and answer by the exit code.

    Args:
        argv: Arguments; None takes those of the process.
    Returns:
        0 where the verdict is `ok` or `warning` (with --strict-warnings only `ok`), 1 otherwise, 2
        where the command cannot do what it was asked.
    """
    options = _parser().parse_args(argv)
    try:
        return _check(options)
    except BrokenPipeError:
        raise
    except (LoadingError, SetupFailed, SourceError, OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


def _check(options: argparse.Namespace) -> int:
    server = None
    if options.server is not None:
        token = options.token or os.environ.get("DURABLE_WORKFLOW_AUTH_TOKEN")
        namespace = options.namespace or os.environ.get("DURABLE_WORKFLOW_NAMESPACE")
        server = Server(options.server, token, namespace or "default")
    setup = Setup(
        options.workflows,
        server=server,
        save_to=options.save,
        external_storage=options.external_storage,
        signing_key=options.signing_key,
    )
    units = _units(options, setup)
    progress = Progress(len(units))
    try:
        report = check_units(
            units,
            setup,
            processes=options.processes,
            timeout=options.timeout or None,
            tell=lambda run: progress.add(run.verdict, run.event_count),
        )
    finally:
        progress.end()
    if options.output is not None:
        write_report(report.to_dict(), options.output)
    if options.json:
        write_report(report.to_dict(), None)
    else:
        sys.stdout.write(as_text(report, every_run=options.every_run))
        sys.stdout.flush()
    accepted = {VERDICT_OK} if options.strict_warnings else {VERDICT_OK, VERDICT_WARNING}
    return int(report.verdict not in accepted)


def _units(options: argparse.Namespace, setup: Setup) -> list[Unit]:
    if not options.sources and setup.server is None:
        raise SourceError("give history files or folders, or --server URL")
    if options.save is not None and setup.server is None:
        raise SourceError("--save keeps histories of a server: give --server URL too")
    units: list[Unit] = [unit for source in options.sources for unit in files_in(source)]
    if setup.server is not None:
        types = options.workflow_type or sorted(Registry(setup.classes()).classes)
        reader = ServerReader(setup.server)
        try:
            units += reader.list_runs(
                types, status=options.status, query=options.query, limit=options.limit
            )
        finally:
            reader.close()
        if not units:
            raise SourceError(f"{setup.server.url} has no such run of: {', '.join(types)}")
    return units


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="durable-workflow-replay-check", description=_DESCRIPTION)
    add_version_option(parser, "dw-replay")
    parser.add_argument(
        "sources", metavar="PATH", nargs="*", help="a history file, or a folder with *.json files"
    )
    parser.add_argument(
        "--workflows",
        metavar="MODULE:ATTRIBUTE",
        required=True,
        help="what gives the workflow classes: a list, or a function without arguments",
    )
    _add_server(parser)
    _add_checking(parser)
    output = parser.add_argument_group("output")
    output.add_argument("--output", metavar="FILE", help="write the report as JSON there, too")
    output.add_argument("--json", action="store_true", help="print the report as JSON")
    output.add_argument(
        "--every-run", action="store_true", help="a row for each run, however many there are"
    )
    output.add_argument(
        "--strict-warnings", action="store_true", help="exit with 1 on warnings too"
    )
    return parser


def _add_server(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("from a server (needs dw-client)")
    group.add_argument("--server", metavar="URL", help="read runs from this server")
    group.add_argument(
        "--token", help="its token (default: the environment's DURABLE_WORKFLOW_AUTH_TOKEN)"
    )
    group.add_argument(
        "--namespace",
        help="default: the environment's DURABLE_WORKFLOW_NAMESPACE, or else default",
    )
    group.add_argument(
        "--workflow-type",
        metavar="TYPE",
        action="append",
        help="only runs of this type (default: all types that --workflows gives)",
    )
    group.add_argument("--status", choices=["running", "completed", "failed"])
    group.add_argument("--query", metavar="FILTER", help="a further filter of the server's list")
    group.add_argument("--limit", type=_at_least_one, metavar="N", help="newest N runs of a type")
    group.add_argument("--save", metavar="FOLDER", help="keep the histories as files there")


def _add_checking(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("checking")
    group.add_argument(
        "--processes",
        type=_at_least_one,
        metavar="N",
        help="how many check side by side (default: one for each processor)",
    )
    group.add_argument(
        "--timeout",
        type=_seconds,
        default=300.0,
        metavar="SECONDS",
        help="how long one run may take (default: 300; 0 takes the limit away)",
    )
    group.add_argument(
        "--external-storage",
        metavar="MODULE:ATTRIBUTE",
        help="what gives the driver of offloaded payloads",
    )
    group.add_argument("--signing-key", metavar="KEY", help="the key that bundles are signed with")


def _at_least_one(text: str) -> int:
    number = int(text) if text.strip().isdecimal() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, and whole, not {text!r}")
    return number


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not seconds >= 0:
        raise argparse.ArgumentTypeError(f"must be at least 0, not {text!r}")
    return seconds
