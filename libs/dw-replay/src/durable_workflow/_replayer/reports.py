"""Reports as they are written: JSON with sorted keys, indented, on standard output or in a file."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def shown(output: str | Path | None) -> str:
    """What a report is written to, for a message."""
    return "standard output" if output is None else str(output)


def write_report(report: Mapping[str, Any], output: str | Path | None) -> None:
    """Write a report.

    Args:
        report: JSON values.
        output: The file, whose folders are made; None is standard output.
    Raises:
        OSError: The file cannot be written.
    """
    text = json.dumps(report, indent=2, sort_keys=True) + "\n"
    if output is None:
        sys.stdout.write(text)
        sys.stdout.flush()
        return
    path = Path(output)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
