"""What a row of the tables says: a request, and how it must be refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from integration.harness.payloads import as_list


class _Absent:
    def __repr__(self) -> str:
        return "absent"


ABSENT: Any = _Absent()


@dataclass(frozen=True, slots=True, kw_only=True)
class Bad:
    """One bad request and its refusal.

    Attributes:
        path: With `{name}` of the scene, not percent-encoded any further.
        body: With `$name` of the scene. None sends `{}` where a body belongs.
        content: Sent as it is, in place of `body`.
        headers: Put over the usual ones; None leaves one out.
        errors: Fields, of which each must have a text in `errors` and in `validation_errors`: the
            field itself or something inside it.
        has: Members that the body of the answer must have.
        guarded: Sent to the server that wants a token.
    """

    name: str
    method: str = "POST"
    path: str
    body: Any = None
    content: bytes | None = None
    headers: Mapping[str, str | None] = field(default_factory=dict[str, str | None])
    status: int
    reason: str
    errors: tuple[str, ...] = ()
    has: Mapping[str, Any] = field(default_factory=dict[str, Any])
    guarded: bool = False


@dataclass(frozen=True, slots=True)
class Route:
    """A route that takes a body: a body that is good, and per field what is not.

    Attributes:
        fields: Field path (dots go inwards) to the values that are refused under that very path.
    """

    name: str
    path: str
    good: Mapping[str, Any]
    fields: Mapping[str, Sequence[Any]]
    method: str = "POST"

    def body(self, path: str, value: Any) -> Any:
        """The good body with a value in one place of it, or without that place (`ABSENT`)."""
        return _put(self.good, path.split("."), value)

    def rows(self, *, reason: str = "validation_failed") -> Iterator[Bad]:
        """Yield one row per field and wrong value, all else good."""
        for path, values in self.fields.items():
            for value in values:
                shown = repr(value)
                shown = shown if len(shown) < 50 else f"{shown[:47]}..."
                yield Bad(
                    name=f"{self.name}: {path} = {shown}",
                    method=self.method,
                    path=self.path,
                    body=self.body(path, value),
                    status=422,
                    reason=reason,
                    errors=(path,),
                )


def _put(good: Any, path: list[str], value: Any) -> Any:
    name, *inwards = path
    if (items := as_list(good)) is not None:
        index = int(name)
        member = _put(items[index], inwards, value) if inwards else value
        return [*items[:index], member, *items[index + 1 :]]
    if inwards:
        return {**good, name: _put(good.get(name, {}), inwards, value)}
    if value is ABSENT:
        return {key: member for key, member in good.items() if key != name}
    return {**good, name: value}
