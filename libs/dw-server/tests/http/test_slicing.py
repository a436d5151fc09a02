"""A text that is decoded in slices says what it says at once."""

from __future__ import annotations

import contextlib
import json
import random
from typing import Any

import msgspec
import pytest

from durable_workflow.server.http import slicing
from durable_workflow.server.http.slicing import Sliced
from durable_workflow.server.slices import at_once

LEAVES: list[Any] = [1, -2.5e3, True, None, "", "a", "x,y", "[", '}\\"]', "é\n", "k" * 30]
NAMES = ["a", "b", "", '"c"', "],", "a]"]
FAULTS = [
    b"",
    b",",
    b"[",
    b"]",
    b"{",
    b"}",
    b'"',
    b":",
    b" ",
    b"1",
    b"\\",
    b",,",
    b"\xff",
    b'"a":1,',
]


def some_value(chance: random.Random, depth: int = 0) -> Any:
    kind = chance.random()
    if depth > 12 or kind < 0.3:
        return chance.choice(LEAVES)
    if kind < 0.7:
        return [some_value(chance, depth + 1) for _ in range(chance.randint(0, 4))]
    return {
        chance.choice(NAMES): some_value(chance, depth + 1) for _ in range(chance.randint(0, 4))
    }


def some_text(chance: random.Random) -> bytes:
    """JSON in many forms, and often with some bytes of it changed."""
    indent, between = chance.choice([None, 1]), chance.choice([(",", ":"), (" , ", " : ")])
    text = json.dumps(
        some_value(chance), ensure_ascii=chance.random() < 0.5, indent=indent, separators=between
    ).encode()
    for _ in range(chance.choice([0, 1, 2])):
        at = chance.randint(0, len(text))
        text = text[:at] + chance.choice(FAULTS) + text[at + chance.randint(0, 3) :]
    return text


def said(text: bytes) -> str:
    try:
        # The order of members counts as well.
        return repr(msgspec.json.decode(text))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return "no JSON"


def said_in_slices(text: bytes) -> str:
    try:
        return repr(at_once(Sliced(text, 128).decode()))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return "no JSON"


@pytest.mark.parametrize("piece", [1, 5, 30])
def test_any_text_says_the_same(monkeypatch: pytest.MonkeyPatch, piece: int) -> None:
    monkeypatch.setattr(slicing, "_PIECE_BYTES", piece)
    chance = random.Random(piece)
    for text in (some_text(chance) for _ in range(300)):
        assert said_in_slices(text) == said(text), text


@pytest.mark.parametrize(
    "text",
    [
        b"[[1,2,3,4] [5]]",
        b'{"a":[1,2,3,4] "b":[5,6,7,8]}',
        b"[,[1,2,3,4,5]]",
        b"[[1,2,3,4,5],]",
        b"[ ,1,2,3,4,5]",
        b'{"a":[1,2,3,4],}',
        b'{"a" [1,2,3,4]}',
        b'{"a":1[1,2,3,4]}',
        b"[1[2,3,4,5]]",
        b"[1,2,3,4}",
        b"[1,2,3,4",
        b'["1,2,3,4',
        b"[1,2,3,4] 5",
        b"",
    ],
)
def test_what_is_no_json_is_not_made_one_by_its_cuts(
    monkeypatch: pytest.MonkeyPatch, text: bytes
) -> None:
    monkeypatch.setattr(slicing, "_PIECE_BYTES", 2)
    assert said(text) == said_in_slices(text) == "no JSON"


@pytest.mark.parametrize("depth", [1, 5, 9, 128, 129, 2000])
def test_what_is_too_deep_is_refused(depth: int) -> None:
    text = b"[" * depth + b"]" * depth
    if depth > 128:
        with pytest.raises(RecursionError):
            at_once(Sliced(text, 128).decode())
    else:
        assert at_once(Sliced(text, 128).decode()) == msgspec.json.decode(text)


def test_so_much_that_is_deep_is_refused_that_it_would_take_seconds() -> None:
    member = b"[" * 100 + b"]" * 100
    text = b"[" + b",".join([member] * 10_000) + b"]"
    with pytest.raises(RecursionError):
        at_once(Sliced(text, 128).decode())


@pytest.mark.parametrize(
    "member",
    [b"[],", b'{"a":1,"b":[2]},', b'"",', b"[[[[[[]]]]]],", b"1,", b"[" * 12 + b"]" * 12 + b","],
)
def test_no_slice_decodes_much(monkeypatch: pytest.MonkeyPatch, member: bytes) -> None:
    decoded = list[int]()

    def decode(text: bytes) -> Any:
        decoded.append(len(text))
        return msgspec.json.decode(text)

    monkeypatch.setattr(slicing, "_decode", decode)
    text = b'{"a": [[' + member * (300_000 // len(member)) + b'0]], "b": {"c": 1}}'
    slices, before, most = Sliced(text, 128).decode(), 0, 0
    with contextlib.suppress(StopIteration):
        while True:
            next(slices)
            most = max(most, sum(decoded[before:]))
            before = len(decoded)
    assert sum(decoded) >= 300_000 - 200
    assert most < 40_000
