"""The command `durable-workflow-python-conformance`."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from durable_workflow._commands import command
from durable_workflow._protocol import add_version_option
from durable_workflow._wire.json_values import is_object
from durable_workflow.python_conformance._contract import (
    host_evidence_spec,
    manifest,
    result_gate_spec,
)
from durable_workflow.python_conformance._evidence import PASS
from durable_workflow.python_conformance._gate import compose_result, evaluate_result


@command
def main(argv: list[str] | None = None) -> int:
    """Print a document of the contract, or compose or judge a result.

    Args:
        argv: Arguments; None for the process's own.
    Returns:
        0, or 1 for a result that does not pass, or 2 for a file that cannot be read.
    """
    options = _parser().parse_args(argv)
    documents = {
        "manifest": manifest,
        "result_gate": result_gate_spec,
        "host_evidence": host_evidence_spec,
    }
    try:
        for name, document in documents.items():
            if getattr(options, name):
                return _print(document(), options)
        if options.compose is not None:
            composed = compose_result(_read(options.compose))
            if not options.evaluate_composed:
                return _print(composed, options)
            return _judge(composed, options)
        return _judge(_read(options.evaluate), options)
    except BrokenPipeError:
        raise
    except (OSError, ValueError) as error:
        print(f"durable-workflow-python-conformance: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="durable-workflow-python-conformance",
        description="The contract that a release of the Python SDK is checked against.",
        epilog="FILE is a JSON object; - reads it from standard input.",
    )
    add_version_option(parser, "dw-testing")
    choice = parser.add_mutually_exclusive_group(required=True)
    choice.add_argument("--manifest", action="store_true", help="print the contract")
    choice.add_argument("--result-gate", action="store_true", help="print how results are judged")
    choice.add_argument(
        "--host-evidence", action="store_true", help="print what whoever runs it hands in"
    )
    choice.add_argument("--compose", metavar="FILE", help="compose a result from evidence")
    choice.add_argument("--evaluate", metavar="FILE", help="judge a result")
    parser.add_argument(
        "--evaluate-composed", action="store_true", help="judge what --compose composes"
    )
    parser.add_argument("--pretty", action="store_true", help="indent what is printed")
    return parser


def _judge(result: dict[str, Any], options: argparse.Namespace) -> int:
    verdict = evaluate_result(result)
    _print(verdict, options)
    return 0 if verdict["outcome"] == PASS else 1


def _print(document: dict[str, Any], options: argparse.Namespace) -> int:
    print(json.dumps(document, indent=2 if options.pretty else None), flush=True)
    return 0


def _read(name: str) -> dict[str, Any]:
    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
        document: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{name} is not JSON: {error}") from error
    if not is_object(document):
        raise ValueError(f"{name} does not hold an object")
    return dict(document)
