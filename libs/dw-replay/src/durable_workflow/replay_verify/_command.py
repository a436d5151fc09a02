"""The command `durable-workflow-replay-verify`."""

import argparse
import sys
from collections.abc import Sequence

from durable_workflow._commands import command
from durable_workflow._protocol import add_version_option
from durable_workflow._replayer.reports import write_report
from durable_workflow.replay_verify._bundles import simulate_bundles
from durable_workflow.replay_verify._golden import verify_golden_history
from durable_workflow.replay_verify._loading import LoadingError, load_workflows
from durable_workflow.replay_verify._verdicts import STATUS_REPLAYED, VERDICT_OK, VERDICT_WARNING


class UsageError(Exception):
    """The command was given something that it cannot use; the text says what."""


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Verify golden histories, or simulate bundles, and write the report.

    Args:
        argv: Arguments; None takes those of the process.
    Returns:
        0 where everything replayed (bundles: `ok` or `warning`), 1 otherwise, 2 where the command
        cannot do what it was asked.
    """
    options = _parser().parse_args(argv)
    try:
        return _simulate(options) if options.simulate_bundles else _verify(options)
    except BrokenPipeError:
        raise
    except (UsageError, LoadingError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def _simulate(options: argparse.Namespace) -> int:
    report = simulate_bundles(
        options.directory,
        signing_key=options.signing_key,
        strict_warnings=options.strict_warnings,
    )
    write_report(report.to_dict(), options.output)
    return int(report.verdict not in (VERDICT_OK, VERDICT_WARNING))


def _verify(options: argparse.Namespace) -> int:
    if options.workflows is None:
        raise UsageError("give --workflows module:callable, or --simulate-bundles")
    try:
        report = verify_golden_history(options.directory, load_workflows(options.workflows))
    except ValueError as error:
        raise UsageError(f"{options.workflows}: {error}") from error
    write_report(report.to_dict(), options.output)
    return int(report.status != STATUS_REPLAYED)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="durable-workflow-replay-verify",
        description="Replay golden histories against the code that is there now.",
    )
    add_version_option(parser, "dw-replay")
    parser.add_argument("directory", metavar="DIR", help="the folder with the *.json files")
    parser.add_argument(
        "--workflows",
        metavar="MODULE:CALLABLE",
        help="a function without arguments that returns the workflow classes, or a list of them",
    )
    parser.add_argument("--output", metavar="FILE", help="where the report goes (default: stdout)")
    parser.add_argument(
        "--strict-missing-families",
        action="store_true",
        help="fail where a required family has no case; this is what happens without it, too",
    )
    parser.add_argument(
        "--simulate-bundles",
        action="store_true",
        help="verify exported bundles instead; nothing is replayed",
    )
    parser.add_argument("--signing-key", metavar="KEY", help="the key that bundles are signed with")
    parser.add_argument(
        "--strict-warnings", action="store_true", help="a warning about a bundle fails it"
    )
    return parser
