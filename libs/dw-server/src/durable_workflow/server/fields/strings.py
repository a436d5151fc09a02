"""Kinds of fields that hold text: in a document, or beside it."""

from __future__ import annotations

import re
from typing import Any, Final

from durable_workflow._wire import names
from durable_workflow._wire.json_values import JsonObject
from durable_workflow.server.fields.kind import Kind
from durable_workflow.server.fields.reading import Reading
from durable_workflow.server.fields.schemas import Schemas

# In characters: ids of ours (worker-protocol, conventions), and whatever has a name.
LONGEST_ID: Final = 191
LONGEST_NAME: Final = 255

# As JSON Schema has them: a value fits that holds a match.
_NOT_BLANK: Final = r"\S"
_NOT_BLANK_WITHOUT_NULLS: Final = r"^[^\x00]*[^\s\x00][^\x00]*$"
_WITHOUT_NULLS: Final = r"^[^\x00]*$"
_NAME: Final = r"^[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*$"

_CONTROL_CHARACTERS: Final = re.compile(r"[\x00-\x1f\x7f]")


def as_whole(pattern: str, *, blank: bool) -> str:
    """A pattern for the whole of a text, with the space around it that is dropped."""
    inner = f"(?:(?:{pattern})\\s*)?" if blank else f"(?:{pattern})\\s*"
    return f"^\\s*{inner}$"


class Text(Kind, frozen=True, kw_only=True):
    """Text.

    Attributes:
        longest: In characters; None for any length.
        pattern: What it must match as a whole.
        trim: Whether space around it is dropped; blank text is absent either way.
        blank: Whether blank text is text too.
        nulls: Whether it may hold a null character, which not every database can store.
    """

    longest: int | None = LONGEST_NAME
    pattern: re.Pattern[str] | None = None
    trim: bool = True
    blank: bool = False
    nulls: bool = False
    gives = (str,)

    def read(self, value: Any, at: str, reading: Reading) -> str | None:
        if not isinstance(value, str):
            reading.fail(at, "must be a string.")
            return None
        text = value.strip()
        if not text and not self.blank:
            return None
        if not self.trim:
            text = value
        if self.longest is not None and len(text) > self.longest:
            reading.fail(at, f"must not be longer than {self.longest} characters.")
        elif self.pattern is not None and not self.pattern.fullmatch(text):
            reading.fail(at, "format is invalid.")
        elif not self.nulls and "\0" in text:
            reading.fail(at, "must not hold a null character.")
        else:
            return text
        return None

    def schema(self, schemas: Schemas, *, needed: bool) -> JsonObject:
        found: JsonObject = {"type": "string"}
        if self.longest is not None:
            found["maxLength"] = self.longest
        if self.pattern is not None:
            found["pattern"] = as_whole(self.pattern.pattern, blank=self.blank or not needed)
        elif needed and not self.blank:
            found["pattern"] = _NOT_BLANK if self.nulls else _NOT_BLANK_WITHOUT_NULLS
        elif not self.nulls:
            found["pattern"] = _WITHOUT_NULLS
        return found


_DOTS: Final = (".", "..")


class Identifier(Text, frozen=True, kw_only=True):
    """An id or a queue, which may be left out where it has a default, but must not be blank."""

    def read(self, value: Any, at: str, reading: Reading) -> str | None:
        if isinstance(value, str) and not value.strip():
            reading.fail(at, "must not be blank.")
            return None
        if isinstance(value, str) and value.strip() in _DOTS:
            # It is a step in a path, which clients take before they send: no URL would reach it.
            reading.fail(at, "must not be . or ..")
            return None
        return super().read(value, at, reading)

    def schema(self, schemas: Schemas, *, needed: bool) -> JsonObject:
        return super().schema(schemas, needed=True)


class WorkflowType(Text, frozen=True, kw_only=True):
    """The type of a workflow that somebody wrote, and not one of the server's own."""

    def read(self, value: Any, at: str, reading: Reading) -> str | None:
        text = super().read(value, at, reading)
        if text == names.STANDALONE_ACTIVITY:
            reading.fail(at, f"must not be {text}: it is the server's own type.")
            return None
        return text

    def schema(self, schemas: Schemas, *, needed: bool) -> JsonObject:
        found = super().schema(schemas, needed=needed)
        return found | {"not": {"const": names.STANDALONE_ACTIVITY}}


ANY_TEXT: Final = Text(longest=None, nulls=True)


class Choice(Kind, frozen=True, kw_only=True):
    """One of some words."""

    words: tuple[str, ...]
    gives = (str,)

    def read(self, value: Any, at: str, reading: Reading) -> str | None:
        word = ANY_TEXT.read(value, at, reading)
        if word is not None and word not in self.words:
            reading.fail(at, f"must be one of {', '.join(self.words)}.")
            return None
        return word

    def schema(self, schemas: Schemas, *, needed: bool) -> JsonObject:
        # Where it need not be there, blank text is as none.
        return {"type": "string", "enum": [*self.words] if needed else [*self.words, ""]}


class Beside(Kind, frozen=True, kw_only=True):
    """An id beside the document, without the space around it.

    Attributes:
        longest: In characters; None where a longer one is only not found.
    """

    gives = (str,)
    beside = True
    longest: int | None = None

    def read(self, value: Any, at: str, reading: Reading) -> str | None:
        found = str(value).strip()
        if not found:
            reading.fail(at, "must not be blank.")
        elif self.longest is not None and len(found) > self.longest:
            reading.fail(at, f"must not be longer than {self.longest} characters.")
        elif "\0" in found:
            reading.fail(at, "must not hold a null character.")
        return found or None

    def schema(self, schemas: Schemas, *, needed: bool) -> JsonObject:
        return {"type": "string", "minLength": 1, "pattern": _NOT_BLANK}


class OperationName(Beside, frozen=True, kw_only=True):
    """The name of a signal, query or update, beside the document, as its author gave it."""

    def read(self, value: Any, at: str, reading: Reading) -> str | None:
        name = str(value)
        longest = reading.limits.max_operation_name_length
        if not name.strip():
            reading.fail(at, "is required.")
        elif len(name.encode()) > longest:
            reading.fail(at, f"must not be longer than {longest} bytes.")
        elif _CONTROL_CHARACTERS.search(name):
            reading.fail(at, "must not hold control characters.")
        else:
            return name
        return None

    def schema(self, schemas: Schemas, *, needed: bool) -> JsonObject:
        longest = schemas.limits.max_operation_name_length
        return {"type": "string", "maxLength": longest, "pattern": _NAME}
