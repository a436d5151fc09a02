"""The kinds of fields: what each reads, and what it says of a value that does not fit.

The wire is lenient in three ways (control-plane 1.6): text is trimmed and empty text is null, null
is absent, and whole numbers may come as digits in a string. Everything else has to fit.

A kind is the second half of an annotation::

    priority: Annotated[int, Whole(most=9)] = 5
"""

from __future__ import annotations

import math
import re
from typing import Any, ClassVar, Final

import msgspec

from durable_workflow.server.fields.reading import Reading
from durable_workflow.server.fields.values import JsonObject, as_list, as_object

# Whole numbers go into 64-bit columns.
LARGEST: Final = 2**63 - 1
# No length of time may be longer: times are 64-bit microseconds, and have to be dates as well.
LONGEST_SECONDS: Final = 100 * 366 * 86_400
# In characters: ids of ours (worker-protocol, conventions), and whatever has a name.
LONGEST_ID: Final = 191
LONGEST_NAME: Final = 255

# Digits alone: Python would also read "1_000" and "+5". No number that fits anywhere is longer.
_DIGITS: Final = re.compile(r"-?[0-9]{1,19}", re.ASCII)
_FLAGS: Final[dict[bool | int | str, bool]] = {
    True: True,
    False: False,
    "1": True,
    "0": False,
    "true": True,
    "false": False,
}
_CONTROL_CHARACTERS: Final = re.compile(r"[\x00-\x1f\x7f]")


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of field.

    Attributes:
        name: Its name on the wire, where the attribute has another.
        gives: Types that `read` returns; an annotation must name one. Empty for any.
        beside: The value is a name that the carrier puts beside the document.
        null_counts: Null is a value, and not the same as absent.
    """

    name: str | None = None
    gives: ClassVar[tuple[type, ...]] = ()
    beside: ClassVar[bool] = False
    null_counts: ClassVar[bool] = False

    def read(self, value: Any, at: str, reading: Reading) -> Any:
        """The value of the field; None where it is absent or does not fit, which is noted.

        Args:
            value: As it came; never null.
            at: The field's path.
        """
        raise NotImplementedError


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


class Identifier(Text, frozen=True, kw_only=True):
    """An id or a queue, which may be left out where it has a default, but must not be blank."""

    def read(self, value: Any, at: str, reading: Reading) -> str | None:
        if isinstance(value, str) and not value.strip():
            reading.fail(at, "must not be blank.")
            return None
        return super().read(value, at, reading)


class Choice(Kind, frozen=True, kw_only=True):
    """One of some words."""

    words: tuple[str, ...]
    gives = (str,)

    def read(self, value: Any, at: str, reading: Reading) -> str | None:
        word = _ANY_TEXT.read(value, at, reading)
        if word is not None and word not in self.words:
            reading.fail(at, f"must be one of {', '.join(self.words)}.")
            return None
        return word


class Beside(Kind, frozen=True, kw_only=True):
    """An id beside the document, without the space around it."""

    gives = (str,)
    beside = True

    def read(self, value: Any, at: str, reading: Reading) -> str | None:
        found = str(value).strip()
        if not found:
            reading.fail(at, "must not be blank.")
        return found or None


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


class Whole(Kind, frozen=True, kw_only=True):
    """A whole number within bounds."""

    least: int = 0
    most: int = LARGEST
    gives = (int,)

    def read(self, value: Any, at: str, reading: Reading) -> int | None:
        if isinstance(value, str):
            value = value.strip()
            if not value:
                return None
            value = int(value) if _DIGITS.fullmatch(value) else value
        most = self._most(reading)
        if isinstance(value, bool) or not isinstance(value, int):
            reading.fail(at, "must be an integer.")
        elif value < self.least:
            reading.fail(at, f"must be at least {self.least}.")
        elif value > most:
            reading.fail(at, f"must not be greater than {most}.")
        else:
            return value
        return None

    def _most(self, reading: Reading) -> int:
        return self.most


class PageSize(Whole, frozen=True, kw_only=True):
    """How many events of a task's history a page may have."""

    least: int = 1

    def _most(self, reading: Reading) -> int:
        return reading.longest_page


class Number(Kind, frozen=True, kw_only=True):
    """A finite number, at least 0. It is not read from digits."""

    gives = (int, float)

    def read(self, value: Any, at: str, reading: Reading) -> int | float | None:
        if (
            isinstance(value, bool)
            or not isinstance(value, (int, float))
            or not math.isfinite(value)
        ):
            reading.fail(at, "must be a number.")
        elif value < 0:
            reading.fail(at, "must be at least 0.")
        else:
            return value
        return None


class Duration(Kind, frozen=True, kw_only=True):
    """A number of seconds, at least 0. Reference workers send fractions as they were written."""

    gives = (float,)

    def read(self, value: Any, at: str, reading: Reading) -> int | float | None:
        if isinstance(value, float):
            found: float | None = value if math.isfinite(value) else None
        elif isinstance(value, str):
            value = value.strip()
            if not value:
                return None
            found = int(value) if _DIGITS.fullmatch(value) else None
        else:
            found = value if isinstance(value, int) and not isinstance(value, bool) else None
        if found is None:
            reading.fail(at, "must be a number of seconds.")
        elif found < 0:
            reading.fail(at, "must be at least 0.")
        elif found > LONGEST_SECONDS:
            reading.fail(at, f"must not be greater than {LONGEST_SECONDS}.")
        else:
            return found
        return None


class Flag(Kind, frozen=True, kw_only=True):
    """True or false, in any of the spellings of the wire."""

    gives = (bool,)

    def read(self, value: Any, at: str, reading: Reading) -> bool | None:
        if value == "":
            return None
        if isinstance(value, (bool, int, str)):
            flag = _FLAGS.get(value)
            if flag is not None:
                return flag
        reading.fail(at, "must be true or false.")
        return None


class Json(Kind, frozen=True, kw_only=True):
    """Any value, as it came."""

    def read(self, value: Any, at: str, reading: Reading) -> Any:
        return value


class Object(Kind, frozen=True, kw_only=True):
    """An object.

    Attributes:
        or_list: An empty list is an empty object: so the reference server writes one.
        most_bytes: How large it may be, encoded; None for any size.
    """

    or_list: bool = True
    most_bytes: int | None = None
    gives = (dict,)

    def read(self, value: Any, at: str, reading: Reading) -> JsonObject | None:
        found = {} if self.or_list and value == [] else as_object(value)
        if found is None:
            reading.fail(at, "must be an object.")
            return None
        most = self._most_bytes(reading)
        if most is not None and found and len(msgspec.json.encode(found)) > most:
            reading.fail(at, f"must not be larger than {most} bytes.")
            return None
        return found

    def _most_bytes(self, reading: Reading) -> int | None:
        return self.most_bytes


class Memo(Object, frozen=True, kw_only=True):
    """What a caller notes about a run."""

    def _most_bytes(self, reading: Reading) -> int:
        return reading.limits.max_memo_bytes


class Listed(Kind, frozen=True, kw_only=True):
    """A list whose members are all of one kind.

    Attributes:
        each: The kind of the members.
        most: How many there may be; None for any number.
        required: What is said of an empty list; None where it may be empty.
    """

    each: Kind
    most: int | None = None
    required: bool = False
    gives = (list,)

    def read(self, value: Any, at: str, reading: Reading) -> list[Any] | None:
        members = as_list(value)
        if members is None:
            reading.fail(at, "must be a list.")
            return None
        if not members and self.required:
            return None
        if self.most is not None and len(members) > self.most:
            reading.fail(at, f"must not have more than {self.most} members.")
            return None
        found: list[Any] = []
        for index, member in enumerate(members):
            before = reading.failures
            read = None if member is None else self.each.read(member, f"{at}.{index}", reading)
            if read is not None:
                found.append(read)
            elif reading.failures == before:
                reading.fail(f"{at}.{index}", "is required.")
        return found


_ANY_TEXT: Final = Text(longest=None, nulls=True)


def texts(*, most: int, longest: int = LONGEST_NAME) -> Listed:
    """A list of texts, none of them blank."""
    return Listed(each=Text(longest=longest), most=most)


def seconds() -> Whole:
    """A length of time in whole seconds, at least 1."""
    return Whole(least=1, most=LONGEST_SECONDS)
