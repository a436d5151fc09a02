"""The structure of a JSON text is found without its strings, and never less than it is."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from durable_workflow.server.structure import structure_of

LONG = "x" * 5000

values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.just(LONG),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def _brackets(text: str) -> int:
    outside = re.sub(r'"(?:[^"\\]|\\.)*"', "", text)
    return outside.count("[") + outside.count("{")


def test_strings_are_left_out() -> None:
    text = json.dumps({"blob": LONG + "[{,", "more": [1, {"a": ""}]}).encode()
    assert structure_of(text) == b"{: , : [1, {: }]}"


@pytest.mark.parametrize(
    "text",
    [
        b'["a,b"]',
        b'["' + LONG.encode() + b'\\"[[", 1]',
        b'["' + LONG.encode(),
        b"[" + b'"a",' * 600 + b'"' + LONG.encode() + b'"]',
    ],
    ids=["small", "escaped", "no end", "many strings"],
)
def test_what_is_small_or_not_simple_stays_as_it_is(text: bytes) -> None:
    assert structure_of(text) == text


@given(values)
def test_all_brackets_outside_of_strings_are_counted(value: Any) -> None:
    text = json.dumps([value, LONG])
    structure = structure_of(text.encode())
    assert structure.count(b"[") + structure.count(b"{") >= _brackets(text)
