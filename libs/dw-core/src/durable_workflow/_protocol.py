"""Versions of the protocols that this release speaks.

They live in dw-core because the client, the worker and the server all name them, and none of
those may import another.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import argparse

PROTOCOL_VERSION: Final = "1.1"
CONTROL_PLANE_VERSION: Final = "2"
CONTROL_PLANE_REQUEST_CONTRACT_SCHEMA: Final = "durable-workflow.v2.control-plane-request.contract"
CONTROL_PLANE_REQUEST_CONTRACT_VERSION: Final = 1

UNKNOWN_VERSION: Final = "0.0.0+unknown"

# Most users install the meta package. Where it is missing, a single wheel gives the version.
_DISTRIBUTIONS = ("durable-workflow", "dw-client", "dw-core")


def installed_version(*distributions: str) -> str:
    """Version of the first distribution of `distributions` that is installed.

    Args:
        distributions: Names in order of preference; without any, those that may stand for the
            project as a whole.

    Returns:
        The version, or `0.0.0+unknown` when none of them is installed.
    """
    for distribution in distributions or _DISTRIBUTIONS:
        try:
            return version(distribution)
        except PackageNotFoundError:
            continue
    return UNKNOWN_VERSION


def add_version_option(parser: argparse.ArgumentParser, distribution: str) -> None:
    """Give a command the option `--version`, which prints its name and the version of its wheel."""
    text = f"%(prog)s {installed_version(distribution)}"
    parser.add_argument("--version", action="version", version=text)


DEFAULT_SDK_VERSION: Final = f"durable-workflow-python/{installed_version()}"
