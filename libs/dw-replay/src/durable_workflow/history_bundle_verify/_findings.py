"""Findings about a bundle: each by its rule, which has one severity."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

SEVERITY_INFO: Final = "info"
SEVERITY_WARNING: Final = "warning"
SEVERITY_ERROR: Final = "error"

STATUS_OK: Final = "ok"
STATUS_WARNING: Final = "warning"
STATUS_FAILED: Final = "failed"

# Every other rule is an error.
_MILDER: Final[Mapping[str, str]] = {
    "bundle.exported_at_missing": SEVERITY_WARNING,
    "workflow.last_history_sequence_stale": SEVERITY_WARNING,
    "commands.history_event_missing": SEVERITY_WARNING,
    "payload_manifest.avro_framing_missing": SEVERITY_WARNING,
    "redaction.empty_paths": SEVERITY_INFO,
    "integrity.signature_key_unavailable": SEVERITY_WARNING,
}


@dataclass(slots=True)
class Findings:
    """What was found, in the order in which it was looked for."""

    entries: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    def add(self, rule: str, message: str, **context: Any) -> None:
        """Note a finding.

        Args:
            rule: Its name.
            message: A sentence.
            context: Where and what; `path` is where in the bundle.
        """
        entry: dict[str, Any] = {
            "rule": rule,
            "severity": _MILDER.get(rule, SEVERITY_ERROR),
            "message": message,
            "path": context.get("path"),
        }
        if context:
            entry["context"] = context
        self.entries.append(entry)

    @property
    def status(self) -> str:
        """`failed` with any error, else `warning` with any warning, else `ok`."""
        severities = {entry["severity"] for entry in self.entries}
        if SEVERITY_ERROR in severities:
            return STATUS_FAILED
        return STATUS_WARNING if SEVERITY_WARNING in severities else STATUS_OK

    def summary(self) -> dict[str, Any]:
        """How many there are, by severity and by rule."""
        severities = Counter(entry["severity"] for entry in self.entries)
        return {
            "findings": len(self.entries),
            "errors": severities[SEVERITY_ERROR],
            "warnings": severities[SEVERITY_WARNING],
            "info": severities[SEVERITY_INFO],
            "findings_by_rule": dict(Counter(entry["rule"] for entry in self.entries)),
        }
