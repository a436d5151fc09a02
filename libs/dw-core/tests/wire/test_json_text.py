"""JSON text by msgspec and by the module `json`: the same texts, values and errors."""

import enum
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from durable_workflow._wire import json_text
from durable_workflow._wire.json_faults import NotJson

pytest.importorskip("msgspec", reason="msgspec, the extra `speed`, is not installed")

TEXT = st.text(st.characters(), max_size=8)  # half surrogate pairs among them
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | TEXT
KEYS = TEXT | st.integers() | st.booleans() | st.none() | st.floats()
VALUES = st.recursive(
    SCALARS,
    lambda each: (
        st.lists(each, max_size=4)
        | st.lists(each, max_size=3).map(tuple)
        | st.dictionaries(TEXT, each, max_size=4)
        | st.dictionaries(KEYS, each, max_size=3)
    ),
    max_leaves=12,
)


class Colour(enum.StrEnum):
    RED = "red"


class Number(int):
    pass


@dataclass
class Point:
    x: int


CYCLE: list[Any] = []
CYCLE.append(CYCLE)
STRANGE = [
    datetime.now(UTC),
    UUID(int=1),
    b"bytes",
    {1, 2},
    Point(1),
    {"inner": Point(1)},
    Colour.RED,
    [Colour.RED],
    Number(3),
    {Colour.RED: 1},
    {(1, 2): 1},
    {1: "a", "1": "b"},
    math.nan,
    [math.inf],
    CYCLE,
    object(),
    2**200,
    1e16,
    1e-7,
    "\ud800",
]


def outcome(call: Callable[[Any], Any], given: Any) -> tuple[Any, ...]:
    try:
        return ("ok", repr(call(given)))
    except (TypeError, ValueError, RecursionError) as error:
        return (type(error), str(error))


def by_json(call: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The function, with the module `json` alone."""

    def run(given: Any) -> Any:
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(json_text, "_write", None)
            patched.setattr(json_text, "_read", None)
            patched.setattr(json_text, "_looked", True)
            return call(given)

    return run


@given(VALUES)
def test_every_value_is_written_alike(value: Any) -> None:
    assert outcome(json_text.encode, value) == outcome(by_json(json_text.encode), value)


def in_bytes(value: Any) -> bytes:
    try:
        return json_text.in_utf8(json_text.encode(value), value)
    except NotJson as error:
        raise ValueError(str(error)) from None


@given(VALUES)
def test_every_value_is_written_alike_in_bytes(value: Any) -> None:
    assert outcome(json_text.encode_bytes, value) == outcome(in_bytes, value)
    assert outcome(by_json(json_text.encode_bytes), value) == outcome(in_bytes, value)


@pytest.mark.parametrize("value", STRANGE, ids=lambda value: type(value).__name__)
def test_what_msgspec_has_forms_for_is_refused_all_the_same(value: Any) -> None:
    assert outcome(json_text.encode, value) == outcome(by_json(json_text.encode), value)


@given(VALUES.map(lambda value: json.dumps(value, skipkeys=True)) | TEXT)
def test_every_text_is_read_alike(text: str) -> None:
    assert outcome(json_text.decode, text) == outcome(by_json(json_text.decode), text)


@pytest.mark.parametrize(
    "text",
    [
        "1e400",
        "NaN",
        "-Infinity",
        '"\\ud800"',
        "-0",
        "-0.0",
        '{"a":1,"a":2}',
        "1" * 400,
        "[1,]",
        "01",
    ],
)
def test_edges_are_read_alike(text: str) -> None:
    assert outcome(json_text.decode, text) == outcome(by_json(json_text.decode), text)


@pytest.mark.parametrize("given", [None, 1, b'{"a": 1}', b"\xff", b""])
def test_what_is_no_text_is_refused_alike(given: Any) -> None:
    assert outcome(json_text.decode, given) == outcome(by_json(json_text.decode), given)


def test_deep_nesting_is_refused_and_not_a_crash() -> None:
    deep = "[" * 100_000 + "]" * 100_000
    with pytest.raises(RecursionError):
        json_text.decode(deep)
    nested: list[Any] = []
    for _ in range(100_000):
        nested = [nested]
    with pytest.raises(RecursionError):
        json_text.encode(nested)


def test_msgspec_serves() -> None:
    json_text.encode(1)
    assert json_text._write is not None  # pyright: ignore[reportPrivateUsage]


@pytest.mark.parametrize(
    ("body", "kind", "problem"),
    [
        (
            {"memo": {"a": object()}},
            TypeError,
            "a value of type object is not plain JSON at memo.a",
        ),
        ({"memo": {(1, 2): 1}}, TypeError, "a value of type tuple cannot be the key of .* at memo"),
        ({"details": [float("nan")]}, ValueError, r"nan is not JSON compliant: .* at details\[0\]"),
        ({"memo": {"a": "\udc80"}}, ValueError, "surrogates not allowed at memo.a"),
    ],
)
def test_a_body_that_cannot_be_sent_is_refused_with_the_place(
    body: Any, kind: type[Exception], problem: str
) -> None:
    with pytest.raises(kind, match=f"{problem}$") as raised:
        json_text.encode_bytes(body)
    assert raised.type is kind, "retry policies name it"
