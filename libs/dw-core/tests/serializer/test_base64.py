"""Base64 by the fast package and by the standard library: the same texts, the same refusals."""

import binascii
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from durable_workflow.serializer import _base64

pytest.importorskip("pybase64", reason="pybase64, the extra `speed`, is not installed")

TEXTS = st.text("ABCDEFghijkl0123+/=-_ \né", max_size=24)


@pytest.fixture(autouse=True)
def everything_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_base64, "_LARGE", 0)


def standard(text: str) -> bytes:
    return binascii.a2b_base64(text, strict_mode=True)


def outcome(decode: Callable[[str], bytes], text: str) -> bytes | str:
    try:
        return decode(text)
    except ValueError as error:
        return str(error)


@given(st.binary(max_size=60))
def test_what_is_written_is_the_same(data: bytes) -> None:
    text = _base64.encode(data)
    assert text == binascii.b2a_base64(data, newline=False).decode()
    assert _base64.decode(text) == data


@given(TEXTS)
def test_what_is_read_or_refused_is_the_same(text: str) -> None:
    assert outcome(_base64.decode, text) == outcome(standard, text)


def test_the_fast_package_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    _base64.encode(b"x")
    assert _base64.fast is not None
    monkeypatch.setattr(_base64, "fast", None)
    assert _base64.decode(_base64.encode(b"abc")) == b"abc"
