"""What is shown of payloads, whatever is in them."""

from typing import Any

import msgspec
import pytest

from durable_workflow import serializer
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
