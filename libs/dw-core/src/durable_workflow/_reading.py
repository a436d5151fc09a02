"""Reading a JSON document that must have a certain shape, with an error that names the place.

Used for the published contracts. They are parsed strictly, because a carrier that misreads one
would run the wrong work. Members that a contract does not name are ignored.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast


class ContractError(ValueError):
    """A document does not follow its contract.

    Attributes:
        message: What is wrong, and where.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def __str__(self) -> str:
        return self.message

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash((type(self), self.message))


class Section:
    """An object of a document, and its path in it."""

    def __init__(self, members: object, path: str, error: type[ContractError]) -> None:
        """Take an object.

        Args:
            members: The parsed JSON.
            path: Its place, for messages; empty for the document itself.
            error: What to raise.
        """
        self._path = path
        self._error = error
        if not isinstance(members, Mapping):
            raise error(f"{path or 'the document'} must be an object")
        self.members = cast("Mapping[str, Any]", members)

    def fail(self, key: str, wanted: str) -> ContractError:
        """The error for a member."""
        return self._error(f"{self.place(key)} must be {wanted}")

    def place(self, key: str) -> str:
        """Path of a member."""
        return f"{self._path}.{key}" if self._path else key

    def section(self, key: str) -> "Section":
        """A member that is an object."""
        return Section(self.members.get(key), self.place(key), self._error)

    def text(self, key: str) -> str:
        """A member that is a non-empty string."""
        value = self.members.get(key)
        if not isinstance(value, str) or not value:
            raise self.fail(key, "a non-empty string")
        return value

    def string(self, key: str) -> str:
        """A member that is a string, which may be empty."""
        value = self.members.get(key)
        if not isinstance(value, str):
            raise self.fail(key, "a string")
        return value

    def nullable_text(self, key: str) -> str | None:
        """A member that must be present, as a string or null."""
        value = self._present(key)
        if value is not None and not isinstance(value, str):
            raise self.fail(key, "a string or null")
        return value

    def nullable_object(self, key: str) -> Mapping[str, Any] | None:
        """A member that must be present, as an object or null."""
        return None if self._present(key) is None else self.section(key).members

    def flag(self, key: str) -> bool:
        """A member that is a boolean."""
        value = self.members.get(key)
        if not isinstance(value, bool):
            raise self.fail(key, "a boolean")
        return value

    def integer(self, key: str, *, minimum: int) -> int:
        """A member that is an integer of at least `minimum`."""
        value = self.members.get(key)
        if not isinstance(value, int) or isinstance(value, bool) or value < minimum:
            raise self.fail(key, f"an integer of at least {minimum}")
        return value

    def array(self, key: str) -> list[object]:
        """A member that is an array."""
        value = self.members.get(key)
        if not isinstance(value, list):
            raise self.fail(key, "an array")
        return cast("list[object]", value)

    def texts(self, key: str, *, containing: Iterable[str] = ()) -> tuple[str, ...]:
        """A member that is an array of strings, some of which it must contain."""
        values: list[str] = []
        for value in self.array(key):
            if not isinstance(value, str):
                raise self.fail(key, "an array of strings")
            values.append(value)
        missing = [name for name in containing if name not in values]
        if missing:
            raise self.fail(key, f"an array that contains {', '.join(missing)}")
        return tuple(values)

    def one_of(self, key: str, choices: Iterable[str]) -> str:
        """A member that is one of several strings."""
        value = self.members.get(key)
        known = list(choices)
        if not isinstance(value, str) or value not in known:
            raise self.fail(key, f"one of {', '.join(known)}")
        return value

    def pinned(self, key: str, wanted: str | int) -> None:
        """A member that has exactly this value; `true` is not 1, nor is `"1"`."""
        value = self.members.get(key)
        if isinstance(value, bool) or value != wanted:
            raise self.fail(key, repr(wanted))

    def _present(self, key: str) -> Any:
        if key not in self.members:
            raise self.fail(key, "present")
        return self.members[key]


@dataclass(frozen=True, slots=True)
class ArtifactKind:
    """What a published artifact, an example with its checksum, must say of itself."""

    prefix: str
    media_type: str
    schema: str
    version: int
    error: type[ContractError]

    def example(self, artifact: object) -> Mapping[str, Any]:
        """The example in an artifact.

        Raises:
            ContractError: It is no such artifact, or its checksum is of another example.
        """
        section = Section(artifact, "", self.error)
        if not section.text("artifact").startswith(self.prefix):
            raise section.fail("artifact", f"a name that begins with {self.prefix}")
        section.pinned("media_type", self.media_type)
        section.pinned("schema", self.schema)
        section.pinned("version", self.version)
        example = section.section("example").members
        if section.text("sha256") != _checksum(example):
            raise self.error("sha256 does not match the example")
        return example


def _checksum(example: Mapping[str, Any]) -> str:
    """Hex SHA-256 of compact JSON, keys in the order given, non-ASCII characters kept."""
    text = json.dumps(example, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
