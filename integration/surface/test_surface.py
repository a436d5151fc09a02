"""Every published name, signature, default and field, against ours; what differs is published."""

import json
import os
import re
from pathlib import Path

import pytest

from integration.surface import published
from integration.surface.comparison import Difference, compared, differences

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "differences.md"
NAME = re.compile(r"`([^`]+)`")
# Names that the tables of the page are about, by the heading above.
HEADING = "## Names and signatures"


def listed() -> list[Difference]:
    """The rows of the page's table."""
    section = PAGE.read_text().split(HEADING, 1)[1].split("\n## ", 1)[0]
    rows = [line for line in section.splitlines() if line.startswith("| `")]
    found: list[Difference] = []
    for row in rows:
        names, what, reason = (cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:4])
        assert reason, f"a difference without a reason: {row}"
        found += [Difference(name, what.replace("\\|", "|")) for name in NAME.findall(names)]
    return found


def test_what_differs_is_what_the_page_lists() -> None:
    ours, rows = differences(published.read()), listed()
    assert sorted(set(ours) - set(rows)) == [], "no row in docs/differences.md"
    assert sorted(set(rows) - set(ours)) == [], "rows of docs/differences.md that are not so"
    assert len(rows) == len(set(rows))


def test_the_comparison_covers_the_published_names() -> None:
    counts = compared(published.read())
    assert counts["names"] > 450
    assert counts["methods"] > 450
    assert counts["parameters"] > 2800
    assert counts["fields"] > 850


def test_the_kept_names_are_those_of_the_specification() -> None:
    named = os.environ.get("DURABLE_WORKFLOW_SPEC_DATA")
    folder = Path(named).parent if named else ROOT.parent / "shared" / "spec"
    file = folder / "python-api-signatures.json"
    if not file.exists():
        pytest.skip(f"the specification is not at {folder}")
    names = json.loads(file.read_text())
    assert published.FILE.read_text() == published.condensed(names)
    assert published.read() == published.without_details(names)
