"""The Python blocks of the documentation, and how each that is no plain program is run.

A block is a complete program: it is run by itself, or by pytest where it has tests. `SPECIAL` has
the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from integration.harness.markdown import Fence, fences

ROOT = Path(__file__).resolve().parents[2]

_ORDER = """\
import json
from pathlib import Path

from durable_workflow import workflow
from durable_workflow.testing import WorkflowEnvironment


@workflow.defn(name="order")
class OrderWorkflow:
    def run(self, ctx, order_id):
        return (yield ctx.schedule_activity("ship", [order_id]))


recorder = WorkflowEnvironment()
recorder.register_activity_result("ship", "shipped")
recorder.execute_workflow(OrderWorkflow, "order-42")
Path("tests/histories").mkdir(parents=True)
Path("tests/histories/order-42.json").write_text(json.dumps(recorder.runs[0].history))
"""


@dataclass(frozen=True)
class Special:
    """A block that is run in another way, or not at all.

    Attributes:
        page: Its page.
        line: A line that only this block of the page has.
        before: A program that is run before it, in the same module.
        serves: Whether it serves until it is interrupted.
        not_run: Why it cannot be run, or nothing.
    """

    page: str
    line: str
    before: str = ""
    serves: bool = False
    not_run: str = ""


SPECIAL = (
    Special("libs/dw-worker/README.md", '@activity.defn(name="greet")', serves=True),
    Special(
        "libs/dw-metrics-prometheus/README.md",
        "from prometheus_client import start_http_server",
        serves=True,
    ),
    Special(
        "libs/dw-testing/README.md",
        "from durable_workflow.testing import replay_history_file",
        before=_ORDER,
    ),
)


# Pages that are followed from top to bottom, files and commands in their order: test_walks.py.
FOLLOWED = (
    "docs/tutorial.md",
    "docs/deploying.md",
    "docs/how-to/backups.md",
    "docs/how-to/deploy-safely.md",
    "docs/how-to/drain.md",
    "docs/how-to/migrate.md",
)
# Pages on which nothing is run, and why.
WITHOUT_PROGRAM = {
    "docs/differences.md": "a list; integration/surface and the tests of each wheel hold it",
    "docs/glossary.md": "a list of words",
    "docs/index.md": "a list of pages",
    "docs/installing.md": "pip and a registry; scripts/check_wheels installs, test_commands reads",
    "docs/performance.md": "figures; scripts/benchmark prints them",
    "docs/releasing.md": "it releases; integration/packaging has its tests",
    "libs/durable-workflow/README.md": "it has no code; scripts/check_wheels installs it",
}


def pages() -> list[Path]:
    """The README of the project and of each wheel, and every page of the documentation."""
    wheels = sorted((ROOT / "libs").glob("*/README.md"))
    return [ROOT / "README.md", *wheels, *sorted((ROOT / "docs").rglob("*.md"))]


def printed(block: Fence) -> list[str]:
    """The lines that a program prints, as it says at its end."""
    _, _, expected = block.text.partition("\n# Printed:\n")
    return [line.removeprefix("# ") for line in expected.splitlines()]


def programs() -> list[Fence]:
    """Every Python block of the pages that is run by itself."""
    return [
        block
        for page in pages()
        for block in fences(page, ROOT, "python")
        if block.page not in FOLLOWED
    ]


def special(block: Fence) -> Special | None:
    """Find the row of the table for a block, or None where it is a plain program."""
    for row in SPECIAL:
        if row.page == block.page and row.line in block.text.splitlines():
            return row
    return None


def is_run(block: Fence) -> bool:
    """Whether a block is run: the table has no reason against it."""
    row = special(block)
    return row is None or not row.not_run
