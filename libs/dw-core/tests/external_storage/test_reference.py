from typing import Any

import pytest

from durable_workflow.external_storage import (
    EXTERNAL_PAYLOAD_REFERENCE_SCHEMA,
    ExternalPayloadReference,
)

SHA = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
DOCUMENT = {
    "schema": EXTERNAL_PAYLOAD_REFERENCE_SCHEMA,
    "uri": "s3://bucket/avro/9f/x",
    "sha256": SHA,
    "size_bytes": 4,
    "codec": "avro",
    "expires_at": "2027-01-01T00:00:00Z",
}


def test_a_reference_is_written_as_it_is_read() -> None:
    reference = ExternalPayloadReference.from_dict({**DOCUMENT, "later": 1})
    assert reference.to_dict() == DOCUMENT
    assert next(iter(reference.to_dict())) == "schema"


def test_no_expiry_is_not_written() -> None:
    reference = ExternalPayloadReference.from_dict({**DOCUMENT, "expires_at": None})
    assert reference.expires_at is None
    assert "expires_at" not in reference.to_dict()


@pytest.mark.parametrize(
    "expires_at",
    [
        "2027-01-01T00:00:00Z",
        "2027-01-01t00:00:00z",
        "2027-01-01T00:00:00.123456789+05:30",
        "2027-01-01T00:00:00-00:00",
    ],
)
def test_times_with_a_zone_are_taken_as_they_are(expires_at: Any) -> None:
    reference = ExternalPayloadReference.from_dict({**DOCUMENT, "expires_at": expires_at})
    assert reference.expires_at == expires_at


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"schema": "v2"}, "schema"),
        ({"schema": None}, "schema"),
        ({"uri": ""}, "uri"),
        ({"uri": 1}, "uri"),
        ({"sha256": SHA[:-1]}, "sha256"),
        ({"sha256": SHA[:-1] + "g"}, "sha256"),
        ({"sha256": None}, "sha256"),
        ({"size_bytes": -1}, "size_bytes"),
        ({"size_bytes": True}, "size_bytes"),
        ({"size_bytes": "4"}, "size_bytes"),
        ({"size_bytes": 4.0}, "size_bytes"),
        ({"codec": ""}, "codec"),
        ({"codec": None}, "codec"),
        ({"expires_at": ""}, "expires_at"),
        ({"expires_at": 1}, "expires_at"),
        ({"expires_at": "2027-01-01"}, "expires_at"),
        ({"expires_at": "2027-01-01T00:00:00"}, "expires_at"),
        ({"expires_at": "2027-13-01T00:00:00Z"}, "expires_at"),
        ({"expires_at": "tomorrow"}, "expires_at"),
    ],
)
def test_what_is_no_reference_is_refused(change: Any, complaint: Any) -> None:
    with pytest.raises(ValueError, match=f"^external payload reference {complaint} "):
        ExternalPayloadReference.from_dict({**DOCUMENT, **change})


@pytest.mark.parametrize("data", [None, "s3://x", [], 1])
def test_what_is_no_object_is_refused(data: Any) -> None:
    with pytest.raises(ValueError, match="must be an object"):
        ExternalPayloadReference.from_dict(data)
