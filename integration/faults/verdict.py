"""What a fault run found: figures, and everything that should not be."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from integration.harness.histories import Event, types, violations

_GOOD_ENDS = {"WorkflowCompleted", "WorkflowContinuedAsNew"}


@dataclass
class Verdict:
    """Grows while the run is looked at; `violations` is empty when all is well."""

    figures: dict[str, Any] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)
    events: Counter[str] = field(default_factory=Counter)

    def look_at_result(self, workflow_id: str, result: Any, expected: Any) -> None:
        """Hold what a workflow returned against what its input says."""
        if result != expected:
            self.violations.append(f"{workflow_id} returned {result!r}, not {expected!r}")

    def look_at_history(self, workflow_id: str, history: list[Event]) -> None:
        """Hold a history against what holds of every history."""
        self.events.update(types(history))
        self.violations += [f"{workflow_id}: {wrong}" for wrong in violations(history)]
        if types(history)[-1] not in _GOOD_ENDS:
            self.violations.append(f"{workflow_id} ended with {types(history)[-1]}")

    def missing(self, workflow_id: str, why: str) -> None:
        """Note a workflow of which the start was acknowledged, and which is not there."""
        self.violations.append(f"{workflow_id} was acknowledged, and then: {why}")

    def as_json(self) -> dict[str, Any]:
        """Return the figures and the violations."""
        began, scheduled = self.events["ActivityStarted"], self.events["ActivityScheduled"]
        return {
            **self.figures,
            "events": sum(self.events.values()),
            "activities": scheduled,
            "activity_attempts": began,
            "attempts_taken_over_or_retried": began - scheduled,
            "violations": self.violations,
        }
