"""What came of each run, and of all of them."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from durable_workflow.replay_verify import (
    VERDICT_DRIFTED,
    VERDICT_FAILED,
    VERDICT_OK,
    VERDICT_WARNING,
    aggregate_verdicts,
    promotion_decision_for,
)

REPORT_SCHEMA: Final = "durable-workflow.replay-check.report"
REPORT_SCHEMA_VERSION: Final = 1
_VERDICTS: Final = (VERDICT_OK, VERDICT_WARNING, VERDICT_DRIFTED, VERDICT_FAILED)


@dataclass(frozen=True)
class RunReport:
    """What came of one recorded run.

    Attributes:
        source: Where its history came from: a file, or workflow and run id on a server.
        verdict: `ok`, `warning`, `drifted` or `failed`.
        reason: `none`, `shape_mismatch`, `expectation_mismatch`, `replay_error`, `bundle_invalid`.
        message: What is wrong, in a sentence; empty where nothing is.
        workflow_type: The workflow's type, or None where it is not known.
        workflow_id: Its id, likewise.
        run_id: The run's id, likewise.
        event_count: How many events were replayed.
        divergence: Where code and history part, as in reports of cases.
        error: Class, message and traceback of what left the replay.
    """

    source: str
    verdict: str
    reason: str
    message: str = ""
    workflow_type: str | None = None
    workflow_id: str | None = None
    run_id: str | None = None
    event_count: int = 0
    divergence: Mapping[str, Any] | None = None
    error: Mapping[str, Any] | None = None

    @property
    def promotion_decision(self) -> str:
        """What to do with the build, as far as this run tells."""
        return promotion_decision_for(self.verdict)

    def to_dict(self) -> dict[str, Any]:
        """The report as a JSON object."""
        return {
            "source": self.source,
            "workflow_type": self.workflow_type,
            "workflow_id": self.workflow_id,
            "run_id": self.run_id,
            "event_count": self.event_count,
            "verdict": self.verdict,
            "promotion_decision": self.promotion_decision,
            "reason": self.reason,
            "message": self.message,
            "divergence": self.divergence,
            "error": self.error,
        }


@dataclass
class CheckReport:
    """What came of all runs: is this build safe to deploy?

    Attributes:
        runs: One report a run, in the order of the sources.
        seconds: How long the check took.
    """

    runs: list[RunReport] = field(default_factory=list[RunReport])
    seconds: float = 0.0

    @property
    def verdict(self) -> str:
        """The strictest of all; `failed` where there were none."""
        return aggregate_verdicts([run.verdict for run in self.runs])

    @property
    def promotion_decision(self) -> str:
        """What to do with the build."""
        return promotion_decision_for(self.verdict)

    @property
    def summary(self) -> dict[str, int]:
        """How many runs, by verdict, and how many events."""
        counts = Counter(run.verdict for run in self.runs)
        return {
            "runs": len(self.runs),
            **{verdict: counts[verdict] for verdict in _VERDICTS},
            "events": sum(run.event_count for run in self.runs),
        }

    def to_dict(self) -> dict[str, Any]:
        """The report as a JSON object."""
        return {
            "schema": REPORT_SCHEMA,
            "schema_version": REPORT_SCHEMA_VERSION,
            "verdict": self.verdict,
            "promotion_decision": self.promotion_decision,
            "summary": self.summary,
            "seconds": round(self.seconds, 3),
            "runs": [run.to_dict() for run in self.runs],
        }
