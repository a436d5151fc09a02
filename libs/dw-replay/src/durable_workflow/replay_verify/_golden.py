"""Golden histories: fixtures of recorded runs with what the code must make of them."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from durable_workflow._replayer import Registry
from durable_workflow._wire.events import nested, text
from durable_workflow._wire.json_values import is_list, is_object
from durable_workflow.replay_verify._cases import Case, CaseReport, verify_case
from durable_workflow.replay_verify._verdicts import (
    REASON_SHAPE_MISMATCH,
    STATUS_DRIFTED,
    STATUS_FAILED,
    STATUS_REPLAYED,
    VERDICT_FAILED,
    promotion_decision_for,
    verdict_for_status,
)

REPORT_SCHEMA: Final = "durable-workflow.v2.replay-diff"
REPORT_SCHEMA_VERSION: Final = 1
FIXTURE_SCHEMA: Final = "durable-workflow.golden-history.v1"
REQUIRED_FAMILIES: Final = frozenset(
    {"activity", "saga-compensation", "signal-update", "version-marker", "wait-condition"}
)


@dataclass
class GoldenHistoryReport:
    """What came of all fixtures of a folder (replay.md 10.2).

    Attributes:
        status: `failed` if a case failed or a required family is missing, else `drifted` if one
            drifted, else `replayed`.
        cases: One report a case, by file name and then as they stand in the file.
        missing_families: Required families without a case.
        summary: How many cases, by status, and how many fixtures.
    """

    schema: str = REPORT_SCHEMA
    schema_version: int = REPORT_SCHEMA_VERSION
    status: str = STATUS_REPLAYED
    fixture_schema: str = FIXTURE_SCHEMA
    cases: list[CaseReport] = field(default_factory=list[CaseReport])
    missing_families: list[str] = field(default_factory=list[str])
    required_families: list[str] = field(default_factory=list[str])
    covered_families: list[str] = field(default_factory=list[str])
    summary: dict[str, int] = field(default_factory=dict[str, int])

    @property
    def verdict(self) -> str:
        """`ok`, `drifted` or `failed`; `failed` whenever families are missing."""
        return VERDICT_FAILED if self.missing_families else verdict_for_status(self.status)

    @property
    def promotion_decision(self) -> str:
        """What to do with the build."""
        return promotion_decision_for(self.verdict)

    @property
    def evidence(self) -> dict[str, Any]:
        """What the verdict rests on."""
        return {
            "fixture_count": self.summary.get("fixtures", 0),
            "case_count": len(self.cases),
            "required_families": list(self.required_families),
            "covered_families": list(self.covered_families),
            "missing_family_count": len(self.missing_families),
            "missing_families": list(self.missing_families),
        }

    def to_dict(self) -> dict[str, Any]:
        """The report as a JSON object."""
        return {
            "schema": self.schema,
            "schema_version": self.schema_version,
            "status": self.status,
            "verdict": self.verdict,
            "promotion_decision": self.promotion_decision,
            "evidence": self.evidence,
            "fixture_schema": self.fixture_schema,
            "summary": dict(self.summary),
            "required_families": list(self.required_families),
            "covered_families": list(self.covered_families),
            "missing_families": list(self.missing_families),
            "cases": [case.to_dict() for case in self.cases],
        }


def verify_golden_history(
    fixture_dir: str | Path,
    workflows: Sequence[type],
    *,
    required_families: Iterable[str] = REQUIRED_FAMILIES,
) -> GoldenHistoryReport:
    """Replay every case of every `*.json` in a folder. Problems of files and code do not raise.

    Args:
        fixture_dir: The folder.
        workflows: The workflow classes that the cases are of.
        required_families: Families that must have a case.
    Raises:
        ValueError: There are no workflows, or two have one type name.
    """
    registry = Registry(workflows)
    files = sorted(Path(fixture_dir).glob("*.json"))
    cases = [case for file in files for case in _verify_file(file, registry)]
    if not files:
        cases = [Case("<no-fixtures>").invalid("FileNotFoundError", f"no *.json in {fixture_dir}")]
    covered = {case.family for case in cases if case.family is not None}
    required = sorted(set(required_families))
    missing = [family for family in required if family not in covered]
    counts = {
        status: sum(case.status == status for case in cases)
        for status in (STATUS_REPLAYED, STATUS_DRIFTED, STATUS_FAILED)
    }
    status = STATUS_REPLAYED
    if counts[STATUS_FAILED] or missing:
        status = STATUS_FAILED
    elif counts[STATUS_DRIFTED]:
        status = STATUS_DRIFTED
    return GoldenHistoryReport(
        status=status,
        cases=cases,
        missing_families=missing,
        required_families=required,
        covered_families=sorted(covered),
        summary={"cases": len(cases), **counts, "fixtures": len(files)},
    )


def _verify_file(file: Path, registry: Registry) -> Iterator[CaseReport]:
    try:
        fixture: object = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        yield Case(f"<unparseable:{file.name}>").invalid(type(error).__name__, str(error))
        return
    schema = fixture.get("fixture_schema") if is_object(fixture) else None
    if not is_object(fixture) or schema != FIXTURE_SCHEMA:
        message = f"fixture_schema is {schema!r}, not {FIXTURE_SCHEMA!r}"
        yield Case(f"<schema-drift:{file.name}>").invalid("FixtureSchemaError", message)
        return
    source = nested(fixture, "source")
    runtime, version = text(source, "runtime"), text(source, "version")
    if runtime is None or version is None:
        message = "source.runtime and source.version must say what recorded the histories"
        yield Case(f"<source-missing:{file.name}>").invalid("FixtureSourceError", message)
        return
    cases = fixture.get("cases")
    if not is_list(cases):
        message = f"cases must be an array, not {type(cases).__name__}"
        yield Case(f"<cases-missing:{file.name}>").invalid("FixtureCasesError", message)
        return
    for fields in cases:
        yield _verify_fields(f"{runtime}@{version}", source, fields, registry)


def _verify_fields(
    prefix: str, source: Mapping[str, Any], fields: Any, registry: Registry
) -> CaseReport:
    if not is_object(fields):
        message = f"a case must be an object, not {type(fields).__name__}"
        return Case(f"{prefix}::<unnamed>", source=source).invalid("FixtureCasesError", message)
    expected, start_input = fields.get("expected"), fields.get("start_input")
    case = Case(
        id=f"{prefix}::{text(fields, 'name') or '<unnamed>'}",
        workflow_type=text(fields, "workflow_type"),
        family=text(fields, "family"),
        source=dict(source),
        expected=dict(expected) if is_object(expected) else None,
    )
    try:
        cls = registry.find(case.workflow_type)
    except ValueError as error:
        block = {"class": "ValueError", "message": str(error)}
        return case.report(STATUS_DRIFTED, REASON_SHAPE_MISMATCH, error=block)
    return verify_case(case, cls, fields.get("history"), _as_input(start_input))


def _as_input(value: Any) -> list[Any] | None:
    return value if value is None or is_list(value) else [value]
