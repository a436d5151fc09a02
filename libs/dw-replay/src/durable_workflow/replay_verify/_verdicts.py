"""Statuses, verdicts, reasons and promotion decisions, and how many make one."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

STATUS_REPLAYED: Final = "replayed"
STATUS_DRIFTED: Final = "drifted"
STATUS_FAILED: Final = "failed"

VERDICT_OK: Final = "ok"
VERDICT_WARNING: Final = "warning"
VERDICT_DRIFTED: Final = "drifted"
VERDICT_FAILED: Final = "failed"

PROMOTION_SAFE_TO_PROMOTE: Final = "safe_to_promote"
PROMOTION_REVIEW_BEFORE_PROMOTE: Final = "review_before_promote"
PROMOTION_BLOCK_UNTIL_COMPATIBLE: Final = "block_until_compatible"
PROMOTION_BLOCK_AND_INVESTIGATE: Final = "block_and_investigate"

REASON_NONE: Final = "none"
REASON_SHAPE_MISMATCH: Final = "shape_mismatch"
REASON_REPLAY_ERROR: Final = "replay_error"
REASON_BUNDLE_INVALID: Final = "bundle_invalid"
REASON_EXPECTATION_MISMATCH: Final = "expectation_mismatch"

_VERDICT_OF_STATUS: Final[Mapping[str, str]] = {
    STATUS_REPLAYED: VERDICT_OK,
    STATUS_DRIFTED: VERDICT_DRIFTED,
    STATUS_FAILED: VERDICT_FAILED,
}
# From the mildest to the strictest.
_DECISIONS: Final[Mapping[str, str]] = {
    VERDICT_OK: PROMOTION_SAFE_TO_PROMOTE,
    VERDICT_WARNING: PROMOTION_REVIEW_BEFORE_PROMOTE,
    VERDICT_DRIFTED: PROMOTION_BLOCK_UNTIL_COMPATIBLE,
    VERDICT_FAILED: PROMOTION_BLOCK_AND_INVESTIGATE,
}
_ORDER: Final = tuple(_DECISIONS)


def verdict_for_status(status: str) -> str:
    """The verdict on a status; on an unknown one `failed`."""
    return _VERDICT_OF_STATUS.get(status, VERDICT_FAILED)


def promotion_decision_for(verdict: str) -> str:
    """What to do with a build of which this was found.

    Args:
        verdict: `ok`, `warning`, `drifted` or `failed`; another word counts as `failed`.
    """
    return _DECISIONS.get(verdict, PROMOTION_BLOCK_AND_INVESTIGATE)


def promotion_decision_for_report(verdict: str, evidence: Mapping[str, Any] | None = None) -> str:
    """The same for a report, which may have left the replay out.

    Args:
        verdict: `ok`, `warning`, `drifted` or `failed`.
        evidence: What the report rests on. `replay_skipped: True` makes what would be safe a thing
            to review.
    """
    decision = promotion_decision_for(verdict)
    skipped = evidence is not None and evidence.get("replay_skipped") is True
    if decision == PROMOTION_SAFE_TO_PROMOTE and skipped:
        return PROMOTION_REVIEW_BEFORE_PROMOTE
    return decision


def aggregate_verdicts(verdicts: Sequence[str]) -> str:
    """The strictest of several verdicts; `failed` where there are none or one is unknown."""
    if not verdicts or any(verdict not in _ORDER for verdict in verdicts):
        return VERDICT_FAILED
    return max(verdicts, key=_ORDER.index)
