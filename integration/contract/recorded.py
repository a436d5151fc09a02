"""Exchanges recorded with a reference server, sent again to ours, and the two answers compared.

Identifiers differ from run to run: each that the recorded answer names is learned from the place
where our answer has its own, and put in its stead into the requests that follow. What is compared
then is status, reason and shape: every member of the recorded answer, with the same JSON type.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from integration.harness.payloads import as_list, as_object
from integration.harness.wire import Answer, Wire

FOLDER = Path(__file__).with_name("exchanges")
IDENTIFIER = re.compile(r"[0-9A-Za-z]{26}")
# Headers that say who asks and what they speak; the rest is the HTTP library's.
SENT = ("authorization", "content-type", "accept", "x-namespace")


@dataclass(frozen=True, slots=True)
class Exchange:
    """One recorded request and its answer. `number` is its place in the order."""

    name: str
    number: int
    method: str
    path: str
    headers: dict[str, str]
    body: Any
    status: int
    answer: Any


@dataclass(frozen=True, slots=True)
class Difference:
    """A way in which our answer differs, because the documents want it.

    Attributes:
        exchanges: Pattern of the exchange names.
        place: Pattern of the place in the answer, as `compare` writes it.
        reason: What the documents say.
    """

    exchanges: str
    place: str
    reason: str

    def covers(self, exchange: Exchange, place: str) -> bool:
        return fnmatchcase(exchange.name, self.exchanges) and fnmatchcase(place, self.place)


@dataclass
class Replayer:
    """Sends recorded requests to one server, in order, with our identifiers in place of theirs."""

    wire: Wire
    ours: dict[str, str] = field(default_factory=dict)

    def send(self, exchange: Exchange) -> Answer:
        """Send one exchange again, and learn the identifiers of the answer."""
        usual = dict.fromkeys(self.wire.headers(exchange.path))
        headers: dict[str, str | None] = {name.lower(): None for name in usual}
        headers |= {
            name: value
            for name, value in exchange.headers.items()
            if name in SENT or name.startswith("x-durable-workflow-")
        }
        text = isinstance(exchange.body, str)
        answer = self.wire.send(
            exchange.method,
            self._translate(exchange.path),
            None if text else self._translate(exchange.body),
            content=exchange.body.encode() if text else None,
            headers=headers,
        )
        self._learn(exchange.answer, answer.body)
        return answer

    def _translate(self, value: Any) -> Any:
        if isinstance(value, str):
            return IDENTIFIER.sub(lambda found: self.ours.get(found[0], found[0]), value)
        if (members := as_object(value)) is not None:
            return {key: self._translate(member) for key, member in members.items()}
        if (items := as_list(value)) is not None:
            return [self._translate(item) for item in items]
        return value

    def _learn(self, recorded: Any, ours: Any) -> None:
        theirs, mine = as_object(recorded), as_object(ours)
        if theirs is not None and mine is not None:
            for key in theirs.keys() & mine.keys():
                self._learn(theirs[key], mine[key])
        for one, other in zip(as_list(recorded) or [], as_list(ours) or [], strict=False):
            self._learn(one, other)
        if is_identifier(recorded) and is_identifier(ours):
            self.ours.setdefault(recorded, ours)


def load(folder: str) -> list[Exchange]:
    """Read the recorded exchanges of a folder, in order."""
    return [_read(path) for path in sorted((FOLDER / folder).glob("*.json"))]


def _read(path: Path) -> Exchange:
    recorded = json.loads(path.read_text())
    request, response = recorded["request"], recorded["response"]
    return Exchange(
        name=path.stem,
        number=int(path.name[:3]),
        method=request["method"],
        path=request["path"],
        headers={name.lower(): value for name, value in request["headers"].items()},
        body=request["body"],
        status=response["status"],
        answer=response["body"],
    )


def unexplained(
    exchange: Exchange, answer: Answer, differences: Sequence[Difference]
) -> dict[str, str]:
    """Return where our answer differs from the recorded one and no row of the table says why."""
    return {
        place: text
        for place, text in compare(exchange, answer)
        if not any(row.covers(exchange, place) for row in differences)
    }


def compare(exchange: Exchange, answer: Answer) -> Iterator[tuple[str, str]]:
    """Yield the place and the nature of each difference: status, reason, missing members, types."""
    if exchange.status != answer.status:
        yield "status", f"recorded {exchange.status}, ours {answer.status}: {answer.body}"
    yield from _shapes("", exchange.answer, answer.body)
    recorded = (as_object(exchange.answer) or {}).get("reason")
    if recorded != answer.reason:
        yield "reason", f"recorded {recorded!r}, ours {answer.reason!r}"


def _shapes(place: str, recorded: Any, ours: Any) -> Iterator[tuple[str, str]]:
    if recorded == [] and json_type(ours) == "object":
        return  # an empty object, as the reference server spells it (control-plane 1.6)
    if json_type(recorded) != json_type(ours):
        yield place, f"recorded {json.dumps(recorded)[:200]}, ours {json.dumps(ours)[:200]}"
        return
    mine = as_object(ours) or {}
    for key, member in (as_object(recorded) or {}).items():
        inwards = f"{place}.{key}" if place else key
        if key in mine:
            yield from _shapes(inwards, member, mine[key])
        else:
            yield inwards, f"missing; recorded {json.dumps(member)[:200]}"
    theirs, items = as_list(recorded) or [], as_list(ours) or []
    if len(theirs) != len(items):
        yield f"{place}.length", f"recorded {len(theirs)}, ours {len(items)}"
    for index, (one, other) in enumerate(zip(theirs, items, strict=False)):
        yield from _shapes(f"{place}.{index}", one, other)


def is_identifier(value: object) -> bool:
    """Return whether a value looks like an identifier that a server made."""
    return isinstance(value, str) and IDENTIFIER.fullmatch(value) is not None


def json_type(value: Any) -> str:
    """Return the JSON type of a value, a whole number and another one being the same."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case _:
            return "object"


def at(document: Any, place: str) -> Any:
    """Return what stands at a dotted place of a document; LookupError where nothing does."""
    for step in place.split("."):
        items = as_list(document)
        document = document[step] if items is None else items[int(step)]
    return document
