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
        match value:
            case str():
                return IDENTIFIER.sub(lambda found: self.ours.get(found[0], found[0]), value)
            case dict():
                return {key: self._translate(member) for key, member in value.items()}
            case list():
                return [self._translate(member) for member in value]
            case _:
                return value

    def _learn(self, recorded: Any, ours: Any) -> None:
        match recorded, ours:
            case dict(), dict():
                for key in recorded.keys() & ours.keys():
                    self._learn(recorded[key], ours[key])
            case list(), list():
                for one, other in zip(recorded, ours, strict=False):
                    self._learn(one, other)
            case str(), str() if IDENTIFIER.fullmatch(recorded) and IDENTIFIER.fullmatch(ours):
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
    recorded = exchange.answer.get("reason") if isinstance(exchange.answer, dict) else None
    if recorded != answer.reason:
        yield "reason", f"recorded {recorded!r}, ours {answer.reason!r}"


def _shapes(place: str, recorded: Any, ours: Any) -> Iterator[tuple[str, str]]:
    match recorded, ours:
        case (dict(), dict()):
            for key, member in recorded.items():
                inwards = f"{place}.{key}" if place else key
                if key in ours:
                    yield from _shapes(inwards, member, ours[key])
                else:
                    yield inwards, f"missing; recorded {json.dumps(member)[:200]}"
        case (list(), list()):
            if len(recorded) != len(ours):
                yield f"{place}.length", f"recorded {len(recorded)}, ours {len(ours)}"
            for index, (one, other) in enumerate(zip(recorded, ours, strict=False)):
                yield from _shapes(f"{place}.{index}", one, other)
        case ([], dict()):
            pass  # an empty object, as the reference server spells it (control-plane 1.6)
        case _ if json_type(recorded) != json_type(ours):
            yield place, f"recorded {json.dumps(recorded)[:200]}, ours {json.dumps(ours)[:200]}"


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
        document = document[int(step)] if isinstance(document, list) else document[step]
    return document
