"""Packing: every text comes back, and names are not kept again and again."""

from __future__ import annotations

import hashlib
import json
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from durable_workflow.server.records.packing import packed, unpacked
from durable_workflow.server.records.packing_words import WORDS_1, WORDS_2

RECORD = (
    b'{"sequence":4,"event_type":"ActivityStarted","timestamp":"2026-11-28T21:02:52.224098Z",'
    b'"payload":{"activity_execution_id":"01m8hzfka0cv79fr8h0ma6s8e6","activity_attempt_id":'
    b'"01m8hzfka0cv79fr8h0ma6s8e9","activity_class":"echo","activity_type":"echo","sequence":3,'
    b'"attempt_number":1},"id":"01m8hzfka0cv79fr8h0ma6s8ea","workflow_task_id":'
    b'"01m8hzfka0cv79fr8h0ma6s8e7","workflow_command_id":null,"recorded_at":'
    b'"2026-11-28T21:02:52.224098Z"}'
)


@given(st.dictionaries(st.text(), st.text() | st.integers() | st.none()))
def test_what_was_packed_comes_back(document: dict[str, object]) -> None:
    text = json.dumps(document, ensure_ascii=False).encode("utf-8", "surrogatepass")
    assert unpacked(packed(text)) == text


@pytest.mark.parametrize("size", [0, 1, 2047, 2048, 2049, 100_000])
def test_texts_of_any_size_come_back(size: int) -> None:
    text = json.dumps("x" * size).encode()
    assert unpacked(packed(text)) == text
    assert len(packed(text)) <= len(text)


def test_a_record_is_kept_in_a_fifth() -> None:
    assert len(packed(RECORD)) < len(RECORD) / 4


def test_what_was_kept_unpacked_is_read() -> None:
    assert unpacked(RECORD) == RECORD


@pytest.mark.parametrize(
    ("number", "words", "digest"),
    [
        (1, WORDS_1, "8b41390cb6abfd2fc43ef1b9403ec6ea13a83cd01dfa1f6381dcdebbab8e4111"),
        (2, WORDS_2, "8f6492a703fdfe39888eac8f4f3f4aa090a44c42854fe274c5fadc83a642b86a"),
    ],
)
def test_what_was_packed_by_an_older_server_is_read(number: int, words: bytes, digest: str) -> None:
    # The dictionary is part of what is kept: one that is changed must get another number.
    assert hashlib.sha256(words).hexdigest() == digest
    packer = zlib.compressobj(6, zlib.DEFLATED, -13, zdict=words)
    kept = bytes([number]) + packer.compress(RECORD) + packer.flush()
    assert unpacked(kept) == RECORD
