"""What is said of a large blob without decoding it is what decoding would say."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from durable_workflow import serializer
from durable_workflow.serializer._avro import encode_text
from durable_workflow.serializer._avro_value import encode_frame
from durable_workflow.server.fields import blobs
from durable_workflow.server.slices import at_once

SPACE = " " * blobs.LARGE
FAULTS = ["", ",", "[", "]", "{", '"', "1", "NaN", "-", "\\", "\\ud800", "é", "\x00", " "]

leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.sampled_from(["", "NaN", "\\ud800", "-Infinity", "\ud800", "\\", '"', "9" * 5000, "é"]),
)
values = st.recursive(
    leaves,
    lambda each: st.one_of(st.lists(each), st.dictionaries(st.sampled_from("ab\\"), each)),
    max_leaves=10,
)


def said(blob: str, codec: str) -> str:
    try:
        return str(isinstance(serializer.decode(blob, codec), list))
    except (ValueError, TypeError):
        return "cannot be decoded"


def said_at_a_look(blob: str, codec: str) -> str:
    assert len(blob) >= blobs.LARGE
    try:
        return str(at_once(blobs.is_list(blob, codec)))
    except (ValueError, TypeError):
        return "cannot be decoded"


@given(values, st.sampled_from(FAULTS), st.integers(0, 60), st.integers(0, 2), st.booleans())
def test_any_text_is_read_alike(value: Any, fault: str, at: int, less: int, escaped: bool) -> None:
    text = json.dumps(value, ensure_ascii=escaped)
    at = min(at, len(text))
    text = SPACE + text[:at] + fault + text[at + less :]
    assume("\ud800" not in text)  # no request holds it but as an escape
    assert said_at_a_look(text, "json") == said(text, "json")
    if escaped:
        blob = encode_text(text)
        assert said_at_a_look(blob, "avro") == said(blob, "avro")


@pytest.mark.parametrize(
    "part",
    ["9" * 5000, "1e999", "NaN", "-NaN", "--Infinity", "1NaN", "NaNNaN", '"\\NaN"', '"\\Infinity"'],
)
def test_odd_numbers_are_read_alike(part: str) -> None:
    string = '"' + "9" * blobs.LARGE + '"'
    beside = f"[{string}, {part}, {string}]"
    for text in (f"[{SPACE}{part}]", SPACE + part, f"{{{SPACE}{part}:1}}", beside):
        assert said_at_a_look(text, "json") == said(text, "json")


frames = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**63), 2**63 - 1),
        st.floats(allow_nan=False, allow_infinity=False),
        st.binary(max_size=3),
        st.sampled_from(["", "a", "é"]),
    ),
    lambda each: st.one_of(st.lists(each), st.dictionaries(st.sampled_from("abé"), each)),
    max_leaves=20,
)


@given(frames, st.integers(10, 80), st.binary(max_size=2), st.integers(0, 2))
def test_any_typed_frame_is_read_alike(value: Any, at: int, fault: bytes, less: int) -> None:
    # What makes it large is a part of it: nothing may follow the value.
    for framed in ([value, SPACE], {"b": value, "c": SPACE}):
        frame = encode_frame(framed)
        blob = base64.b64encode(frame[:at] + fault + frame[at + less :]).decode()
        assert said_at_a_look(blob, "avro") == said(blob, "avro")


@pytest.mark.parametrize("depth", [1, 100, 5000])
def test_a_typed_frame_may_be_as_deep_as_can_be_decoded(depth: int) -> None:
    frame = encode_frame([SPACE])
    # Each level: an array (6) of one item (1), and behind it no other block (0).
    deep = frame[:10] + b"\x0c\x02" * depth + frame[10:] + b"\x00" * depth
    blob = base64.b64encode(deep).decode()
    assert said_at_a_look(blob, "avro") == said(blob, "avro")


def test_a_typed_frame_of_many_values_is_looked_over_in_slices() -> None:
    blob = base64.b64encode(encode_frame([None] * 20_000)).decode()
    assert len([*blobs.is_list(blob, "avro")]) == 20
    assert said_at_a_look(blob, "avro") == "True"


def test_a_text_is_json_or_not() -> None:
    assert blobs.is_json(b" [1] ")
    for text in (b"", b"[1", b"[NaN]", b"[1] 2", b"[" * 100_000):
        assert not blobs.is_json(text)
