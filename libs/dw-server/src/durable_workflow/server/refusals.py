"""Refusals: how a service says that a request is not carried out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Refused(Exception):
    """A request that is not carried out; nothing has changed.

    Attributes:
        reason: The machine-readable word of the wire, e.g. ``lease_expired``.
        message: Prose for people.
        extra: Further members of the answer's body.
    """

    def __init__(
        self,
        reason: str,
        message: str,
        *,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(f"{reason}: {message}")
        self.reason = reason
        self.message = message
        self.extra: dict[str, Any] = dict(extra or {})


class Invalid(Refused):
    """A body that does not fit: 422 ``validation_failed`` with the texts of each field."""

    def __init__(self, errors: Mapping[str, list[str]]) -> None:
        first, *others = [text for texts in errors.values() for text in texts]
        more = f" (and {len(others)} more error{'s' * (len(others) > 1)})" if others else ""
        listed = {field: list(texts) for field, texts in errors.items()}
        super().__init__(
            "validation_failed",
            first + more,
            extra={"errors": listed, "validation_errors": listed},
        )
