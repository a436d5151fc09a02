"""The command `durable-workflow-replay-conformance`."""

import argparse
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from durable_workflow._commands import command
from durable_workflow._protocol import add_version_option
from durable_workflow._replayer.reports import shown, write_report
from durable_workflow.replay_conformance._report import compose_report


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Run the checks and report.

    Args:
        argv: Arguments; None takes those of the process.
    Returns:
        0 where all checks passed, 1 otherwise, 2 where the report cannot be written.
    """
    parser = _parser()
    options = parser.parse_args(argv)
    try:
        report = compose_report(
            artifact_versions=_pairs(options.artifact_version),
            artifact_sources=_pairs(options.artifact_source),
        )
        if options.output is not None:
            write_report(report, options.output)
        if options.json:
            write_report(report, None)
        else:
            _print(report)
    except BrokenPipeError:
        raise
    except OSError as error:
        where = shown(error.filename)
        print(f"error: cannot write {where}: {error.strerror}", file=sys.stderr)
        return 2
    return int(report["status"] != "passed")


def _print(report: Mapping[str, Any]) -> None:
    for result in report["results"]:
        message = f": {result['message']}" if result["message"] else ""
        print(f"{result['status']}  {result['id']}{message}")
    summary = report["summary"]
    print(f"{report['status']}: {summary['passed']} of {summary['total']} checks passed")
    sys.stdout.flush()


def _pairs(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    return dict(pairs)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise argparse.ArgumentTypeError(f"{text!r} must be ARTIFACT=VALUE")
    return name, value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="durable-workflow-replay-conformance",
        description="Check that the replay of this release does what every runtime must do.",
    )
    add_version_option(parser, "dw-replay")
    for option, what in (("--artifact-version", "version"), ("--artifact-source", "source")):
        parser.add_argument(
            option,
            metavar=f"ARTIFACT={what.upper()}",
            action="append",
            type=_pair,
            default=[],
            help=f"the {what} of an artifact, for the report",
        )
    parser.add_argument("--output", metavar="FILE", help="write the report as JSON there")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    return parser
