"""Payloads that are kept elsewhere: found in what a decision writes, however large the rest is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from durable_workflow.server.engine.payloads import uris_of_record

LARGE = "x" * 50_000
REFERENCE = {
    "schema": "durable-workflow.v2.external-payload-reference.v1",
    "uri": "file:///elsewhere",
    "sha256": "0" * 64,
    "size_bytes": 5,
    "codec": "avro",
}
KEPT = {"codec": "avro", "external_storage": REFERENCE}


def record(**payload: Any) -> bytes:
    event = {"event_type": "ActivityCompleted", "payload": payload}
    return json.dumps(event, separators=(",", ":")).encode()


@pytest.mark.parametrize(
    "payload",
    [
        {"result": KEPT},
        {"large": LARGE, "result": KEPT},
        {"result": KEPT, "large": LARGE},
        {"one": LARGE, "result": KEPT, "two": LARGE},
        {"large": LARGE + '"', "result": KEPT},
        {"large": '"' + LARGE, "result": KEPT},
        {"small": [""] * 500, "large": LARGE, "result": KEPT},
        {"exception": {"message": LARGE, "details": KEPT}},
    ],
)
def test_a_reference_is_found_beside_large_strings(payload: dict[str, Any]) -> None:
    assert uris_of_record(record(**payload)) == {"file:///elsewhere"}


@pytest.mark.parametrize("large", ["", LARGE])
def test_what_a_user_wrote_is_no_reference(large: str) -> None:
    text = json.dumps(KEPT, separators=(",", ":"))
    assert uris_of_record(record(result=large + text, other={"deep": KEPT})) == set()
