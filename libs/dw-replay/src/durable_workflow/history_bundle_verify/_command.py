"""The command `durable-workflow-history-bundle-verify`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from durable_workflow._commands import command
from durable_workflow._protocol import add_version_option
from durable_workflow._replayer.reports import shown, write_report
from durable_workflow.history_bundle_verify._findings import STATUS_FAILED, STATUS_WARNING
from durable_workflow.history_bundle_verify._verify import verify_bundle_json


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Verify one bundle and write the report.

    Args:
        argv: Arguments; None takes those of the process.
    Returns:
        0, or 1 where the bundle failed, or has warnings and those are errors, 2 where a file
        cannot be read or written.
    """
    options = _parser().parse_args(argv)
    try:
        payload = Path(options.bundle).read_bytes().decode(errors="surrogateescape")
    except OSError as error:
        print(f"error: cannot read {options.bundle}: {error.strerror}", file=sys.stderr)
        return 2
    report = verify_bundle_json(payload, options.signing_key)
    try:
        write_report(report, options.output)
    except BrokenPipeError:
        raise
    except OSError as error:
        print(f"error: cannot write {shown(options.output)}: {error.strerror}", file=sys.stderr)
        return 2
    refused = {STATUS_FAILED, STATUS_WARNING} if options.strict_warnings else {STATUS_FAILED}
    return int(report["status"] in refused)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="durable-workflow-history-bundle-verify",
        description="Verify an exported history bundle: its form, its checksum, its signature.",
    )
    add_version_option(parser, "dw-replay")
    parser.add_argument("bundle", metavar="BUNDLE", help="the JSON file")
    parser.add_argument("--signing-key", metavar="KEY", help="the key that it is signed with")
    parser.add_argument("--output", metavar="FILE", help="where the report goes (default: stdout)")
    parser.add_argument(
        "--strict-warnings", action="store_true", help="exit with 1 on warnings too"
    )
    return parser
