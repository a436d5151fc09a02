"""How often something is tried, as the wire form of a retry policy says it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Retries:
    """A retry policy as the server keeps it; without one there is one attempt."""

    max_attempts: int = 1
    backoff_seconds: tuple[int, ...] = ()
    non_retryable_error_types: frozenset[str] = frozenset()

    @classmethod
    def of(cls, command: Mapping[str, Any]) -> "Retries":
        """Read the policy of a command."""
        policy: Mapping[str, Any] = command.get("retry_policy") or {}
        return cls(
            int(policy.get("max_attempts") or 1),
            tuple(int(seconds) for seconds in policy.get("backoff_seconds") or ()),
            frozenset(policy.get("non_retryable_error_types") or ()),
        )

    def delay_after(self, attempt: int, error_type: str | None, *, final: bool) -> int | None:
        """Seconds until the attempt that follows a failed one; None where none does."""
        if final or attempt >= self.max_attempts or error_type in self.non_retryable_error_types:
            return None
        delays = self.backoff_seconds
        return delays[min(attempt - 1, len(delays) - 1)] if delays else 0
