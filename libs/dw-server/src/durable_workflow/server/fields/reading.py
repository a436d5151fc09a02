"""One document while it is read: what is wrong with it, and what its reader has to know."""

from __future__ import annotations

from typing import Final, TypeAlias

import msgspec

from durable_workflow import serializer
from durable_workflow.external_storage import ExternalPayloadReference
from durable_workflow.server.fields.limits import WireLimits

# The texts of each field that does not fit, by its path.
Errors: TypeAlias = dict[str, list[str]]

_DEFAULT: Final = WireLimits()
# Whoever is told so many need not be told all.
_MOST_FAILURES: Final = 1000
# More than the path of any field of ours has.
_LONGEST_SHOWN: Final = 320


class FoundReference(msgspec.Struct, frozen=True):
    """A reference to a payload that is kept elsewhere, in a document.

    Attributes:
        at: The path of the envelope.
        is_list: Whether the payload must be a list of arguments.
    """

    at: str
    reference: ExternalPayloadReference
    is_list: bool = False


def shown(theirs: str) -> str:
    """What the caller wrote, as an answer names it, which must not become as long as that."""
    return theirs if len(theirs) <= _LONGEST_SHOWN else f"{theirs[:_LONGEST_SHOWN]}…"


class Reading:
    """Collects all errors of a document, so that the caller gets them together.

    Args:
        limits: Bounds of fields that an operator may set.
        longest_page: Events that a page of a task's history may have.
        codec: The codec of payloads that do not name theirs.

    Attributes:
        references: Those that were found so far.
    """

    __slots__ = ("codec", "errors", "failures", "limits", "longest_page", "references")

    def __init__(
        self,
        limits: WireLimits = _DEFAULT,
        *,
        longest_page: int = 1000,
        codec: str = serializer.AVRO_CODEC,
    ) -> None:
        self.limits = limits
        self.longest_page = longest_page
        self.codec = codec
        self.errors: Errors = {}
        self.failures = 0
        self.references: list[FoundReference] = []

    def fail(self, field: str, text: str) -> None:
        """Note that a field does not fit. `text` goes on after "The … field"."""
        field = shown(field)
        self.say(field, f"The {field} field {text}")

    def say(self, field: str, text: str) -> None:
        """Note that a field does not fit, in a whole sentence."""
        if not self.is_full():
            self.errors.setdefault(shown(field), []).append(text)
        self.failures += 1

    def is_full(self) -> bool:
        """Whether so much is wrong that the rest need not be looked at."""
        return self.failures >= _MOST_FAILURES
