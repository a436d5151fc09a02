"""What is shown of payloads, whatever is in them."""

import base64
import json
from typing import Any

import msgspec
import pytest

from durable_workflow import serializer
from durable_workflow.serializer._avro_value import encode_frame
from durable_workflow.server.views.decoding import decoded


@pytest.mark.parametrize("codec", ["json", "avro"])
@pytest.mark.parametrize("value", [[1, "é"], None, 10**30, {"a": [1.5]}])
def test_values_are_shown(codec: str, value: Any) -> None:
    assert decoded(serializer.envelope(value, codec)) == value


@pytest.mark.parametrize(
    "envelope",
    [
        None,
        {"codec": "json", "external_storage": {}},
        {"codec": "json", "blob": "{"},
        {"codec": "unknown", "blob": "1"},
        {"codec": "json", "blob": '["half a pair: \\ud800"]'},
        {"codec": "json", "blob": '{"\\udcff": 1}'},
    ],
)
def test_what_no_answer_can_carry_is_not_shown(envelope: Any) -> None:
    assert decoded(envelope) is None
    assert msgspec.json.encode(decoded(envelope)) == b"null"


@pytest.mark.parametrize("codec", ["json", "avro"])
def test_a_large_value_is_shown_without_being_decoded(codec: str) -> None:
    value: list[Any] = [[], {"a": [1.5, "é", 10**30]}] * 2000
    shown = decoded(serializer.envelope(value, codec))
    assert isinstance(shown, msgspec.Raw)
    assert msgspec.json.decode(msgspec.json.encode({"input": shown})) == {"input": value}


@pytest.mark.parametrize("text", ['["half a pair: \\ud800", "%s"]', '["%s"'])
def test_of_what_is_large_nothing_is_shown_that_no_answer_can_carry(text: str) -> None:
    assert decoded({"codec": "json", "blob": text.replace("%s", "x" * 50_000)}) is None


def test_a_large_number_that_is_none_is_shown_as_null() -> None:
    """As it is in a small value."""
    blob = json.dumps([float("nan"), "x" * 50_000])
    assert msgspec.json.encode(decoded({"codec": "json", "blob": blob}))[:6] == b"[null,"


@pytest.mark.parametrize(("count", "is_shown"), [(20_000, True), (100_000, False)])
def test_typed_frames_are_opened_up_to_a_size(count: int, is_shown: bool) -> None:
    blob = base64.b64encode(encode_frame([None] * count)).decode()
    found = decoded({"codec": "avro", "blob": blob})
    assert found == ([None] * count if is_shown else None)


def test_a_large_typed_frame_of_few_values_is_opened() -> None:
    value = ["x" * 300_000, {"y": 1}]
    blob = base64.b64encode(encode_frame(value)).decode()
    assert decoded({"codec": "avro", "blob": blob}) == value
