"""Reading the members of one JSON object, and collecting what is wrong with them.

The wire is lenient in three ways (control-plane 1.6): text is trimmed and empty text is null, null
is absent, and whole numbers may come as digits in a string. Everything else has to fit.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any, Final, TypeAlias

from durable_workflow.server.engine.state import as_list, as_object
from durable_workflow.server.engine.times import LONGEST_SECONDS
from durable_workflow.server.refusals import Invalid

Errors: TypeAlias = dict[str, list[str]]

# Whole numbers go into 64-bit columns.
LARGEST: Final = 2**63 - 1

_DIGITS = re.compile(r"^-?[0-9]{1,19}$", re.ASCII)
_FLAGS: Final[dict[bool | int | str, bool]] = {
    True: True,
    False: False,
    "1": True,
    "0": False,
    "true": True,
    "false": False,
}


class Fields:
    """The members of one object.

    A member that does not fit is reported under its path and read as absent; `check` raises once
    everything has been read.

    Args:
        source: The object.
        errors: Where to report; shared with the objects inside.
        path: Path of this object, ending in a dot, or empty.
    """

    def __init__(
        self, source: Mapping[str, Any], errors: Errors | None = None, path: str = ""
    ) -> None:
        self.source = source
        self.errors: Errors = {} if errors is None else errors
        self._path = path

    def check(self) -> None:
        """Raise `Invalid` if anything did not fit."""
        if self.errors:
            raise Invalid(self.errors)

    def fail(self, name: str, text: str) -> None:
        """Report that a member does not fit. `text` goes on after "The … field"."""
        field = self._path + name
        self.errors.setdefault(field, []).append(f"The {field} field {text}")

    def has(self, name: str) -> bool:
        """Whether a member was sent with a value."""
        return self._value(name) is not None

    def required_text(self, name: str, *, longest: int = 255, trim: bool = True) -> str:
        """Text that must be there; empty where it is not, and reported."""
        text = self.text(name, longest=longest, trim=trim)
        if text is None and self._path + name not in self.errors:
            self.fail(name, "is required.")
        return text or ""

    def text(
        self,
        name: str,
        *,
        longest: int | None = 255,
        pattern: re.Pattern[str] | None = None,
        trim: bool = True,
    ) -> str | None:
        """Text of at most `longest` characters that matches `pattern` as a whole.

        Args:
            trim: Whether space around it is dropped; blank text is absent either way.
        """
        value = self._value(name)
        if value is None:
            return None
        if not isinstance(value, str):
            self.fail(name, "must be a string.")
            return None
        text = value.strip()
        if not text:
            return None
        text = text if trim else value
        if longest is not None and len(text) > longest:
            self.fail(name, f"must not be longer than {longest} characters.")
        elif pattern is not None and not pattern.fullmatch(text):
            self.fail(name, "format is invalid.")
        elif longest is not None and "\0" in text:
            self.fail(name, "must not hold a null character.")
        else:
            return text
        return None

    def identifier(
        self, name: str, *, longest: int = 255, pattern: re.Pattern[str] | None = None
    ) -> str | None:
        """An id or a queue, which may be left out, and must not be blank."""
        value = self._value(name)
        if isinstance(value, str) and not value.strip():
            self.fail(name, "must not be blank.")
            return None
        return self.text(name, longest=longest, pattern=pattern)

    def choice(self, name: str, words: Collection[str]) -> str | None:
        """One of `words`."""
        word = self.text(name, longest=None)
        if word is not None and word not in words:
            self.fail(name, f"must be one of {', '.join(words)}.")
            return None
        return word

    def whole(self, name: str, *, least: int = 0, most: int = LARGEST) -> int | None:
        """A whole number within bounds."""
        value = self._value(name)
        if isinstance(value, str):
            value = value.strip()
            if not value:
                return None
            value = int(value) if _DIGITS.match(value) else value
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int):
            self.fail(name, "must be an integer.")
        elif value < least:
            self.fail(name, f"must be at least {least}.")
        elif value > most:
            self.fail(name, f"must not be greater than {most}.")
        else:
            return value
        return None

    def required_whole(self, name: str, *, least: int = 0) -> int:
        """A whole number that must be there; 0 where it is not, and reported."""
        number = self.whole(name, least=least)
        if number is None and self._path + name not in self.errors:
            self.fail(name, "is required.")
        return number or 0

    def seconds(self, name: str) -> int | None:
        """A length of time in whole seconds, at least 1."""
        return self.whole(name, least=1, most=LONGEST_SECONDS)

    def flag(self, name: str) -> bool | None:
        """True or false, in any of the spellings of the wire."""
        value = self._value(name)
        if value is None or value == "":
            return None
        if isinstance(value, (bool, int, str)):
            flag = _FLAGS.get(value)
            if flag is not None:
                return flag
        self.fail(name, "must be true or false.")
        return None

    def texts(self, name: str, *, most: int, longest: int = 255) -> list[str]:
        """A list of at most `most` texts, none of them blank; empty where it is absent."""
        value = self._value(name)
        if value is None:
            return []
        members = as_list(value)
        if members is None:
            self.fail(name, "must be a list.")
            return []
        if len(members) > most:
            self.fail(name, f"must not have more than {most} members.")
            return []
        found: list[str] = []
        for index, member in enumerate(members):
            text = member.strip() if isinstance(member, str) else ""
            if 0 < len(text) <= longest and "\0" not in text:
                found.append(text)
            else:
                self.fail(f"{name}.{index}", f"must be a string of 1 to {longest} characters.")
        return found

    def object(self, name: str) -> dict[str, Any] | None:
        """An object. An empty list is an empty object: so the reference server writes one."""
        value = self._value(name)
        if value is None:
            return None
        if as_list(value) == []:
            return {}
        found = as_object(value)
        if found is None:
            self.fail(name, "must be an object.")
        return found

    def objects(self, name: str, *, most: int) -> list[dict[str, Any]] | None:
        """A list of at most `most` objects; None where it is absent."""
        value = self._value(name)
        if value is None:
            return None
        members = as_list(value)
        if members is None:
            self.fail(name, "must be a list.")
            return None
        if len(members) > most:
            self.fail(name, f"must not have more than {most} members.")
            return None
        found: list[dict[str, Any]] = []
        for index, member in enumerate(members):
            item = as_object(member)
            if item is None:
                self.fail(f"{name}.{index}", "must be an object.")
            else:
                found.append(item)
        return found

    def inside(self, name: str, source: Mapping[str, Any]) -> Fields:
        """The members of an object inside this one."""
        return Fields(source, self.errors, f"{self._path}{name}.")

    def _value(self, name: str) -> Any:
        return self.source.get(name)
